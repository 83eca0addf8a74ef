"""A file appears whole and checked, or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from shortaxis.core.errors import OutputExists, ShortaxisError, WriteFailed

_TOKEN_LENGTH, _NAME_LENGTH = 8, 40  # of a temporary file's name: letters that are drawn, and of the target's own


def replace_file(
    path: Path, content: bytes, verify: Callable[[Path], None] | None = None, keep: Path | None = None
) -> None:
    """Put `content` at `path`: written beside it, forced to disk, read back, then renamed over it.

    `verify` gets the finished temporary file, whose name ends as `path` does, and raises if it does not hold what was
    meant. Missing parent folders are made. An earlier file is afterwards found at `keep`, a name in the same folder; at
    no moment is there none at `path`, where the file system knows hard links.

    Raises WriteFailed; an earlier file at `path` is then untouched and no temporary file is left. What is no plain file
    (a folder, a device, a pipe) is never replaced.
    """
    temporary = path.with_name(_temporary_name(path))
    try:
        if path.exists() and not path.is_file():
            raise OSError("something that is no plain file stands there")
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_to_disk(temporary, content)
        if temporary.read_bytes() != content:
            raise OSError("the file read back differs from what was written")
        if verify is not None:
            verify(temporary)
        if keep is not None and path.exists():
            _keep(path, keep)
        temporary.replace(path)
        sync_folder(path.parent)
    except ShortaxisError as problem:  # from `verify`: what was written would be refused on the way in
        raise WriteFailed(problem.expected, problem.found, "report this with the input's header", path) from problem
    except (OSError, ValueError) as problem:  # ValueError: a path with a null character
        reason = getattr(problem, "strerror", None) or str(problem)
        way_out = "check free space, permissions and that the target is no folder"
        raise WriteFailed("a place to write the file", reason, way_out, path) from problem
    finally:
        _remove(temporary)


def remove_leftovers(path: Path) -> None:
    """Remove what a killed process left half written for `path`; only where no other process may be writing it now."""
    mine = re.compile(rf"\.[0-9a-f]{{{_TOKEN_LENGTH}}}-{re.escape(path.name[-_NAME_LENGTH:])}")
    for entry in path.parent.glob(".*"):
        if mine.fullmatch(entry.name):
            _remove(entry)


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which takes `folder`'s place when the block ends well and vanishes when not.

    Raises WriteFailed where the disk refuses; an earlier folder is then where and as it was. A refusal from within the
    block names the file where it would have stood.
    """
    part, old = folder.with_name(f".{folder.name}.part"), folder.with_name(f".{folder.name}.old")
    try:
        _clear(folder, part, old)
        part.mkdir(parents=True)
        yield part
        if folder.exists():
            folder.rename(old)
        try:
            part.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
        sync_folder(folder.parent)
    except WriteFailed as problem:
        at = problem.path or part
        named = folder / at.relative_to(part) if at.is_relative_to(part) else at
        raise WriteFailed(problem.expected, problem.found, problem.way_out, named) from problem
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise WriteFailed("a folder that can be written", reason, "check space and permissions", folder) from problem
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)


def _clear(folder: Path, part: Path, old: Path) -> None:
    """Tidy up after a run that was killed: its half is removed, and what it had already moved aside comes back."""
    shutil.rmtree(part, ignore_errors=True)
    if old.exists() and not folder.exists():
        old.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def refuse_to_replace(out: Path, names: Iterable[str], overwrite: bool) -> None:
    """Raise OutputExists where `out` holds a file of these names already and `overwrite` is off."""
    if overwrite:
        return
    for name in names:
        if os.path.lexists(out / name):
            way_out = "choose another --out, or give --overwrite"
            raise OutputExists("a folder without earlier outputs of this kind", name, way_out, out)


def _temporary_name(path: Path) -> str:
    return f".{secrets.token_hex(_TOKEN_LENGTH // 2)}-{path.name[-_NAME_LENGTH:]}"


def _keep(path: Path, earlier: Path) -> None:
    """Give the file at `path` the name `earlier` too, whatever bore it; only that name where there are no hard links."""
    second = earlier.with_name(_temporary_name(earlier))
    try:
        os.link(path, second)
        second.replace(earlier)
    except OSError:  # FAT, some network drives
        path.replace(earlier)
    finally:
        _remove(second)


def _write_to_disk(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
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
