"""A file appears whole and checked, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from shortaxis.core.errors import OutputExists, ShortaxisError, WriteFailed


def replace_file(path: Path, content: bytes, verify: Callable[[Path], None] | None = None) -> None:
    """Put `content` at `path`: written beside it, forced to disk, read back, then renamed over it.

    `verify` gets the finished temporary file, whose name ends as `path` does, and raises if it does not hold what was
    meant. Missing parent folders are made.

    Raises WriteFailed; an earlier file at `path` is then untouched and no temporary file is left.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name[-40:]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_to_disk(temporary, content)
        if temporary.read_bytes() != content:
            raise OSError("the file read back differs from what was written")
        if verify is not None:
            verify(temporary)
        temporary.replace(path)
        _sync_folder(path.parent)
    except ShortaxisError as problem:  # from `verify`: what was written would be refused on the way in
        raise WriteFailed(problem.expected, problem.found, "report this with the input's header", path) from problem
    except (OSError, ValueError) as problem:  # ValueError: a path with a null character
        reason = getattr(problem, "strerror", None) or str(problem)
        way_out = "check free space, permissions and that the target is no folder"
        raise WriteFailed("a place to write the file", reason, way_out, path) from problem
    finally:
        _remove(temporary)


def refuse_to_replace(out: Path, names: Iterable[str], overwrite: bool) -> None:
    """Raise OutputExists where `out` holds a file of these names already and `overwrite` is off."""
    if overwrite:
        return
    for name in names:
        if os.path.lexists(out / name):
            way_out = "choose another --out, or give --overwrite"
            raise OutputExists("a folder without earlier outputs of this kind", name, way_out, out)


def _write_to_disk(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows, some network drives: the file is there, only its name may be lost with the power
        return
    with contextlib.suppress(OSError):
        os.fsync(handle)
    os.close(handle)


def _remove(temporary: Path) -> None:
    with contextlib.suppress(OSError, ValueError):  # the write's own refusal is the one worth telling
        temporary.unlink(missing_ok=True)
