"""EMIDEC (Lalande et al., Data 2020): late enhancement short-axis stacks with infarct and no-reflow.

As published: `Case_P001/Images/Case_P001.nii.gz`, `Case_P001/Contours/Case_P001.nii.gz`, and beside the case folders
`Case P001.txt` with clinical facts. `P` is a pathological case, `N` a normal one; the test set's cases (`Case_118`) have no
letter.

Also in circulation as PNG: `images/Case_P001_slice000.png` with `contours/` of the same names. These are stretched to
256 x 256 and have lost their spacing: lengths, volumes and shapes mean nothing in them, shares of the myocardium do. Their
rows run towards the patient's right and their columns to the front, told from where the right ventricle, the chest wall
and the aorta lie.

The numbers 1, 2, 3, 4 are LV cavity, healthy myocardium, infarct, no-reflow (`core.labels.EMIDEC`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import GridMismatch, IncompleteStudy, LabelsMissing, NoStudy, UnknownLabel
from shortaxis.core.labels import EMIDEC, Labels
from shortaxis.core.study import Facts, Grid, Note, Origin, Study
from shortaxis.files.gate import check_same_grid, load_labels, load_nifti
from shortaxis.files.intake import read_bytes
from shortaxis.files.names import output_name
from shortaxis.files.png import load_png
from shortaxis.read.folders import entries_of, walk

INFO_BUDGET_BYTES = 2**20
CONVENTION = "papillary muscles belong to the cavity"
STRETCHED = Note(
    "SA-W042",
    "The slices are pictures stretched to one size, without spacing: shares of the myocardium hold, lengths and volumes "
    "do not. Experimental.",
)
# From (col, row, slice) to RAS+: columns to the front, rows to the right, slices from apex to base. Units are pixels.
PNG_AFFINE = np.array([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
_CASE = re.compile(r"Case_([NPM]?)(\d+)$")
_SLICE = re.compile(r"(Case_[NPM]?\d+)_slice(\d+)\.png$", re.IGNORECASE)
_NIFTI = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
_GROUPS: Mapping[str, str] = {"N": "normal", "P": "pathological"}
_IMAGES, _LABELS = "Images", "Contours"


@dataclass(frozen=True)
class EmidecCase:
    """One patient's files: one NIfTI image, or PNG slices in order; labels of the same number where there are any."""

    name: str
    images: tuple[Path, ...]
    labels: tuple[Path, ...]
    info: Path | None = None

    @property
    def group(self) -> str | None:
        """`normal` or `pathological` by the name's letter; None in the test set."""
        match = _CASE.search(self.name)
        return _GROUPS.get(match[1]) if match else None


def find_emidec(root: Path) -> list[EmidecCase]:
    """The cases at or below `root`, NIfTI folders first, then PNG cases. Raises MissingFile, Unreadable or NoStudy."""
    folders = [folder for folder, _ in walk(root)]
    cases = [emidec_case(folder) for folder in sorted(filter(looks_like_emidec, folders))]
    return cases + [case for folder in sorted(folders) for case in emidec_png_cases(folder)]


def looks_like_emidec(folder: Path) -> bool:
    """Whether `folder` is one case as published: `Case_P001/` with `Images/`."""
    return bool(_CASE.search(folder.name)) and (folder / _IMAGES).is_dir()


def emidec_case(folder: Path) -> EmidecCase:
    """The case of one published folder. Raises NoStudy without exactly one image."""
    images, labels = (_nifti_in(folder / name) for name in (_IMAGES, _LABELS))
    if not looks_like_emidec(folder) or len(images) != 1 or len(labels) > 1:
        expected = f"{_IMAGES}/ with one NIfTI file and at most one in {_LABELS}/"
        raise NoStudy(expected, f"{len(images)} and {len(labels)}", "give the folder of one case", folder)
    spaced = folder.with_name(folder.name.replace("_", " ") + ".txt")
    info = next((path for path in (spaced, folder.with_suffix(".txt")) if path.is_file()), None)
    return EmidecCase(folder.name, images, labels, info)


def emidec_png_cases(folder: Path) -> list[EmidecCase]:
    """The PNG cases of a folder that has `images/Case_..._slice000.png`, by name; none where it has not."""
    if not (folder / "images").is_dir():
        return []
    slices: dict[str, list[tuple[int, Path]]] = {}
    for path in entries_of(folder / "images")[1]:
        if match := _SLICE.match(path.name):
            slices.setdefault(match[1], []).append((int(match[2]), path))
    cases = []
    for name, numbered in sorted(slices.items()):
        images = tuple(path for _, path in sorted(numbered))
        beside = (folder / "contours" / image.name for image in images)
        cases.append(EmidecCase(name, images, tuple(path for path in beside if path.is_file())))
    return cases


def emidec_png_case(first_slice: Path) -> EmidecCase:
    """The PNG case to which a slice in `images/` belongs. Raises NoStudy."""
    for case in emidec_png_cases(first_slice.parent.parent):
        if first_slice.name in [path.name for path in case.images]:
            return case
    raise NoStudy("images/Case_P001_slice000.png", first_slice.name, "give the data set's folder", first_slice)


def read_emidec(case: EmidecCase) -> Study:
    """A case's image as one frame, LGE; its labels are never opened.

    Raises what `load_nifti` or `load_png` raises; for PNG slices IncompleteStudy where a number is missing, GridMismatch
    where sizes differ.
    """
    facts = Facts(modality="lge", species="human", group=case.group, sex=_sex(case.info), convention=CONVENTION)
    if not _is_png(case.images):
        volume = load_nifti(case.images[0])
        if len(volume.array) != 1:
            raise GridMismatch("one frame", f"{len(volume.array)}", "give a single stack", case.images[0])
        origin = Origin(output_name(case.name), (0,), volume.is_4d, case.images[0])
        return Study(
            output_name(case.name),
            volume.array,
            volume.grid,
            (origin,),
            facts,
            None,
            volume.notes,
            sha256=volume.sha256,
        )
    numbers = [int(match[2]) for path in case.images if (match := _SLICE.match(path.name))]
    if numbers != list(range(len(numbers))):
        found, where = ", ".join(map(str, numbers)), case.images[0].parent
        raise IncompleteStudy("slices numbered from 0 without a gap", found, "copy the data set again", where)
    planes, sha256 = _stack(case.images)
    origin = Origin(output_name(case.name), (0,), False, case.images[0])
    grid = Grid(planes.shape, PNG_AFFINE, None)
    name = output_name(case.name)
    return Study(name, planes[None], grid, (origin,), facts, None, (STRETCHED,), sha256, keeps_image=True)


def read_emidec_labelled(case: EmidecCase) -> Study:
    """A case's image with its labels.

    Raises LabelsMissing, IncompleteStudy, GridMismatch and UnknownLabel beside what `read_emidec` raises.
    """
    study = read_emidec(case)
    if not case.labels:
        raise LabelsMissing("a file in Contours", "none", "read the case without labels", case.images[0].parent)
    if len(case.labels) < len(case.images):
        found, where = f"{len(case.labels)} of {len(case.images)}", case.labels[0].parent
        raise IncompleteStudy("contours of every slice", found, "copy the data set again", where)
    if _is_png(case.labels):
        array = _stack(case.labels)[0][None]
        strangers = sorted(set(np.unique(array).tolist()) - {0, *EMIDEC.codes})
        if strangers:
            found = ", ".join(map(str, strangers[:20]))
            raise UnknownLabel("the numbers 0 to 4", found, "check the contours' files", case.labels[0].parent)
    else:
        volume = load_labels(case.labels[0], EMIDEC)
        check_same_grid(volume.grid, study.grid, case.labels[0])
        array = volume.array.astype(np.uint8, copy=False)
    if array.shape != study.image.shape:
        found = " x ".join(map(str, array.shape))
        raise GridMismatch("labels of the image's shape", found, "check the case's files", case.labels[0])
    return replace(study, labels=Labels.complete(array, EMIDEC))


def _nifti_in(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in entries_of(folder)[1] if _NIFTI.search(path.name)) if folder.is_dir() else ()


def _is_png(paths: Sequence[Path]) -> bool:
    return paths[0].suffix.lower() == ".png"


def _stack(paths: Sequence[Path]) -> tuple[NDArray[np.uint8], str]:
    """Pictures as [slice, row, col], and the hash of their bytes in order."""
    planes, digest = [], hashlib.sha256()
    for path in paths:
        plane, content = load_png(path)
        if planes and plane.shape != planes[0].shape:
            raise GridMismatch(f"slices of {planes[0].shape}", f"{plane.shape}", "copy the data set again", path)
        planes.append(plane)
        digest.update(content)
    return np.stack(planes), digest.hexdigest()


def _sex(info: Path | None) -> Literal["female", "male"] | None:
    """From the clinical text's line `Sex: F`, in which a stray sign may stand before the colon."""
    if info is None:
        return None
    text = read_bytes(info, INFO_BUDGET_BYTES).decode("latin-1")
    match = re.search(r"^\s*sex[^:\n]*:\s*([FM])\b", text, re.IGNORECASE | re.MULTILINE)
    return None if match is None else ("female" if match[1].upper() == "F" else "male")
