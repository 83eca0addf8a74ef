"""How much main memory this process holds, and how much more the machine, its container and its GPU would give it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")
_NO_LIMIT = 2**60  # cgroup v1 states a number near 2**63 where there is no limit


def resident_bytes() -> int:
    """What this process holds in main memory; 0 where the system does not say (no /proc)."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((_PROC / "self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def usable_bytes() -> int | None:
    """What this process holds and may still take, the container's limit observed; None where the system does not say.

    Files that the system keeps in memory for speed count as free: it gives them up when asked.
    """
    free = [left for left in (_left_on_machine(), _left_in_container()) if left is not None]
    return resident_bytes() + max(0, min(free)) if free else None


def free_gpu_bytes(device: str) -> int | None:
    """What a CUDA device would still give this process; None for any other, and where the driver does not say."""
    if not device.startswith("cuda"):
        return None
    import torch

    with contextlib.suppress(RuntimeError, AssertionError):  # no driver; a torch without CUDA
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + kept
    return None


def _left_on_machine() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in (_PROC / "meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(OSError, ValueError, AttributeError):  # macOS has the names, Windows not even the function
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") - resident_bytes()
    return None


def _left_in_container() -> int | None:
    """The tightest limit of the control groups above this process (version 2, else 1), less what they use."""
    left = [_left_in(folder, "memory.max", "memory.current") for folder in _groups()]
    left.append(_left_in(_CGROUP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"))
    known = [bytes_left for bytes_left in left if bytes_left is not None]
    return min(known) if known else None


def _groups() -> list[Path]:
    """This process's group and those it lies in."""
    with contextlib.suppress(OSError):
        for line in (_PROC / "self/cgroup").read_text("utf-8").splitlines():
            if line.startswith("0::"):
                own = _CGROUP / line[3:].strip().lstrip("/")
                return [own, *(parent for parent in own.parents if parent.is_relative_to(_CGROUP))]
    return []


def _left_in(folder: Path, limit_name: str, used_name: str) -> int | None:
    try:
        limit = int((folder / limit_name).read_text("ascii"))  # "max" where there is none: ValueError
        used = int((folder / used_name).read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if limit >= _NO_LIMIT else limit - used + _given_up(folder)


def _given_up(folder: Path) -> int:
    """Bytes of files in memory that the group would give up."""
    with contextlib.suppress(OSError, ValueError):
        for line in (folder / "memory.stat").read_text("ascii").splitlines():
            name, value = line.split()
            if name in ("inactive_file", "total_inactive_file"):
                return int(value)
    return 0
