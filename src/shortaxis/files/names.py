"""Names that are safe as file and folder names on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from shortaxis.files.identity import kept_in_force

MAX_LENGTH = 80
_FORBIDDEN = frozenset('/\\:*?"<>|')
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def slug(text: str) -> str:
    """`text` in ASCII letters, digits, '-', '_' and '.', at most 80 long; never empty, hidden or reserved by Windows."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain)
    name = re.sub(r"\.{2,}", ".", name).strip("-.")[:MAX_LENGTH].rstrip("-.")
    if not name:
        return "case"
    return f"case-{name}" if name.split(".")[0].lower() in _RESERVED else name


def output_name(text: str) -> str:
    """What a case or an output is called after `text`: a slug, or `own_name` where names are kept (`files.identity`)."""
    return own_name(text) if kept_in_force().names else slug(text)


def own_name(text: str) -> str:
    """`text` in its own letters; what some system allows in no file name, or would not show, becomes '-'."""
    plain = "".join(letter if letter.isprintable() and letter not in _FORBIDDEN else "-" for letter in text)
    name = plain.strip(" .")[:MAX_LENGTH].rstrip(" .")
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
