"""Ways in which a disk refuses, made by the system itself wherever it can be asked to."""

from __future__ import annotations

import io
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

PAGE = 4096  # what a tmpfs gives away at a time
NOBODY = 65534
ROOM_BYTES = 16 * 2**20

Files = dict[str, bytes]


def files_below(folder: Path) -> Files:
    """Every file, hidden ones too, by its name below `folder`; empty folders too, as nothing."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }


@contextmanager
def size_limit(folder: Path, n_bytes: int) -> Iterator[None]:
    """No file may grow beyond `n_bytes`: the system's own limit, with its own short writes."""
    del folder
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def dev_full(folder: Path, n_bytes: int) -> Iterator[None]:
    """The first `n_bytes` reach the disk, the rest goes to /dev/full, whose refusal is the kernel's own."""
    del folder
    left = n_bytes

    class Filling(io.FileIO):
        def write(self, content: Any) -> int:
            nonlocal left
            room = min(left, len(content))
            left -= room
            super().write(content[:room])
            if room < len(content):
                with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123 - unbuffered
                    full.write(content[room:])
            return len(content)

    with (
        mock.patch("os.fdopen", lambda handle, mode: Filling(handle, mode)),
        mock.patch("shortaxis.files.line_file.io.FileIO", Filling),
    ):
        yield


@contextmanager
def full_tmpfs(folder: Path, n_bytes: int) -> Iterator[None]:
    """A true file system, in memory, filled up to the last `n_bytes` (whole pages)."""
    stats = os.statvfs(folder)
    ballast = folder.parent / "ballast"
    free = stats.f_bavail * stats.f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - n_bytes // PAGE * PAGE))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The file system that holds `folder`, mounted read-only."""
    place = str(folder.parent)
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)


@contextmanager
def no_right(folder: Path) -> Iterator[None]:
    """A folder that may be read and not written, by a user who is not root: root may do anything."""
    was_root = os.geteuid() == 0
    modes = {path: path.stat().st_mode for path in (folder, *(p for p in folder.rglob("*") if p.is_dir()))}
    for path in modes:
        path.chmod(0o555)
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


@contextmanager
def immutable(folder: Path) -> Iterator[None]:
    """Every earlier file and folder is immutable: what is new can be written, and cannot take an old one's place."""
    held = [str(path) for path in folder.rglob("*")]
    subprocess.run(["chattr", "+i", *held], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *held], check=True, capture_output=True)


@dataclass(frozen=True)
class Space:
    """A disk that is full after so many bytes."""

    name: str
    runs_out: Callable[[Path, int], AbstractContextManager[None]]
    on_tmpfs: bool = False


@dataclass(frozen=True)
class Denial:
    """A disk that refuses from the start."""

    name: str
    denies: Callable[[Path], AbstractContextManager[None]]
    on_tmpfs: bool = False


SPACES = (Space("RLIMIT_FSIZE", size_limit), Space("dev-full", dev_full), Space("full-tmpfs", full_tmpfs, True))
DENIALS = (
    Denial("read-only-mount", read_only, True),
    Denial("no-permission", no_right),
    Denial("immutable-target", immutable),
)


def mounted(place: Path) -> bool:
    """Whether a small tmpfs could be mounted at `place`."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES},mode=755", "tmpfs", str(place)],
        check=False, capture_output=True,
    )  # fmt: skip
    return done.returncode == 0


def unmount(place: Path) -> None:
    """Let it go; what it held is gone."""
    subprocess.run(["umount", str(place)], check=True)


def skip_unless_denied(denial: Denial, folder: Path) -> None:
    """Skip where this machine cannot be made to refuse, with the reason."""
    probe = folder / "probe"
    probe.write_bytes(b"probe")
    try:
        with denial.denies(folder):
            try:
                if denial.denies is immutable:
                    probe.unlink()
                else:
                    (folder / "second").touch()
            except OSError:
                return
            pytest.skip(f"{denial.name}: this machine lets the write through")
    except (OSError, subprocess.CalledProcessError) as problem:
        pytest.skip(f"{denial.name} cannot be made here: {problem}")
    finally:
        probe.unlink(missing_ok=True)
        (folder / "second").unlink(missing_ok=True)
