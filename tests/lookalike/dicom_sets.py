"""Makes DICOM studies as three vendors lay them out, with a small heart whose every pixel is known.

- Siemens: one series per slice, trigger times from zero, one object per image.
- GE: one series for the stack, UIDs that break the standard, heart rates and so trigger times that differ by slice.
- Philips: one enhanced multi-frame object for the stack, geometry in functional groups.

Nothing in them comes from a patient. The person's name is a trap: no output may show it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.config import disable_value_validation
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

SECRETS = ("Trap^Name", "TRAP-ID-4711", "19500101", "20200202", "Trapville")
_LV_AXIS = np.array([0.63, -0.62, -0.47]) / np.linalg.norm([0.63, -0.62, -0.47])
_ALONG_ROW = np.cross(_LV_AXIS, [0, 0, 1]) / np.linalg.norm(np.cross(_LV_AXIS, [0, 0, 1]))
SHORT_AXIS = np.array([_ALONG_ROW, np.cross(_LV_AXIS, _ALONG_ROW)])
LONG_AXIS = np.array([_LV_AXIS, _ALONG_ROW])
AXIAL = np.array([[1.0, 0, 0], [0, 1.0, 0]])


@dataclass(frozen=True)
class Cine:
    """A stack of slices through the beat, and its place in the patient (LPS)."""

    n_phases: int = 10
    n_slices: int = 4
    rows: int = 16
    cols: int = 12
    pixel_mm: tuple[float, float] = (1.4, 1.3)  # between rows, between columns
    slice_mm: float = 8.0
    axes: NDArray[np.float64] | tuple[tuple[float, ...], ...] = tuple(map(tuple, SHORT_AXIS))
    origin: tuple[float, float, float] = (-40.0, 25.0, 60.0)
    first: int = 0  # the number that names the first slice in its corner pixel

    @property
    def normal(self) -> NDArray[np.float64]:
        """[3] across the planes, the way slices are counted."""
        return np.cross(*np.asarray(self.axes))

    def position(self, index: int) -> NDArray[np.float64]:
        """[3] centre of the first pixel of slice `index`."""
        return np.array(self.origin) + index * self.slice_mm * self.normal

    def image(self, phase: int, index: int) -> NDArray[np.uint16]:
        """[row, col]: a bright disc that shrinks and grows again, and a corner pixel that names phase and slice."""
        row, col = np.mgrid[: self.rows, : self.cols]
        radius = 4 + np.cos(2 * np.pi * phase / self.n_phases) - 0.2 * index
        image = np.where(np.hypot(row - self.rows / 2, col - self.cols / 2) < radius, 900, 100 + 3 * row + col)
        image[0, 0] = 100 * (self.first + index) + phase
        return image.astype(np.uint16)

    def truth(self) -> NDArray[np.uint16]:
        """[frame, slice, row, col]."""
        return np.stack(
            [np.stack([self.image(phase, index) for index in range(self.n_slices)]) for phase in range(self.n_phases)]
        )


def make_siemens(folder: Path, cine: Cine, first_series: int = 10, description: str = "cine_sax", **tags: Any) -> None:
    """One series per slice; files numbered without an extension, slices written from the apex backwards."""
    study = generate_uid()
    for index in reversed(range(cine.n_slices)):
        series = {"SeriesInstanceUID": generate_uid(), "SeriesNumber": first_series + index, "StudyInstanceUID": study}
        for phase in range(cine.n_phases):
            timing = {"TriggerTime": 40.0 * phase, "NominalInterval": 40 * cine.n_phases, "InstanceNumber": phase + 1}
            every = {"SeriesDescription": description, "Manufacturer": "SIEMENS", **series, **timing, **tags}
            name = f"{first_series + index:04d}/IM{phase:05d}"
            save_image(folder / name, cine.image(phase, index), place(cine, index) | every)


def make_ge(folder: Path, cine: Cine, series: int = 300, **tags: Any) -> None:
    """One series for the stack; each breath-hold has its own heart rate, SliceLocation misleads, UIDs are malformed."""
    uids = {"SeriesInstanceUID": f"1.2.840.0113619.00.{series}", "StudyInstanceUID": "1.2.840.0113619.007"}
    for index in range(cine.n_slices):
        beat_ms = 800 + 7 * index
        for phase in range(cine.n_phases):
            number = index * cine.n_phases + phase + 1
            every: dict[str, Any] = {
                "SeriesNumber": series,
                "SeriesDescription": "",
                "SliceLocation": 2.5 * index,
                "InstanceNumber": number,
                "TriggerTime": round((phase + 0.5) * beat_ms / cine.n_phases, 5),
                "HeartRate": round(60_000 / beat_ms),
                "CardiacNumberOfImages": cine.n_phases,
                "Manufacturer": "GE MEDICAL SYSTEMS",
                **uids,
            }
            save_image(folder / f"{number}.dcm", cine.image(phase, index), place(cine, index) | every | tags)


def make_philips(path: Path, cine: Cine, **tags: Any) -> None:
    """One enhanced object; frames run through the slices first, then through time, so their order means nothing."""
    frames, groups = [], []
    for phase in range(cine.n_phases):
        for index in range(cine.n_slices):
            frames.append(cine.image(phase, index))
            groups.append(_own_groups(cine, phase, index))
    shared = Dataset()
    shared.PlaneOrientationSequence = Items([_item(ImageOrientationPatient=_numbers(np.ravel(cine.axes)))])
    shared.PixelMeasuresSequence = Items([_item(PixelSpacing=_numbers(cine.pixel_mm))])
    every: dict[str, Any] = {
        "SOPClassUID": EnhancedMRImageStorage,
        "SeriesNumber": 501,
        "SeriesInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(),
        "SharedFunctionalGroupsSequence": Items([shared]),
        "PerFrameFunctionalGroupsSequence": Items(groups),
        "NumberOfFrames": len(frames),
        "Manufacturer": "Philips",
    }
    save_image(path, np.stack(frames), every | tags)


def place(cine: Cine, index: int) -> dict[str, Any]:
    """The geometry tags of one slice of a classic image."""
    return {
        "ImagePositionPatient": _numbers(cine.position(index)),
        "ImageOrientationPatient": _numbers(np.ravel(cine.axes)),
        "PixelSpacing": _numbers(cine.pixel_mm),
    }


def save_image(path: Path, image: NDArray[np.generic], tags: dict[str, Any]) -> None:
    """An MR object of [row, col] or [frame, row, col]; `tags` overrule what stands here, None leaves a tag out."""
    sop_class = tags.get("SOPClassUID", MRImageStorage)
    every: dict[str, Any] = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": generate_uid(),
        "Modality": "MR",
        "PatientName": SECRETS[0],
        "PatientID": SECRETS[1],
        "PatientBirthDate": SECRETS[2],
        "StudyDate": SECRETS[3],
        "InstitutionName": SECRETS[4],
        "PatientSex": "F",
        "PatientSize": 1.68,
        "PatientWeight": 71.5,
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        "Rows": image.shape[-2],
        "Columns": image.shape[-1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16 if image.dtype == np.int16 else 12,
        "HighBit": 15 if image.dtype == np.int16 else 11,
        "PixelRepresentation": int(image.dtype == np.int16),
        "PixelData": np.ascontiguousarray(image).tobytes(),
    }
    dataset = FileDataset(str(path), {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with disable_value_validation():
        for keyword, value in (every | tags).items():
            if value is not None:
                setattr(dataset, keyword, value)
        dataset["PixelData"].VR = "OW"
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)


def edit(path: Path, change: Callable[[Dataset], object]) -> None:
    """One file read, changed and written back."""
    with disable_value_validation():
        dataset = dcmread(path)
        change(dataset)
        dataset.save_as(path)


def edit_all(folder: Path, change: Callable[[Dataset], object]) -> None:
    """Every file below `folder` changed."""
    for path in every_file(folder):
        edit(path, change)


def every_file(folder: Path) -> list[Path]:
    """All files below `folder`, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def compress_all(folder: Path, syntax: UID) -> None:
    """Every image below `folder` in another transfer syntax."""
    for path in every_file(folder):
        with disable_value_validation():
            dataset = dcmread(path)
            _convert(dataset, syntax)
            dcmwrite(path, dataset, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)


def _convert(dataset: FileDataset, syntax: UID) -> None:
    if syntax.is_compressed:
        dataset.compress(syntax, generate_instance_uid=False)
        return
    if not syntax.is_little_endian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax


def _own_groups(cine: Cine, phase: int, index: int) -> Dataset:
    own = Dataset()
    own.PlanePositionSequence = Items([_item(ImagePositionPatient=_numbers(cine.position(index)))])
    own.FrameContentSequence = Items([_item(TemporalPositionIndex=phase + 1, InStackPositionNumber=index + 1)])
    delay = _item(NominalCardiacTriggerDelayTime=33.0 * phase, RRIntervalTimeNominal=33.0 * cine.n_phases)
    own.CardiacSynchronizationSequence = Items([delay])
    return own


def _item(**tags: Any) -> Dataset:
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item


def _numbers(values: NDArray[np.float64] | Sequence[float]) -> list[str]:
    return [f"{value:.10g}" for value in values]
