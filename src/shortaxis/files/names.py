"""Names that are safe as file and folder names on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

MAX_LENGTH = 80
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def slug(text: str) -> str:
    """`text` in ASCII letters, digits, '-', '_' and '.', at most 80 long; never empty, hidden or reserved by Windows."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    name = re.sub(r"\.{2,}", ".", name).strip("-.")[:MAX_LENGTH].rstrip("-.")
    if not name:
        return "case"
    return f"case-{name}" if name.split(".")[0].lower() in _RESERVED else name


def stem_of(path: Path) -> str:
    """The file's name without .nii or .nii.gz."""
    return re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE)


def unique(names: Sequence[str]) -> list[str]:
    """The names in their order, later equals (also in other case) with `-2`, `-3`, ... behind them."""
    taken: set[str] = set()
    result = []
    for name in names:
        free, count = name, 1
        while free.lower() in taken:
            count += 1
            free = f"{name}-{count}"
        taken.add(free.lower())
        result.append(free)
    return result
