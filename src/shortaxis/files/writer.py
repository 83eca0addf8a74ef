"""Every output goes through here: written beside its target, checked, then renamed over it.

All functions make missing folders and raise WriteFailed; an earlier file is then left byte for byte as it was.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import GridMismatch, WriteFailed, WrongDimensions
from shortaxis.core.study import Grid, NiftiGeometry
from shortaxis.files.gate import BUDGET_BYTES, load_volume
from shortaxis.files.nifti_encode import can_store, encode, geometry_of, gzipped
from shortaxis.files.replace import replace_file

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # what a spreadsheet may run: owasp.org, "CSV Injection"
_SEPARATORS = frozenset(',;\t\r\n"')  # in half of Europe a spreadsheet parts cells at semicolons
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def write_bytes(path: Path, data: bytes) -> None:
    """`data` as it is."""
    replace_file(path, data)


def write_text(path: Path, text: str) -> None:
    """UTF-8 text; a newline is put at the end where there is none."""
    replace_file(path, _lines(text).encode("utf-8", errors="replace"))


def write_json(path: Path, obj: object) -> None:
    """JSON in UTF-8, keys in the order given. NaN and infinity are refused: undefined is null with a reason."""
    try:
        text = json.dumps(obj, ensure_ascii=False, allow_nan=False, indent=2, default=_plain)
    except (ValueError, TypeError, RecursionError) as problem:
        way_out = "give numbers, text, lists and mappings; None where a number is undefined"
        raise WriteFailed("values that JSON can say", str(problem), way_out, path) from problem
    replace_file(path, _lines(text).encode("utf-8", errors="backslashreplace"))  # a lone surrogate as \udcXX


def write_csv(path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None) -> None:
    """A table in UTF-8, one mapping a row; None is an empty cell.

    Columns are `columns`, or every key in the order of first appearance. Text that a spreadsheet would run as a formula
    gets a leading apostrophe; NaN and infinity are refused.
    """
    names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
    table = [names, *([row.get(name) for name in names] for row in rows)]
    lines = (",".join(_cell(value, path) for value in row) + "\n" for row in table)
    replace_file(path, "".join(lines).encode("utf-8", errors="replace"))


def write_labels(
    path: Path,
    array: NDArray[np.uint8],
    grid: Grid,
    is_4d: bool,
    frame_time_ms: float | None = None,
    description: str = "",
) -> None:
    """A segmentation [frame, slice, row, col] as .nii or .nii.gz on `grid`.

    The geometry repeats `grid.nifti` to the letter where the source was NIfTI. `frame_time_ms` is used where it was not.
    `description` goes into the header, ASCII and 79 characters at most: what whoever meets the file alone must know.

    Raises WrongDimensions or GridMismatch beside WriteFailed.
    """
    if array.dtype != np.uint8:
        raise WriteFailed("labels as uint8", str(array.dtype), "convert the array", path)
    write_image(path, array, grid, is_4d, frame_time_ms, description)


def write_image(
    path: Path,
    array: NDArray[np.generic],
    grid: Grid,
    is_4d: bool,
    frame_time_ms: float | None = None,
    description: str = "",
) -> None:
    """An image [frame, slice, row, col] in its own type, otherwise as `write_labels`."""
    if array.ndim != 4 or (array.shape[0] != 1 and not is_4d):
        expected = "[frame, slice, row, col]" + ("" if is_4d else " of one frame for a 3D file")
        raise WrongDimensions(expected, f"shape {array.shape}", "write each frame to its own file", path)
    if array.shape[1:] != grid.shape:
        raise GridMismatch(f"the grid's shape {grid.shape}", f"{array.shape[1:]}", "restore the array first", path)
    if not can_store(array.dtype):
        raise WriteFailed("integer or float voxels up to 64 bits", str(array.dtype), "convert the array", path)
    geometry = geometry_of(grid, frame_time_ms if is_4d else None)
    plain = encode(array, is_4d, geometry, description)
    content = gzipped(plain) if path.name.lower().endswith(".gz") else plain
    n_bytes = len(plain)
    del plain  # a cine is read back beside it

    def verify(written: Path) -> None:
        again = load_volume(written, max(BUDGET_BYTES, 2 * n_bytes))
        raw = again.grid.nifti
        same_geometry = raw is not None and np.array_equal(_numbers(raw), _numbers(geometry), equal_nan=True)
        if not (same_geometry and again.is_4d == is_4d and np.array_equal(again.array, array)):
            raise OSError("voxels or geometry read back differ from what was written")

    replace_file(path, content, verify)


def _numbers(raw: NiftiGeometry) -> NDArray[np.float64]:
    codes = (raw.qform_code, raw.sform_code, raw.xyzt_units)
    return np.concatenate([raw.pixdim, codes, raw.quaternion, raw.sform.ravel()])


def _lines(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _plain(value: object) -> object:
    """What json does not know by itself."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON value")


def _cell(value: object, path: Path) -> str:
    if value is None:
        return ""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise WriteFailed("finite numbers, or None where undefined", str(value), "give None and a reason", path)
    text = str(value)
    if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    return text if _SEPARATORS.isdisjoint(text) else '"{}"'.format(text.replace('"', '""'))
