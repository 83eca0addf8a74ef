"""MATLAB's .mat files -> a flat mapping of arrays and text, decoded in a child process.

Versions 5 to 7 are read by scipy, version 7.3 (HDF5) by h5py where it is installed. Both can end the interpreter on a
damaged file, so neither runs here. What runs here is a walk over the file's outermost elements: each must be whole, a
compressed one must pass its checksum, and together they must stay within the budget, before a decoder sees them.
(Layout: The MathWorks, "MAT-File Format", chapter 1.)
"""

from __future__ import annotations

import math
import struct
import zlib
from importlib.util import find_spec
from pathlib import Path

from shortaxis.core.errors import DamagedFile, PackageMissing, TooLarge, UnknownFormat
from shortaxis.files.child import Limits, Value, run_in_child
from shortaxis.files.intake import read_bytes
from shortaxis.files.mat_decode import decode_hdf5, decode_mat5

BUDGET_BYTES = 2 * 2**30
SECONDS = 120.0
HEADER_BYTES = 128
HDF5_OFFSET, HDF5_MAGIC = 512, b"\x89HDF\r\n\x1a\n"
_MATRIX, _COMPRESSED = 14, 15  # miMATRIX, miCOMPRESSED
_UINT32, _INT32 = 6, 5
_SPARSE = 5  # mxSPARSE_CLASS, whose dimensions claim more than it stores
_CHUNK_BYTES = 2**20
_WAY_OUT = "copy the file again from its source"


def read_mat(path: Path, budget_bytes: int = BUDGET_BYTES) -> dict[str, Value]:
    """The numeric arrays and texts of a .mat file by their place in it.

    A variable is `name`, a struct's field `name.field`; in an array of several structs `name[0].field`, `name[1].field`,
    ..., a cell's parts `name[0]`, `name[1]`, ..., counted as MATLAB counts (first dimension fastest). Arrays keep MATLAB's
    order of dimensions and have two or more. Objects, function handles and sparse matrices are left out.

    Args:
        path: the file.
        budget_bytes: the most its content may take once decompressed.

    Raises:
        UnknownFormat: no .mat file, or one of version 4.
        DamagedFile: truncated, altered, or not decodable.
        TooLarge: more content than the budget.
        PackageMissing: version 7.3, and h5py is not installed.
        ShortaxisError: MissingFile or Unreadable; DecoderCrashed or DecoderTimedOut.
    """
    content = read_bytes(path, budget_bytes)
    limits = Limits(3 * budget_bytes, SECONDS)  # the file's bytes, the arrays, and a copy while they are put in order
    if content[HDF5_OFFSET : HDF5_OFFSET + len(HDF5_MAGIC)] == HDF5_MAGIC or content.startswith(HDF5_MAGIC):
        if find_spec("h5py") is None:
            raise PackageMissing(
                "h5py, which reads .mat files of version 7.3",
                "it is not installed",
                "pip install 'shortaxis[hdf5]', or save the file with MATLAB's -v7",
                path,
            )
        del content
        return run_in_child(decode_hdf5, path, limits, ("h5py",), budget_bytes=budget_bytes)
    _check_elements(content, budget_bytes, path)
    del content
    return run_in_child(decode_mat5, path, limits, ("scipy.io",))


def _check_elements(content: bytes, budget_bytes: int, path: Path) -> None:
    order = _byte_order(content, path)
    position, total = HEADER_BYTES, 0
    while position < len(content):
        tag = content[position : position + 8]
        if len(tag) < 8:
            raise _damaged(f"{len(tag)} bytes at the end", path)
        kind, n_bytes = struct.unpack(order + "II", tag)
        position += 8
        if kind not in (_MATRIX, _COMPRESSED) or n_bytes > len(content) - position:
            raise _damaged(f"an element of type {kind} and {n_bytes} bytes at {position - 8}", path)
        element = content[position : position + n_bytes]
        position += n_bytes
        if kind == _COMPRESSED:
            start, size = _inflated(element, budget_bytes - total, path)
            if len(start) < 8 or struct.unpack(order + "II", start[:8]) != (_MATRIX, size - 8):
                raise _damaged("a compressed element that holds no whole matrix", path)
            start, n_bytes = start[8:], size - 8
        else:
            start = element[:_CHUNK_BYTES]
        total += n_bytes
        if total > budget_bytes:
            raise _too_large(budget_bytes, path)
        _check_dimensions(start, n_bytes, order, path)


def _byte_order(content: bytes, path: Path) -> str:
    """struct's sign for the file's byte order. Raises UnknownFormat for what is no .mat file of version 5 to 7."""
    if len(content) >= 4 and 0 in content[:4]:
        way_out = "save it in MATLAB with -v7"
        raise UnknownFormat("a .mat file of version 5 or later", "version 4, or no .mat file", way_out, path)
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or struct.unpack(order + "H", content[124:126])[0] != 0x0100:
        raise UnknownFormat("a .mat file", "a header that is none", "save it in MATLAB with -v7", path)
    return order


def _inflated(element: bytes, most_bytes: int, path: Path) -> tuple[bytes, int]:
    """The first bytes of a compressed element and how many there are in all; the rest is only counted and checked."""
    stream = zlib.decompressobj()
    first, size, rest = b"", 0, element
    try:
        while not stream.eof:
            part = stream.decompress(rest, _CHUNK_BYTES)
            first = first or part
            size += len(part)
            if size > most_bytes:
                raise _too_large(most_bytes, path)
            rest = stream.unconsumed_tail
            if not part and not rest and not stream.eof:
                raise _damaged("a compressed element that breaks off", path)
    except zlib.error as problem:
        raise _damaged(str(problem), path) from problem
    if stream.unused_data:
        raise _damaged("bytes behind a compressed element", path)
    return first, size


def _check_dimensions(start: bytes, n_bytes: int, order: str, path: Path) -> None:
    """An array's flags and dimensions; each of its elements takes a byte at least, a sparse one's excepted."""
    if n_bytes == 0:  # how MATLAB stores an empty part of a cell
        return
    flags, dimensions = start[:16], start[16:24]
    if len(dimensions) < 8 or struct.unpack(order + "II", flags[:8]) != (_UINT32, 8):
        raise _damaged("a matrix without array flags", path)
    kind, size = struct.unpack(order + "II", dimensions)
    shape = start[24 : 24 + size]
    if kind != _INT32 or size % 4 or len(shape) < size:
        if struct.unpack(order + "I", flags[8:12])[0] & 0xFF == 17:  # mxOPAQUE_CLASS states no dimensions
            return
        raise _damaged("a matrix without dimensions", path)
    lengths = struct.unpack(f"{order}{size // 4}i", shape)
    is_sparse = struct.unpack(order + "I", flags[8:12])[0] & 0xFF == _SPARSE
    if min(lengths, default=0) < 0 or (not is_sparse and math.prod(lengths) > n_bytes):
        raise _damaged(f"a matrix of {' x '.join(map(str, lengths))} elements in {n_bytes} bytes", path)


def _damaged(found: str, path: Path) -> DamagedFile:
    return DamagedFile("a .mat file whole to its end", found, _WAY_OUT, path)


def _too_large(most_bytes: int, path: Path) -> TooLarge:
    return TooLarge(f"at most {most_bytes} bytes of content", "more", "crop the image or raise the budget", path)
