"""M&Ms (Campello et al., IEEE TMI 2021) and M&Ms-2 (Martin-Isla et al., IEEE JBHI 2023): cine of several vendors.

M&Ms: `A0S9V9/A0S9V9_sa.nii.gz`, a 4D cine, and `A0S9V9_sa_gt.nii.gz` of the same frames, drawn at ED and ES alone; a table
`...Dataset_information...csv` above, whose ED and ES are indices, counted from 0. Cases below `Unlabeled/` have empty
label files and are passed over.

M&Ms-2: `001/001_SA_ED.nii.gz`, `001_SA_ES.nii.gz` with `_gt`, perhaps `001_SA_CINE.nii.gz`, beside long-axis files that
are left alone; a table `dataset_information.csv` above. Which frames of the cine ED and ES are is not written anywhere, so
the two frame files are read.

The numbers 1, 2, 3 are LV cavity, myocardium, RV cavity (`core.labels.MNMS`): the reverse of ACDC.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from shortaxis.core.errors import BadPatientFacts, GridMismatch, IncompleteStudy, LabelsMissing, NoStudy
from shortaxis.core.labels import MNMS, Labels
from shortaxis.core.study import Facts, Note, Origin, Study
from shortaxis.files.gate import Volume, check_same_grid, load_labels, load_nifti
from shortaxis.files.names import output_name, stem_of
from shortaxis.files.table import read_table
from shortaxis.read.folders import entries_of, walk

CONVENTION = "papillary muscles and trabeculae belong to the cavity"
NO_TABLE = Note("SA-W043", "The data set's table does not say which frames are ED and ES.")
UNLABELLED = "unlabeled"  # the data set's spelling
LEVELS_UP = 4  # how far above a patient the table may lie: OpenDataset/Training/Labeled/A0S9V9
_CINE = re.compile(r"(?P<name>\w+)_sa\.nii(\.gz)?$")
_FRAME = re.compile(r"(?P<name>\w+)_SA_(?P<phase>ED|ES)(?P<gt>_gt)?\.nii(\.gz)?$")
_TABLE = re.compile(r"dataset_information.*\.csv$", re.IGNORECASE)


@dataclass(frozen=True)
class MnmsPatient:
    """One patient's files: a cine with labels of all its frames (M&Ms), or ED and ES by name (M&Ms-2)."""

    folder: Path
    cine: Path | None
    cine_labels: Path | None
    frames: Mapping[str, Path]
    labels: Mapping[str, Path]


def find_mnms(root: Path) -> list[Path]:
    """Patient folders at or below `root`, sorted by path, those below `Unlabeled/` left out."""
    folders = (folder for folder, _ in walk(root) if looks_like_mnms(folder))
    return sorted(folder for folder in folders if UNLABELLED not in map(str.lower, folder.relative_to(root).parts))


def looks_like_mnms(folder: Path) -> bool:
    """Whether `folder` itself is one patient's: its files bear its name."""
    if not folder.is_dir():
        return False
    matches = (_CINE.match(path.name) or _FRAME.match(path.name) for path in entries_of(folder)[1])
    return any(match and match["name"] == folder.resolve().name for match in matches)


def group_of(folder: Path) -> str | None:
    """The diagnosis that the data set's table states, without reading an image."""
    row = _row_of(folder)
    return row.get("pathology") or row.get("disease") or None


def read_mnms(folder: Path) -> Study:
    """A patient's short-axis images; label files are never opened.

    Raises NoStudy, BadPatientFacts, GridMismatch and what `load_nifti` raises.
    """
    return _read_images(_patient(folder))


def read_mnms_labelled(folder: Path) -> Study:
    """A patient's images with the reference labels; of a cine only the frames in which something is drawn.

    Raises LabelsMissing or IncompleteStudy beside what `read_mnms` and `load_labels` raise.
    """
    patient = _patient(folder)
    study = _read_images(patient)
    if patient.cine is not None:
        if patient.cine_labels is None:
            raise LabelsMissing("a file ending in _sa_gt", "none", "read the patient without labels", folder)
        return replace(study, labels=_cine_labels(patient.cine_labels, study))
    missing = [path.name for phase, path in patient.frames.items() if phase not in patient.labels]
    if missing:
        raise LabelsMissing("a _gt file for each frame", f"none for {missing[0]}", "read it without labels", folder)
    bare = [path.name for phase, path in patient.labels.items() if phase not in patient.frames]
    if bare:
        raise IncompleteStudy("an image for each _gt file", f"none for {bare[0]}", "copy the data set again", folder)
    volumes = []
    for phase in patient.frames:
        path = patient.labels[phase]
        volumes.append(load_labels(path, MNMS))
        check_same_grid(volumes[-1].grid, study.grid, path)
        _one_frame(volumes[-1], path)
    array = np.concatenate([volume.array for volume in volumes]).astype(np.uint8, copy=False)
    return replace(study, labels=Labels.complete(array, MNMS))


def _cine_labels(path: Path, study: Study) -> Labels:
    volume = load_labels(path, MNMS)
    check_same_grid(volume.grid, study.grid, path)
    if volume.array.shape != study.image.shape:
        expected = f"the cine's {study.n_frames} frames"
        raise GridMismatch(expected, f"{len(volume.array)}", "check that the two files belong together", path)
    drawn = volume.array.reshape(study.n_frames, -1).any(axis=1)
    if not drawn.any():
        raise LabelsMissing("frames in which something is drawn", "none", "leave the unlabelled cases out", path)
    annotated = np.zeros((*study.image.shape[:2], len(MNMS.structures)), bool)
    annotated[drawn] = True
    return Labels(volume.array.astype(np.uint8, copy=False), MNMS, annotated)


def _read_images(patient: MnmsPatient) -> Study:
    row = _row_of(patient.folder)
    if patient.cine is not None:
        volume = load_nifti(patient.cine)
        n_frames = len(volume.array)
        ed_index, es_index = (_index(row.get(key), key, n_frames, patient.folder) for key in ("ed", "es"))
        origin = Origin(output_name(stem_of(patient.cine)), tuple(range(n_frames)), volume.is_4d, patient.cine)
        notes = volume.notes if ed_index is not None and es_index is not None else (*volume.notes, NO_TABLE)
        facts = replace(_facts(row), ed_index=ed_index, es_index=es_index, frame_time_ms=volume.frame_time_ms)
        name = output_name(patient.folder.resolve().name)
        return Study(name, volume.array, volume.grid, (origin,), facts, notes=notes, sha256=volume.sha256)
    volumes, origins = [], []
    for index, path in enumerate(patient.frames.values()):
        volumes.append(load_nifti(path))
        check_same_grid(volumes[-1].grid, volumes[0].grid, path)
        _one_frame(volumes[-1], path)
        origins.append(Origin(output_name(stem_of(path)), (index,), volumes[-1].is_4d, path))
    phases = list(patient.frames)
    return Study(
        name=output_name(patient.folder.resolve().name),
        image=np.concatenate([volume.array for volume in volumes]),
        grid=volumes[0].grid,
        origins=tuple(origins),
        facts=replace(
            _facts(row),
            ed_index=phases.index("ED") if "ED" in phases else None,
            es_index=phases.index("ES") if "ES" in phases else None,
        ),
        notes=tuple(dict.fromkeys(note for volume in volumes for note in volume.notes)),
        sha256=hashlib.sha256("".join(volume.sha256 for volume in volumes).encode()).hexdigest(),
    )


def _patient(folder: Path) -> MnmsPatient:
    if not looks_like_mnms(folder):
        expected = "one patient's files, named after the folder: ..._sa.nii.gz or ..._SA_ED.nii.gz"
        raise NoStudy(expected, "none", "give the folder of one patient", folder)
    cine = cine_labels = None
    frames: dict[str, Path] = {}
    labels: dict[str, Path] = {}
    for path in entries_of(folder)[1]:  # sorted: ED before ES
        if match := _FRAME.match(path.name):
            (labels if match["gt"] else frames)[match["phase"]] = path
        elif _CINE.match(path.name):
            cine = path
        elif re.search(r"_sa_gt\.nii(\.gz)?$", path.name):
            cine_labels = path
    if not frames and cine is None:
        raise NoStudy("images beside the labels", "files ending in _gt alone", "add the images", folder)
    return MnmsPatient(folder, cine, cine_labels, frames, labels)


def _one_frame(volume: Volume, path: Path) -> None:
    if len(volume.array) != 1:
        raise GridMismatch("one frame", f"{len(volume.array)} frames", "give ED and ES in files of their own", path)


def _row_of(folder: Path) -> dict[str, str]:
    """The table's row of a patient, with lower-case keys; empty where there is no table or no such row."""
    own = folder.resolve()
    for above in list(own.parents)[:LEVELS_UP]:
        for table in (path for path in entries_of(above)[1] if _TABLE.search(path.name)):
            for line in read_table(table):
                row = {key.strip().lower(): value.strip() for key, value in line.items()}
                code = row.get("external code") or row.get("subject_code") or ""
                if own.name in (code, code.zfill(3)):
                    return row
    return {}


def _facts(row: Mapping[str, str]) -> Facts:
    sexes: Mapping[str, Literal["female", "male"]] = {"f": "female", "m": "male"}
    return Facts(
        modality="cine",
        species="human",
        sex=sexes.get(row.get("sex", "").lower()),
        height_cm=_positive(row.get("height")),
        weight_kg=_positive(row.get("weight")),
        group=row.get("pathology") or row.get("disease") or None,
        convention=CONVENTION,
    )


def _index(text: str | None, key: str, n_frames: int, folder: Path) -> int | None:
    """A frame's index as the table states it, counted from 0."""
    stated = re.fullmatch(r"(\d+)(\.0)?", text or "")
    if not stated:
        return None
    if int(stated[1]) >= n_frames:
        expected = f"{key.upper()} among the {n_frames} frames, counted from 0"
        raise BadPatientFacts(expected, stated[1], "correct the data set's table", folder)
    return int(stated[1])


def _positive(text: str | None) -> float | None:
    """A length or weight; the table writes unknown ones as N/A or nothing."""
    match = re.fullmatch(r"(\d+)(?:[.,](\d+))?", (text or "").strip())
    value = float(f"{match[1]}.{match[2] or 0}") if match else 0.0
    return value if value > 0 else None
