"""Stored values of DICOM images. A codec may crash, hang or swell on a damaged stream, so it runs in a child process.

All compressed files of a stack go to one child, which opens them itself; what is not compressed is only copied and stays
in this process. What the headers claim has been checked before (`pixels`).
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import DamagedFile, DecoderCrashed
from shortaxis.files.child import Limits, run_in_child
from shortaxis.read.dicom.files import Source
from shortaxis.read.dicom.frames import parse_errors

if TYPE_CHECKING:
    from pydicom import Dataset

CHILD_BYTES = 2**30  # codecs' own libraries and buffers
TIMES_PIXELS = 4  # decoded, turned round, copied into the answer, and a codec's 32-bit planes
RLE_PADDING_BYTES = 2  # beyond a segment's last pixel; even lengths are the standard's, some encoders' too
CHILD_SECONDS, SECONDS_PER_BYTE = 120.0, 1e-6  # the slowest codec decodes some megabytes a second


def stored_values(dataset: Dataset) -> NDArray[np.generic]:
    """Stored values [frame, row, col] of a data set, MONOCHROME1 turned round. The one place where a codec runs.

    Raises what pydicom and its codecs raise on damaged data (`frames.parse_errors`).
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        stored = dataset.pixel_array
    _check_padding(said)
    spare = stored.dtype.itemsize * 8 - int(dataset.get("BitsStored", stored.dtype.itemsize * 8))
    if spare > 0:
        stored = (stored << spare) >> spare  # old scanners keep overlays in the bits above the image
    stored = stored.reshape(int(dataset.get("NumberOfFrames") or 1), int(dataset.Rows), int(dataset.Columns))
    return _turned_round(stored, dataset) if dataset.PhotometricInterpretation == "MONOCHROME1" else stored


def decode_compressed(sources: Sequence[Source], pixel_bytes: int) -> dict[Source, NDArray[np.generic]]:
    """Stored values [frame, row, col] of each file, all decoded in one child process.

    Args:
        sources: compressed files whose headers were checked.
        pixel_bytes: what their headers claim together, decoded.

    Raises:
        DamagedFile, DecoderCrashed: naming the file at fault.
        DecoderTimedOut, TooLarge: naming the folder.
    """
    try:
        return _in_child(sources, pixel_bytes)
    except DecoderCrashed as crash:
        raise DecoderCrashed(crash.expected, crash.found, crash.way_out, _culprit(sources, pixel_bytes)) from crash


def decode_places(path: Path, places: Sequence[tuple[str, int | None]]) -> dict[str, NDArray[np.generic] | str]:
    """By the place's number its stored values, or in text why there are none. Runs in the child process.

    A place is a file and, where that is a zip, the number of the member in it. `path` only names the input.
    """
    import pydicom
    from pydicom.config import disable_value_validation

    del path
    values: dict[str, NDArray[np.generic] | str] = {}
    archives: dict[str, zipfile.ZipFile] = {}
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (name, member) in enumerate(places):
            try:
                content = _content(name, member, archives)
                values[str(number)] = stored_values(pydicom.dcmread(io.BytesIO(content), force=True))
            except MemoryError:
                raise  # not this file's fault alone: the child is over its budget
            except parse_errors() as problem:
                values[str(number)] = type(problem).__name__  # a codec's own words may quote a value
    return values


def _in_child(sources: Sequence[Source], pixel_bytes: int) -> dict[Source, NDArray[np.generic]]:
    limits = Limits(CHILD_BYTES + TIMES_PIXELS * pixel_bytes, CHILD_SECONDS + SECONDS_PER_BYTE * pixel_bytes)
    where = sources[0].path if len(sources) == 1 else sources[0].path.parent
    places: Any = [source.place for source in sources]
    answer = run_in_child(decode_places, where, limits, ("pydicom.pixels.decoders",), places=places)
    found: dict[Source, NDArray[np.generic]] = {}
    for number, source in enumerate(sources):
        value = answer.get(str(number), "no answer")
        if isinstance(value, str):
            how = f"a stream that does not decode ({value})"
            raise DamagedFile("a whole compressed image", how, "copy or export it again", source.path)
        found[source] = value
    return found


def _culprit(sources: Sequence[Source], pixel_bytes: int) -> Path:
    """The file on which a codec crashes, by halving; the last one where a half alone does not crash."""
    while len(sources) > 1:
        half = sources[: len(sources) // 2]
        try:
            _in_child(half, pixel_bytes)
        except DecoderCrashed:
            sources = half
        except DamagedFile:
            return sources[0].path.parent  # two faults at once
        else:
            sources = sources[len(half) :]
    return sources[0].path


def _content(name: str, member: int | None, archives: dict[str, zipfile.ZipFile]) -> bytes:
    if member is None:
        return Path(name).read_bytes()
    if name not in archives:
        archives[name] = zipfile.ZipFile(name)  # open as long as the child lives
    return archives[name].read(archives[name].infolist()[member])


def _check_padding(said: Sequence[warnings.WarningMessage]) -> None:
    """Raises ValueError where run-length decoding gave far more bytes than the image has, which pydicom only warns of."""
    for warning in said:
        counts = re.search(r"non-conformant padding - (\d+) vs\. (\d+)", str(warning.message))
        if counts and int(counts[1]) - int(counts[2]) > RLE_PADDING_BYTES:
            raise ValueError("a run-length stream of another length than the image")


def _turned_round(stored: NDArray[np.generic], dataset: Dataset) -> NDArray[np.generic]:
    """Bright for dark over the whole stored range: min + max - value."""
    top = (1 << int(dataset.BitsStored)) - 1 if not dataset.PixelRepresentation else -1  # signed: -2^(n-1) + 2^(n-1)-1
    return (np.asarray(top, np.int64) - stored.astype(np.int64)).astype(stored.dtype)
