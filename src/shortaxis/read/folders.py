"""Walking a tree of scans: sorted, links followed once, hidden entries left alone, nothing skipped in silence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from shortaxis.core.errors import MissingFile, Unreadable


def entries_of(folder: Path) -> tuple[list[Path], list[Path]]:
    """The folder's visible sub-folders and other entries, each sorted by name. Raises MissingFile or Unreadable."""
    try:
        if not folder.is_dir():
            raise MissingFile("a folder", "no folder at that path", "check the path", folder)
        visible = sorted(entry for entry in folder.iterdir() if entry.name[0] != "." and entry.name != "__MACOSX")
        folders = [entry for entry in visible if entry.is_dir()]
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise Unreadable("a folder this user may list", reason, "check the folder's permissions", folder) from problem
    known = set(folders)
    return folders, [entry for entry in visible if entry not in known]


def walk(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Every folder at or below `root` with its files, parents first; a folder reached twice by links comes once."""
    waiting, seen = [root], set[str]()
    while waiting:
        folder = waiting.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        folders, files = entries_of(folder)
        yield folder, files
        waiting.extend(reversed(folders))
