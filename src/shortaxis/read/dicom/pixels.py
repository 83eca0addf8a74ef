"""Pixels of frames: one decode per file, codecs in a child process, what the header claims checked first, rescaled once."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import DamagedFile, ShortaxisError, TooLarge, UnreadableTransferSyntax
from shortaxis.read.dicom.codec import decode_compressed, stored_values
from shortaxis.read.dicom.files import Source
from shortaxis.read.dicom.frames import Frame, check_claim, parse_errors, raise_damaged, refuse_deflated

if TYPE_CHECKING:
    from pydicom import Dataset

END_OF_IMAGE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike
MAX_STUDY_BYTES = 4 * 2**30
_PACKAGES: Mapping[str, str] = {
    "1.2.840.10008.1.2.4.50": "pillow",
    "1.2.840.10008.1.2.4.51": "python-gdcm",
    "1.2.840.10008.1.2.4.57": "python-gdcm",
    "1.2.840.10008.1.2.4.70": "python-gdcm",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg-openjpeg",
}


@dataclass(frozen=True, eq=False)
class Pixels:
    """What `load` returns: one array [frame, row, col] per run, and a hash of the files that ignores their names."""

    runs: tuple[NDArray[np.generic], ...]
    sha256: str


def load(runs: Sequence[Sequence[Frame]]) -> Pixels:
    """The images of each run's frames, each file opened and decoded once.

    As stored where a frame is not rescaled, float32 otherwise. Raises TooLarge, UnreadableTransferSyntax or DamagedFile.
    """
    flat = [frame for run in runs for frame in run]
    _check_total(flat)
    planes: dict[Frame, NDArray[np.generic]] = {}
    digests: list[bytes] = []
    compressed: dict[Source, int] = {}
    groups = _by_source(flat)
    for source, wanted in groups.items():
        content = source.read()
        digests.append(hashlib.sha256(content).digest())
        with _parsed(content, source) as dataset:
            if _is_compressed(dataset):
                compressed[source] = _pixel_bytes(dataset)
            else:
                planes |= _planes(stored_values(dataset), wanted)
    if compressed:
        for source, stored in decode_compressed(tuple(compressed), sum(compressed.values())).items():
            planes |= _planes(stored, groups[source])
    stacked = tuple(np.stack([planes[frame] for frame in run]) for run in runs)
    return Pixels(stacked, hashlib.sha256(b"".join(sorted(digests))).hexdigest())


def fingerprints(frames: Sequence[Frame]) -> list[bytes]:
    """A hash of each frame's stored values; of its compressed stream where there is one, so that no codec runs."""
    found: dict[Frame, bytes] = {}
    for source, wanted in _by_source(frames).items():
        with _parsed(source.read(), source) as dataset:
            parts = _streams(dataset) if _is_compressed(dataset) else [p.tobytes() for p in stored_values(dataset)]
            found |= {frame: hashlib.sha256(parts[frame.number]).digest() for frame in wanted}
    return [found[frame] for frame in frames]


def _by_source(frames: Sequence[Frame]) -> dict[Source, list[Frame]]:
    groups: dict[Source, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.source].append(frame)
    return groups


@contextmanager
def _parsed(content: bytes, source: Source) -> Iterator[Dataset]:
    """One file's data set, its claims checked; what goes wrong with it inside the block is the file's fault.

    Raises DamagedFile, TooLarge or UnreadableTransferSyntax.
    """
    import pydicom
    from pydicom.config import disable_value_validation

    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            refuse_deflated(content[:4096], source)
            dataset = pydicom.dcmread(io.BytesIO(content), force=True)
            check_claim(dataset, source)
            _check_decoder(dataset, source)
            _check_codestream(dataset, source)
            yield dataset
        except ShortaxisError:
            raise
        except parse_errors() as problem:
            raise_damaged(source, problem)


def _is_compressed(dataset: Dataset) -> bool:
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    return syntax is not None and syntax.is_encapsulated


def _pixel_bytes(dataset: Dataset) -> int:
    """Decoded, as the header claims."""
    count, depth = int(dataset.get("NumberOfFrames") or 1), int(dataset.get("BitsAllocated", 16))
    return count * int(dataset.Rows) * int(dataset.Columns) * ((depth + 7) // 8)


def _streams(dataset: Dataset) -> list[bytes]:
    """The compressed stream of each frame."""
    from pydicom.encaps import generate_frames

    count = int(dataset.get("NumberOfFrames") or 1)
    return list(generate_frames(dataset.PixelData, number_of_frames=count))


def _planes(stored: NDArray[np.generic], wanted: Sequence[Frame]) -> dict[Frame, NDArray[np.generic]]:
    return {frame: _rescaled(stored[frame.number], frame).copy() for frame in wanted}


def _rescaled(stored: NDArray[np.generic], frame: Frame) -> NDArray[np.generic]:
    if frame.slope == 1 and frame.intercept == 0:
        return stored
    return (stored.astype(np.float64) * frame.slope + frame.intercept).astype(np.float32)


def _check_total(frames: Sequence[Frame]) -> None:
    size = sum(frame.plane.shape[0] * frame.plane.shape[1] * 4 for frame in frames if frame.plane is not None)
    if size > MAX_STUDY_BYTES:
        found = f"{len(frames)} images, {size} bytes as float32"
        raise TooLarge(f"at most {MAX_STUDY_BYTES} bytes", found, "give one study at a time", frames[0].source.path)


def _check_decoder(dataset: Dataset, source: Source) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    if syntax is None or not syntax.is_compressed:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        package = _PACKAGES.get(str(syntax))
        way_out = (
            f"pip install {package}" if package
            else "export the cine as images" if syntax.name.startswith(("MPEG", "HEVC"))
            else "convert it to explicit little endian with dcmdjpeg or gdcmconv"
        )  # fmt: skip
        raise UnreadableTransferSyntax("a syntax an installed package reads", syntax.name, way_out, source.path)


def _check_codestream(dataset: Dataset, source: Source) -> None:
    """Raises DamagedFile where a JPEG stream claims another size than the header: a codec allocates what it claims."""
    if not _is_compressed(dataset) or dataset.file_meta.TransferSyntaxUID.name.startswith("RLE"):
        return
    wanted = (int(dataset.Rows), int(dataset.Columns))
    for stream in _streams(dataset):
        claimed = codestream_shape(stream)
        if claimed != wanted:
            found = "no JPEG image" if claimed is None else f"{claimed[0]} x {claimed[1]} in the compressed image"
            raise DamagedFile(f"{wanted[0]} x {wanted[1]} pixels", found, "export it again", source.path)
        if not stream.rstrip(b"\0").endswith(END_OF_IMAGE):  # an odd length is made even by a zero
            found = "a stream without the marker of its end"  # codecs fill in what is missing, in silence
            raise DamagedFile("a compressed image whole to its end", found, "copy or export it again", source.path)


def codestream_shape(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream claims; None where it is none of these."""
    if stream[:4] == b"\xff\x4f\xff\x51" and len(stream) >= 24:  # SOC, SIZ: ISO/IEC 15444-1, A.5.1
        width, height, left, top = struct.unpack(">4I", stream[8:24])
        return height - top, width - left
    if stream[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 <= len(stream) and stream[place] == 0xFF:
        marker, length = stream[place + 1], int.from_bytes(stream[place + 2 : place + 4], "big")
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):  # a start of frame
            return struct.unpack(">2H", stream[place + 5 : place + 9])
        place += 2 + length
    return None
