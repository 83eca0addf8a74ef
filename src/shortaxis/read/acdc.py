"""ACDC patient folders (Bernard et al., IEEE TMI 2018): `patient001/` with Info.cfg, frame files, `_gt`, perhaps `_4d`.

The numbers 1, 2, 3 are RV cavity, LV myocardium, LV cavity (`core.labels.ACDC`). Papillary muscles belong to the
cavity. Info.cfg's ED and ES are 1-based frame numbers; they become indices here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadPatientFacts, GridMismatch, LabelsMissing, NoStudy
from shortaxis.core.labels import ACDC, Labels
from shortaxis.core.study import Facts, Note, Origin, Study
from shortaxis.files.gate import Volume, check_same_grid, load_labels, load_nifti
from shortaxis.files.intake import read_bytes
from shortaxis.files.names import output_name, stem_of
from shortaxis.read.folders import entries_of, walk

INFO_BUDGET_BYTES = 2**20
CONVENTION = "papillary muscles and trabeculae belong to the cavity"
NO_INFO = Note("SA-W040", "Info.cfg is missing or names no ED and ES frame; which frame is which is not known.")
_FRAME = re.compile(r"_frame(\d+)(_gt)?\.nii(\.gz)?$", re.IGNORECASE)
_NIFTI = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
_CINE = re.compile(r"_4d\.nii(\.gz)?$", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")

# Measured on the published training set: both images of patient076 are those of patient074, voxel for voxel, drawn anew.
ONE_SCAN = {"patient074": "acdc-074", "patient076": "acdc-074"}


@dataclass(frozen=True)
class AcdcPatient:
    """The files of one patient: images and reference labels by 1-based frame number, the cine, Info.cfg's entries."""

    folder: Path
    frames: Mapping[int, Path]
    labels: Mapping[int, Path]
    cine: Path | None
    info: Mapping[str, str]


def find_acdc(root: Path) -> list[Path]:
    """Patient folders at or below `root` (training/, testing/, ...), sorted by path. Raises MissingFile or Unreadable."""
    return sorted(folder for folder, _ in walk(root) if looks_like_acdc(folder))


def looks_like_acdc(folder: Path) -> bool:
    """Whether `folder` itself holds one patient's frame files, or a `_4d` file beside an Info.cfg."""
    if not folder.is_dir() or _NIFTI.search(folder.name):
        return False
    folders, files = entries_of(folder)
    names = [entry.name for entry in (*folders, *files)]
    patients = {name[: match.start()] for name in names if (match := _FRAME.search(name))}
    if patients:
        return len(patients) == 1  # a flat folder of many patients' frames is no patient folder
    return "info.cfg" in map(str.lower, names) and sum(bool(_CINE.search(name)) for name in names) == 1


def group_of(folder: Path) -> str | None:
    """The diagnosis group that a patient's Info.cfg states, without reading an image."""
    return _info(entries_of(folder)[1]).get("group")


def read_acdc(folder: Path) -> Study:
    """A patient's images: the `_4d` cine where there is one, else the frame files in order; `_gt` is never opened.

    Raises NoStudy, BadPatientFacts, GridMismatch and what `load_nifti` raises.
    """
    return _read_images(_patient(folder))


def read_acdc_labelled(folder: Path) -> Study:
    """A patient's images with the reference labels; in a `_4d` cine only the labelled frames are annotated.

    Raises LabelsMissing beside what `read_acdc` and `load_labels` raise.
    """
    patient = _patient(folder)
    study = _read_images(patient)
    if not patient.labels:
        raise LabelsMissing("files ending in _gt", "none", "read the patient without labels", folder)
    numbers = list(range(1, study.n_frames + 1)) if patient.cine else sorted(patient.frames)
    array = np.zeros(study.image.shape, np.uint8)
    annotated = np.zeros((*study.image.shape[:2], len(ACDC.structures)), bool)
    for number, path in sorted(patient.labels.items()):
        if number not in numbers:
            found = f"labels of frame {number}"
            raise BadPatientFacts(f"labels of the frames {numbers}", found, "check the folder's files", path)
        labels = load_labels(path, ACDC)
        check_same_grid(labels.grid, study.grid, path)
        index = numbers.index(number)
        array[index] = _single_frame(labels, path)
        annotated[index] = True
    return replace(study, labels=Labels(array, ACDC, annotated))


def _read_images(patient: AcdcPatient) -> Study:
    if patient.cine is not None:
        volume = load_nifti(patient.cine)
        numbers = list(range(1, volume.array.shape[0] + 1))
        origin = Origin(output_name(stem_of(patient.cine)), tuple(range(len(numbers))), volume.is_4d, patient.cine)
        return _study(patient, volume.array, numbers, [volume], [origin])
    volumes, origins = [], []
    for index, (_, path) in enumerate(sorted(patient.frames.items())):
        volume = load_nifti(path)
        if volumes:
            check_same_grid(volume.grid, volumes[0].grid, path)
        _single_frame(volume, path)
        volumes.append(volume)
        origins.append(Origin(output_name(stem_of(path)), (index,), volume.is_4d, path))
    image = np.concatenate([volume.array for volume in volumes])
    return _study(patient, image, sorted(patient.frames), volumes, origins)


def _study(
    patient: AcdcPatient,
    image: NDArray[np.generic],
    numbers: Sequence[int],
    volumes: Sequence[Volume],
    origins: Sequence[Origin],
) -> Study:
    facts = _facts(patient, numbers, volumes[0].frame_time_ms)
    notes = dict.fromkeys(note for volume in volumes for note in volume.notes)
    if facts.ed_index is None and facts.es_index is None:
        notes[NO_INFO] = None
    joined = "".join(volume.sha256 for volume in volumes)
    return Study(
        name=output_name(patient.folder.resolve().name),
        image=image,
        grid=volumes[0].grid,
        origins=tuple(origins),
        facts=facts,
        notes=tuple(notes),
        sha256=volumes[0].sha256 if len(volumes) == 1 else hashlib.sha256(joined.encode()).hexdigest(),
    )


def _facts(patient: AcdcPatient, numbers: Sequence[int], frame_time_ms: float | None) -> Facts:
    ed_index, es_index = (_frame_index(patient, key, numbers) for key in ("ed", "es"))
    return Facts(
        ed_index=ed_index,
        es_index=es_index,
        frame_time_ms=frame_time_ms,
        height_cm=_positive(patient.info.get("height")),
        weight_kg=_positive(patient.info.get("weight")),
        group=patient.info.get("group") or None,
        convention=CONVENTION,
    )


def _frame_index(patient: AcdcPatient, key: str, numbers: Sequence[int]) -> int | None:
    stated = _positive(patient.info.get(key))
    if stated is None:
        return None
    if stated != int(stated) or int(stated) not in numbers:
        expected = f"{key.upper()} among the frames {list(numbers)}"
        raise BadPatientFacts(expected, f"{stated:g}", "correct Info.cfg", patient.folder / "Info.cfg")
    return numbers.index(int(stated))


def _single_frame(volume: Volume, path: Path) -> NDArray[np.generic]:
    if volume.array.shape[0] != 1:
        raise GridMismatch("one frame", f"{volume.array.shape[0]} frames", "give each frame in its own file", path)
    return volume.array[0]


def _patient(folder: Path) -> AcdcPatient:
    folders, files = entries_of(folder)
    if not looks_like_acdc(folder):
        raise NoStudy(
            "one patient's files, named ..._frameNN.nii.gz or ..._4d.nii.gz",
            f"{len(files)} files, {len(folders)} folders",
            "give the folder of one patient",
            folder,
        )
    frames: dict[int, Path] = {}
    labels: dict[int, Path] = {}
    cine = None
    for entry in sorted((*folders, *files)):
        if match := _FRAME.search(entry.name):
            number = int(match[1])
            kept = labels if match[2] else frames
            if number in kept:
                found = f"{kept[number].name} and {entry.name}"
                raise BadPatientFacts(f"one file of frame {number}", found, "remove one of the two", folder)
            kept[number] = _unnested(entry)
        elif _CINE.search(entry.name):
            cine = _unnested(entry)
    if not frames and cine is None:
        raise NoStudy("images beside the labels", "files ending in _gt alone", "add the images", folder)
    return AcdcPatient(folder, frames, labels, cine, _info(files))


def _unnested(entry: Path) -> Path:
    """The file itself where a copy of the data set has put it in a folder of its own name (`x.nii/x.nii`)."""
    if not entry.is_dir():
        return entry
    inside = [path for path in entries_of(entry)[1] if _NIFTI.search(path.name)]
    if len(inside) != 1:
        raise NoStudy("one NIfTI file in this folder", f"{len(inside)}", "copy the data set again", entry)
    return inside[0]


def _info(files: Sequence[Path]) -> dict[str, str]:
    """Info.cfg's `Key: value` lines with lower-case keys; lines of another form are passed over."""
    path = next((entry for entry in files if entry.name.lower() == "info.cfg"), None)
    if path is None:
        return {}
    text = read_bytes(path, INFO_BUDGET_BYTES).decode("utf-8", errors="replace")
    pairs = (re.split(r"[:=]", line, maxsplit=1) for line in text.lstrip("\ufeff").splitlines())
    return {pair[0].strip().lower(): pair[1].strip() for pair in pairs if len(pair) == 2}


def _positive(text: str | None) -> float | None:
    match = _NUMBER.match(text or "")
    return float(match[0]) if match and float(match[0]) > 0 else None
