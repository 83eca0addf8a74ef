"""8-bit grey PNG pictures, as some data sets hold their slices."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import DamagedFile, TooLarge, UnknownFormat
from shortaxis.files.intake import read_bytes

MAGIC = b"\x89PNG\r\n\x1a\n"
FILE_BUDGET_BYTES = 64 * 2**20
MOST_PIXELS = 2**26
_GREY_8_BIT = (8, 0)  # bit depth and colour type: PNG specification, 11.2.1 "IHDR"


def load_png(path: Path) -> tuple[NDArray[np.uint8], bytes]:
    """The picture [row, col] and the file's bytes; CRC and checksum of its content are verified.

    Raises MissingFile, Unreadable, UnknownFormat (no PNG, or not 8-bit grey), TooLarge or DamagedFile.
    """
    from PIL import Image

    content = read_bytes(path, FILE_BUDGET_BYTES)
    if not content.startswith(MAGIC) or len(content) < 29 or content[12:16] != b"IHDR":
        raise UnknownFormat("a PNG picture", "another format", "give the data set's own files", path)
    cols, rows, depth, colour = struct.unpack(">IIBB", content[16:26])
    if (depth, colour) != _GREY_8_BIT:
        way_out = "save it as 8-bit grey; label numbers must survive"
        raise UnknownFormat("8-bit grey", f"bit depth {depth}, colour type {colour}", way_out, path)
    if rows * cols > MOST_PIXELS:
        raise TooLarge(f"at most {MOST_PIXELS} pixels", f"{rows} x {cols}", "check the file", path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=["PNG"]) as checked:
                checked.verify()  # every chunk's CRC; the picture itself must then be opened again
            with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
                array = np.array(picture)
    except (OSError, ValueError, SyntaxError, EOFError, struct.error) as problem:  # how Pillow says damaged
        raise DamagedFile("a whole PNG file", str(problem), "copy the file again", path) from problem
    if array.shape != (rows, cols) or array.dtype != np.uint8:
        raise DamagedFile(f"{rows} x {cols} bytes", f"{array.shape} of {array.dtype}", "copy the file again", path)
    return array, content
