"""Bytes from disk, with every way this can go wrong turned into a typed refusal.

A .nii.gz is inflated here and not by nibabel, which does not check the CRC: most single bit flips then gave wrong
voxels in silence. zlib in gzip mode checks CRC and length once the stream is read to its end, which `inflate` does.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from shortaxis.core.errors import DamagedFile, MissingFile, TooLarge, UnknownFormat, Unreadable

GZIP_MAGIC = b"\x1f\x8b"
MAX_DEFLATE_RATIO = 1032  # no deflate stream expands further: RFC 1951's longest match, 258 bytes for two bits
_PIECE_BYTES = 2**16  # of a stream, unpacked at a time: 64 MiB at most
_GZIP_MODE = 31  # zlib's window bits for a gzip wrapper, whose CRC it then checks


def read_bytes(path: Path, budget_bytes: int) -> bytes:
    """A regular file's whole content.

    Raises MissingFile, UnknownFormat (a folder, a pipe), DamagedFile (empty), TooLarge or Unreadable.
    """
    try:
        if not path.exists():
            raise MissingFile("a file", "nothing at that path", "check the path", path)
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "no regular file"
            raise UnknownFormat("a regular file", kind, "give the file itself", path)
        size = path.stat().st_size
        if size > budget_bytes:
            raise TooLarge(f"at most {budget_bytes} bytes", f"{size} bytes", "crop the file or raise the budget", path)
        content = path.read_bytes()
    except (OSError, ValueError) as problem:  # ValueError: a path with a null character
        reason = getattr(problem, "strerror", None) or str(problem)
        raise Unreadable(
            "a file this user may read", reason, "check the file's permissions and disk", path
        ) from problem
    except MemoryError as problem:
        raise TooLarge("a file that fits in memory", "not enough memory", "close other programs", path) from problem
    if not content:
        raise DamagedFile("a file with content", "an empty file", "copy the file again from its source", path)
    return content


def inflate_start(content: bytes, n_bytes: int, path: Path) -> bytes:
    """The first `n_bytes` of a gzip stream, or fewer where it is shorter. Raises DamagedFile, also where it breaks off."""
    stream = zlib.decompressobj(_GZIP_MODE)
    try:
        start = stream.decompress(content, n_bytes)
        if len(start) < n_bytes and not stream.eof:
            raise _damaged(f"a stream that breaks off after {len(start)} bytes", path)
        return start
    except zlib.error as problem:
        raise _damaged(str(problem), path) from problem


def inflate(content: bytes, n_bytes: int, path: Path) -> bytearray:
    """A gzip file's content, which must be exactly `n_bytes` long; CRC and length of every member are checked.

    It is unpacked into its place piece by piece, so that it stands in memory once.

    Raises DamagedFile for a truncated, altered, too short or too long stream, TooLarge where memory does not suffice.
    """
    rest, filled = memoryview(content), 0
    try:
        plain = bytearray(n_bytes)
        while not _is_padding(rest):  # a gzip file may have several members and zero padding at its end
            stream = zlib.decompressobj(_GZIP_MODE)
            while rest and not stream.eof:
                part = stream.decompress(rest[:_PIECE_BYTES])
                if filled + len(part) > n_bytes:
                    raise _damaged(f"more than the {n_bytes} bytes its header states", path)
                plain[filled : filled + len(part)] = part
                filled += len(part)
                rest = rest[min(_PIECE_BYTES, len(rest)) - len(stream.unused_data) :]
            if not stream.eof:
                raise _damaged(f"a stream that breaks off, {n_bytes - filled} of {n_bytes} bytes missing", path)
    except zlib.error as problem:
        raise _damaged(str(problem), path) from problem
    except MemoryError as problem:
        raise TooLarge("voxels that fit in memory", f"{n_bytes} bytes", "crop the file", path) from problem
    if filled < n_bytes:
        raise _damaged(f"{filled} of the {n_bytes} bytes its header states", path)
    return plain


def _is_padding(rest: memoryview) -> bool:
    """Whether nothing is left but zeros."""
    return not rest or (rest[0] == 0 and not bytes(rest).strip(b"\0"))


def _damaged(found: str, path: Path) -> DamagedFile:
    return DamagedFile(
        "a gzip file whole to its end, with a matching checksum", found, "copy the file again from its source", path
    )
