"""Which files of a folder or zip are DICOM, and their bytes; nothing is ever unpacked to disk."""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from shortaxis.core.errors import DamagedFile, MissingFile, TooLarge, Unreadable, UnsafeArchive

HEAD_BYTES = 132  # a preamble of 128 bytes, then "DICM"
MAX_FILE_BYTES = 4 * 2**30  # one object; an enhanced cine of 30 x 20 frames of 1024 x 1024 has 1.3 GB
MAX_ARCHIVE_BYTES = 16 * 2**30  # all members together, unpacked
MAX_MEMBERS = 200_000
MAX_RATIO, RATIO_FREE_BYTES = 200, 16 * 2**20  # images shrink 2 to 5 times; empty ones more, but they are small
LOOK_AT = 200  # files that `looks_like_dicom` opens before it gives up
_ENCRYPTED = 0x1


@dataclass(frozen=True, eq=False)
class Source:
    """One DICOM file, on disk or inside a zip.

    Attributes:
        name: path below the input, with forward slashes.
        path: what an error names.
        size: bytes, unpacked.
    """

    name: str
    path: Path
    size: int
    _archive: zipfile.ZipFile | None = None
    _member: zipfile.ZipInfo | None = None

    @property
    def place(self) -> tuple[str, int | None]:
        """Where another process finds it: the file, and in a zip the number of the member."""
        if self._archive is None or self._member is None:
            return str(self.path.absolute()), None
        number = next(i for i, info in enumerate(self._archive.infolist()) if info is self._member)
        return str(Path(self._archive.filename or "").absolute()), number

    def head(self) -> bytes:
        """The first bytes, enough for `is_dicom_head`. Raises Unreadable or DamagedFile."""
        with self._stream() as stream, self._told():
            return stream.read(HEAD_BYTES)

    def open(self) -> BinaryIO:
        """The file for reading from its start. Raises Unreadable, DamagedFile or TooLarge."""
        if self.size > MAX_FILE_BYTES:
            raise TooLarge(f"at most {MAX_FILE_BYTES} bytes a file", f"{self.size}", "leave the file out", self.path)
        if self._archive is None:
            return self._stream()
        with self._stream() as stream, self._told():
            return io.BytesIO(stream.read())  # to the end, where the checksum is verified

    def read(self) -> bytes:
        """The whole content. Raises what `open` raises."""
        with self.open() as stream:
            return stream.read()

    def _stream(self) -> BinaryIO:
        with self._told():
            if self._archive is None or self._member is None:
                return self.path.open("rb")
            return cast(BinaryIO, self._archive.open(self._member))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise Unreadable("a file this user may read", str(problem.strerror), "check it", self.path) from problem
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as problem:
            raise DamagedFile("a zip member that unpacks", str(problem), "make the zip again", self.path) from problem


@contextmanager
def dicom_sources(path: Path) -> Iterator[tuple[tuple[Source, ...], int]]:
    """The DICOM files at `path` (a file, a folder, a zip) in the order of their names, and how many were passed over.

    A file is DICOM by its content, never by its name. DICOMDIR, an index of other files, is not counted.
    Raises MissingFile, UnsafeArchive, TooLarge, DamagedFile or Unreadable.
    """
    if not path.exists():
        raise MissingFile("a DICOM file, folder or zip", "nothing at that path", "check the path", path)
    if path.is_file() and _starts_as_zip(path):
        with _opened_zip(path) as archive:
            yield _only_dicom(_members(archive, path))
    elif path.is_file():
        yield _only_dicom(iter([Source(path.name, path, path.stat().st_size)]))
    else:
        yield _only_dicom(_walk(path))


def looks_like_dicom(path: Path) -> bool:
    """Whether `path` is a DICOM file, or a folder or zip with one among its first 200 files; reads only their heads.

    True also of a zip that is damaged or encrypted, which may hold scans: it is for `dicom_sources` to refuse by name.
    """
    try:
        if path.is_dir():
            candidates = (source for _, source in zip(range(LOOK_AT), _walk(path), strict=False))
            return any(is_dicom_head(_head(source.path)) for source in candidates)
        if not path.is_file():
            return False
        return _holds_dicom(path) if _starts_as_zip(path) else is_dicom_head(_head(path))
    except (OSError, ValueError):
        return False  # whoever reads the path in earnest says what is wrong with it


def _holds_dicom(archive_path: Path) -> bool:
    try:
        with zipfile.ZipFile(archive_path) as archive:
            for info in [info for info in archive.infolist() if not info.is_dir()][:LOOK_AT]:
                if info.flag_bits & _ENCRYPTED:
                    return True
                with archive.open(info) as member:
                    if is_dicom_head(member.read(HEAD_BYTES)):
                        return True
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return True
    return False


def is_dicom_head(head: bytes) -> bool:
    """Whether a file that begins so is DICOM: "DICM" after the preamble, or, without one, a first tag of group 8."""
    if head[128:HEAD_BYTES] == b"DICM":
        return True
    first_tag, kind = head[:4], head[4:6]
    return first_tag in (b"\x08\x00\x00\x00", b"\x08\x00\x05\x00", b"\x08\x00\x08\x00") and (
        kind in (b"UL", b"CS") or head[6:8] == b"\x00\x00"  # explicit, or implicit with a short first value
    )


def _only_dicom(candidates: Iterator[Source]) -> tuple[tuple[Source, ...], int]:
    found, passed_over = [], 0
    for source in candidates:
        if PurePosixPath(source.name).name.upper() == "DICOMDIR":
            continue
        if is_dicom_head(source.head()):
            found.append(source)
        else:
            passed_over += 1
    return tuple(sorted(found, key=lambda source: source.name)), passed_over


def _walk(root: Path) -> Iterator[Source]:
    for folder, below, names in os.walk(root, followlinks=False):
        below.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():  # no pipe, no device, no broken link
                yield Source(path.relative_to(root).as_posix(), path, path.stat().st_size)


def _members(archive: zipfile.ZipFile, path: Path) -> Iterator[Source]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    total = sum(info.file_size for info in infos)
    if len(infos) > MAX_MEMBERS or total > MAX_ARCHIVE_BYTES:
        limit = f"at most {MAX_MEMBERS} files of {MAX_ARCHIVE_BYTES} bytes together"
        raise TooLarge(limit, f"{len(infos)} files of {total} bytes", "zip one patient at a time", path)
    for info in infos:
        _check_member(info, path)
    for info in infos:
        yield Source(info.filename, path / info.filename, info.file_size, archive, info)


def _check_member(info: zipfile.ZipInfo, path: Path) -> None:
    name = info.filename.replace("\\", "/")
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    if is_link or name.startswith("/") or ":" in name.split("/")[0] or ".." in name.split("/"):
        found = f"the {'link' if is_link else 'member'} {info.filename!r}"
        raise UnsafeArchive("members that stay below their folder", found, "make the zip again", path)
    if info.flag_bits & _ENCRYPTED:
        raise Unreadable("a zip without a password", f"{info.filename!r} is encrypted", "unpack it first", path)
    if info.file_size > max(RATIO_FREE_BYTES, MAX_RATIO * info.compress_size):
        found = f"{info.filename!r} grows from {info.compress_size} to {info.file_size} bytes"
        raise TooLarge(f"members that unpack to at most {MAX_RATIO} times their size", found, "unpack it first", path)


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as problem:
        raise DamagedFile("a whole zip file", str(problem), "copy or make the zip again", path) from problem
    with archive:
        yield archive


def _starts_as_zip(path: Path) -> bool:
    return _head(path)[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError as problem:
        raise Unreadable("a file this user may read", str(problem.strerror), "check it", path) from problem
