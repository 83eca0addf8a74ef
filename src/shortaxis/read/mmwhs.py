"""MM-WHS 2017 (Zhuang et al., Medical Image Analysis 2019): whole hearts in 3D MR.

The files are `mr_train_1001_image.nii.gz` and `mr_train_1001_label.nii.gz`; the test set has images alone.

The numbers are 205 LV myocardium, 420 left atrium, 500 LV cavity, 550 right atrium, 600 RV cavity, 820 ascending aorta,
850 pulmonary artery; they become those of `core.labels.WHOLE_HEART`. 421 is taken for 420: the released labels hold a few
such voxels. CT files (`ct_train_...`) are not read.

These are no short-axis stacks: the volumes are nearly isotropic and lie as the scanner made them, along the body's axes or
the heart's. They are given as stored, one frame, with a note; nothing is turned or resampled, because the only way to the
short axis here would be the reference labels themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shortaxis.core.errors import GridMismatch, LabelsMissing
from shortaxis.core.labels import WHOLE_HEART, Labels
from shortaxis.core.study import Facts, Note, Origin, Study
from shortaxis.files.gate import check_same_grid, load_labels, load_nifti
from shortaxis.files.names import output_name, stem_of
from shortaxis.read.folders import walk

CODES = {205: 1, 420: 2, 421: 2, 500: 3, 550: 4, 600: 5, 820: 6, 850: 7}
NOT_SHORT_AXIS = Note(
    "SA-W044",
    "A whole-heart volume: its planes are as stored and no short axis; what is measured per slice means little.",
)
_IMAGE = re.compile(r"(?P<name>mr_(?:train|test)_\d+)_image\.nii(\.gz)?$")


@dataclass(frozen=True)
class MmwhsCase:
    """One volume, and its labels where there are any (the test set has none)."""

    name: str
    image: Path
    labels: Path | None


def find_mmwhs(root: Path) -> list[MmwhsCase]:
    """The MR volumes at or below `root`, by name. Raises MissingFile or Unreadable."""
    cases = [
        MmwhsCase(match["name"], path, _labels_beside(path))
        for _, files in walk(root)
        for path in files
        if (match := _IMAGE.match(path.name))
    ]
    return sorted(cases, key=lambda case: case.name)


def read_mmwhs(case: MmwhsCase) -> Study:
    """A volume as one frame; its labels are never opened. Raises GridMismatch and what `load_nifti` raises."""
    volume = load_nifti(case.image)
    if len(volume.array) != 1:
        raise GridMismatch("one frame", f"{len(volume.array)}", "give a single volume", case.image)
    origin = Origin(output_name(stem_of(case.image)), (0,), volume.is_4d, case.image)
    return Study(
        name=output_name(case.name),
        image=volume.array,
        grid=volume.grid,
        origins=(origin,),
        facts=Facts(modality="cine", species="human"),  # balanced SSFP, as a cine is
        notes=(*volume.notes, NOT_SHORT_AXIS),
        sha256=volume.sha256,
    )


def read_mmwhs_labelled(case: MmwhsCase) -> Study:
    """A volume with its labels in scheme `mmwhs`. Raises LabelsMissing beside what `read_mmwhs` and `load_labels` raise."""
    study = read_mmwhs(case)
    if case.labels is None:
        raise LabelsMissing("a file ending in _label", "none", "read the volume without labels", case.image)
    volume = load_labels(case.labels, WHOLE_HEART, codes=CODES)
    check_same_grid(volume.grid, study.grid, case.labels)
    if volume.array.shape != study.image.shape:
        raise GridMismatch("one frame of labels", f"{len(volume.array)}", "check the files", case.labels)
    return replace(study, labels=Labels.complete(volume.array.astype(np.uint8, copy=False), WHOLE_HEART))


def _labels_beside(image: Path) -> Path | None:
    labels = image.with_name(image.name.replace("_image.nii", "_label.nii"))
    return labels if labels.is_file() else None
