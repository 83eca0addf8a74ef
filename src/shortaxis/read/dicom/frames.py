"""DICOM headers, classic and enhanced multi-frame, as one flat list of frames.

An enhanced object states each property per frame, once for all frames, or (as classic objects do) at its top; `_Reader`
looks in that order, so everything after this file sees no difference.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import DamagedFile, ShortaxisError, TooLarge, UnreadableTransferSyntax
from shortaxis.read.dicom.files import Source

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_PIXEL_BYTES = 2 * 2**30  # of one object, decoded
MAX_FRAMES = 20_000  # of one object
_T = TypeVar("_T")
_DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True)
class Series:
    """Where a frame belongs. All of it stays inside the reader but `number`."""

    patient: str
    study: str
    uid: str
    number: int | None
    description: str
    image_type: frozenset[str]


@dataclass(frozen=True, eq=False)
class Plane:
    """A frame's place in the patient, LPS millimetres.

    Attributes:
        shape: rows, columns.
        axes: [2, 3] unit vectors: along increasing column index, along increasing row index.
        position: [3] centre of the first pixel.
        pixel_mm: distance between rows and between columns; None where the file does not say.
    """

    shape: tuple[int, int]
    axes: NDArray[np.float64]
    position: NDArray[np.float64]
    pixel_mm: tuple[float, float] | None

    @property
    def normal(self) -> NDArray[np.float64]:
        """[3] unit vector across the plane."""
        return np.cross(self.axes[0], self.axes[1])

    @property
    def depth_mm(self) -> float:
        """Distance of the plane from the origin along its normal."""
        return float(self.position @ self.normal)


@dataclass(frozen=True)
class Timing:
    """When a frame was acquired; None where the file does not say."""

    trigger_ms: float | None
    temporal_index: int | None
    instance: int | None
    acquired_s: float | None  # time of day
    acquisition: int | None
    inversion_ms: float | None
    n_phases: int | None  # as the scanner counted them
    frame_time_ms: float | None
    beat_ms: float | None  # nominal R-R interval
    heart_rate_bpm: float | None


@dataclass(frozen=True)
class Person:
    """The patient's facts as the tags state them: 'M' or 'F', metres, kilograms."""

    sex: str | None
    height_m: float | None
    weight_kg: float | None


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of one file. `number` is its 0-based place in the file; `plane` is None where no position is stated."""

    source: Source
    number: int
    series: Series
    plane: Plane | None
    timing: Timing
    slope: float
    intercept: float
    person: Person


def frames_of(source: Source) -> tuple[Frame, ...]:
    """The frames of one file; empty where it holds no MR image.

    Raises DamagedFile, TooLarge or UnreadableTransferSyntax.
    """
    import pydicom
    from pydicom.config import disable_value_validation

    with source.open() as stream, disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # malformed UIDs and values are common and none of our business
        try:
            refuse_deflated(stream.read(4096), source)
            stream.seek(0)
            dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
            if dataset.get("Modality") != "MR" or "Rows" not in dataset or dataset.get("SamplesPerPixel", 1) != 1:
                return ()
            count = check_claim(dataset, source)
            return tuple(_frame(_Reader(dataset, number), source, number) for number in range(count))
        except ShortaxisError:
            raise
        except parse_errors() as problem:
            raise_damaged(source, problem)


def refuse_deflated(head: bytes, source: Source) -> None:
    """Raises UnreadableTransferSyntax for the deflated syntax: it unpacks without bound while the header is parsed."""
    if _DEFLATED.encode() in head:
        way_out = "convert it to explicit little endian, e.g. with dcmconv +te"
        raise UnreadableTransferSyntax("image data", "a deflated data set", way_out, source.path)


def check_claim(dataset: Dataset, source: Source) -> int:
    """How many frames a data set claims, after its size was held against the budget and the file's length.

    Raises DamagedFile, TooLarge or UnreadableTransferSyntax.
    """
    count = int(dataset.get("NumberOfFrames") or 1)
    rows, cols = int(dataset.Rows), int(dataset.Columns)
    depth = int(dataset.get("BitsAllocated", 16))
    size = count * rows * cols * ((depth + 7) // 8)
    if min(count, rows, cols, depth) < 1 or depth not in (8, 16, 32):
        found = f"{count} frames of {rows} x {cols} pixels of {depth} bits"
        raise DamagedFile("an image of 8, 16 or 32 bits", found, "export it again", source.path)
    if size > MAX_PIXEL_BYTES or count > MAX_FRAMES:
        limit = f"at most {MAX_FRAMES} frames and {MAX_PIXEL_BYTES} bytes an object"
        raise TooLarge(limit, f"{count} frames, {size} bytes", "split the object", source.path)
    syntax = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if syntax is not None and not syntax.is_transfer_syntax:
        way_out = "convert it to explicit little endian with the vendor's software, dcmconv or gdcmconv"
        raise UnreadableTransferSyntax("a transfer syntax of the standard", f"{syntax}"[:64], way_out, source.path)
    if (syntax is None or not syntax.is_compressed) and size > source.size:
        found = f"a file of {source.size} bytes"
        raise DamagedFile(f"the {size} bytes of pixels its header states", found, "copy it again", source.path)
    return count


def parse_errors() -> tuple[type[Exception], ...]:
    """What pydicom and its codecs let through on damaged input, found by flipping and cutting bytes."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    return (
        *(ValueError, TypeError, LookupError, AttributeError, EOFError, OSError, RuntimeError, ArithmeticError),
        *(MemoryError, AssertionError, struct.error, BytesLengthException, InvalidDicomError),
    )


def raise_damaged(source: Source, problem: BaseException) -> NoReturn:
    """DamagedFile for a file that cannot be parsed; the parser's own words may quote a value, so only its type."""
    found = f"data that does not parse ({type(problem).__name__})"
    raise DamagedFile("a whole DICOM file", found, "copy or export it again", source.path) from problem


class _Reader:
    """Values of one frame: from its own functional groups, the shared ones, or the top of the data set."""

    def __init__(self, dataset: Dataset, number: int) -> None:
        self.dataset = dataset
        groups = (dataset.get("PerFrameFunctionalGroupsSequence"), dataset.get("SharedFunctionalGroupsSequence"))
        own, shared = groups
        places = [own[number]] if own and number < len(own) else []
        self.groups = [*places, *(shared[:1] if shared else [])]

    def value(self, keyword: str, macro: str = "") -> Any:
        """The value of `keyword`, in the sequence `macro` where the object is enhanced; None if absent or empty."""
        for place in self._places(macro):
            value = place.get(keyword)
            if value is not None and value != "" and not (isinstance(value, Sequence) and len(value) == 0):
                return value
        return None

    def number(self, keyword: str, macro: str = "") -> float | None:
        """A finite number, or None."""
        value = self.value(keyword, macro)
        try:
            number = float(value) if value is not None else None
        except (TypeError, ValueError):
            return None  # malformed text where a number belongs
        return number if number is not None and np.isfinite(number) else None

    def whole(self, keyword: str, macro: str = "") -> int | None:
        """A whole number, or None."""
        number = self.number(keyword, macro)
        return None if number is None else round(number)

    def vector(self, keyword: str, macro: str, length: int) -> NDArray[np.float64] | None:
        """`length` finite numbers, or None."""
        value = self.value(keyword, macro)
        if value is None or isinstance(value, str) or not isinstance(value, Sequence) or len(value) != length:
            return None
        vector = np.array([float(item) for item in value])
        return vector if np.isfinite(vector).all() else None

    def _places(self, macro: str) -> Iterator[Dataset]:
        for group in self.groups:
            sequence = group.get(macro) if macro else None
            if sequence:
                yield sequence[0]
        yield self.dataset


def _frame(reader: _Reader, source: Source, number: int) -> Frame:
    slope = reader.number("RescaleSlope", "PixelValueTransformationSequence")
    intercept = reader.number("RescaleIntercept", "PixelValueTransformationSequence")
    sex = str(reader.value("PatientSex") or "").upper()
    return Frame(
        source,
        number,
        _series(reader),
        _plane(reader),
        _timing(reader, number),
        1.0 if slope is None else slope,
        0.0 if intercept is None else intercept,
        Person(sex or None, reader.number("PatientSize"), reader.number("PatientWeight")),
    )


def _series(reader: _Reader) -> Series:
    kinds = [
        reader.value("ImageType"),
        reader.value("FrameType", "MRImageFrameTypeSequence"),
        reader.value("ComplexImageComponent", "MRImageFrameTypeSequence"),
    ]
    words = [[kind] if isinstance(kind, str) else list(kind or ()) for kind in kinds]
    return Series(
        str(reader.value("PatientID") or ""),
        str(reader.value("StudyInstanceUID") or ""),
        str(reader.value("SeriesInstanceUID") or ""),
        reader.whole("SeriesNumber"),
        str(reader.value("SeriesDescription") or ""),
        frozenset(str(word).upper() for group in words for word in group),
    )


def _plane(reader: _Reader) -> Plane | None:
    cosines = reader.vector("ImageOrientationPatient", "PlaneOrientationSequence", 6)
    position = reader.vector("ImagePositionPatient", "PlanePositionSequence", 3)
    if cosines is None or position is None:
        return None
    axes = cosines.reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(float(axes[0] @ axes[1])) > 0.01:
        return None  # no two perpendicular unit vectors: as good as not stated
    spacing = reader.value("PixelSpacing", "PixelMeasuresSequence")
    shape = (int(reader.dataset.Rows), int(reader.dataset.Columns))
    pixel_mm = None if spacing is None else _stated_spacing(spacing)
    return Plane(shape, axes / lengths[:, None], position, pixel_mm)


def _stated_spacing(value: Any) -> tuple[float, float]:
    """Row and column spacing in millimetres as stated; (0, 0), which the stack refuses, for what is no pair of numbers."""
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        return 0.0, 0.0
    row_mm, col_mm = float(value[0]), float(value[1])
    return (row_mm, col_mm) if np.isfinite([row_mm, col_mm]).all() else (0.0, 0.0)


def _timing(reader: _Reader, number: int) -> Timing:
    trigger_ms = reader.number("NominalCardiacTriggerDelayTime", "CardiacSynchronizationSequence")
    instance = reader.whole("InstanceNumber")
    beat_ms = reader.number("RRIntervalTimeNominal", "CardiacSynchronizationSequence")
    clock = reader.value("FrameAcquisitionDateTime", "FrameContentSequence") or reader.value("AcquisitionTime")
    return Timing(
        trigger_ms=_first(reader.number("TriggerTime"), trigger_ms),
        temporal_index=_first(
            reader.whole("TemporalPositionIndex", "FrameContentSequence"), reader.whole("TemporalPositionIdentifier")
        ),
        instance=number if instance is None else instance * MAX_FRAMES + number,  # only its rank counts
        acquired_s=_seconds(str(clock or reader.value("AcquisitionDateTime") or "")),
        acquisition=_first(
            reader.whole("FrameAcquisitionNumber", "FrameContentSequence"), reader.whole("AcquisitionNumber")
        ),
        inversion_ms=reader.number("InversionTime"),
        n_phases=reader.whole("CardiacNumberOfImages"),
        frame_time_ms=reader.number("FrameTime"),
        beat_ms=_first(beat_ms, reader.number("NominalInterval")),
        heart_rate_bpm=reader.number("HeartRate"),
    )


def _first(value: _T | None, otherwise: _T | None) -> _T | None:
    return otherwise if value is None else value


def _seconds(clock: str) -> float | None:
    """Seconds since midnight of HHMMSS.ffffff, with or without a date before it and a zone behind it."""
    digits, _, fraction = clock.split("+")[0].split("-")[0].partition(".")
    if len(digits) == 14:
        digits = digits[8:]
    if len(digits) != 6 or not (digits + fraction).isdigit():
        return None
    return int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:]) + float(f"0.{fraction or 0}")
