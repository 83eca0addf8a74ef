"""Cines of mice: NIfTI with labels beside them, or stacks that Segment saved with its contours (`segment_export`).

NIfTI images and labels are paired as any labelled folder's (`labelled`); the numbers are those of the scheme `lv`, 1
the cavity and 2 the myocardium. Where a data set numbers the myocardium alone as 1, it would be taken for the cavity:
such a file is refused, and `--dataset labelled --label-scheme myocardium` reads it.

A mouse is often scanned several times. Its scans must stand on one side of a split, so the animal is the innermost
folder that names more than a visit, else the file's name without the visit: `m12_day7.mat` is of `m12`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import LEFT_VENTRICLE, Structure
from shortaxis.core.study import Study
from shortaxis.files.names import output_name, stem_of, unique
from shortaxis.read.file_names import patient_of
from shortaxis.read.folders import walk
from shortaxis.read.labelled import LabelledCase, find_labelled, read_labelled_case
from shortaxis.read.segment_export import is_mat, read_segment_labelled

_VISIT = re.compile(
    r"(^|[_.-])(day|d|week|wk|month|visit|scan|baseline|pre-?op|post-?op|pre|post)[_-]?\d*$", re.IGNORECASE
)


@dataclass(frozen=True)
class MouseCase:
    """A labelled scan.

    Attributes:
        name: the case's slug, unique in its data set.
        animal: cases with the same key are one animal's.
        source: the Segment file, or an image with its labels.
    """

    name: str
    animal: str
    source: Path | LabelledCase


def find_mouse(root: Path) -> list[MouseCase]:
    """The labelled scans below `root`: its Segment files where it holds any, else images with labels.

    Raises MissingFile, Unreadable, NoStudy, LabelsMissing or BadConfiguration.
    """
    files = sorted(path for _, inside in walk(root) for path in inside if is_mat(path))
    if files:
        names = unique([output_name("-".join(path.relative_to(root).with_suffix("").parts)) for path in files])
        return [MouseCase(name, animal_of(path, root), path) for name, path in zip(names, files, strict=True)]
    found = find_labelled(root)
    animals = [_without_visit(case.patient) or animal_of(case.image, root) for case in found]
    return [MouseCase(case.name, animal, case) for case, animal in zip(found, animals, strict=True)]


def read_mouse(case: MouseCase) -> Study:
    """A mouse's cine with labels of the scheme `lv`.

    Raises BadConfiguration where nothing but 1 stands in the labels, and what the readers of its files raise.
    """
    if isinstance(case.source, Path):
        study = replace(read_segment_labelled(case.source), name=case.name)
    else:
        study = read_labelled_case(case.source, LEFT_VENTRICLE)
        _refuse_one_structure(study, case.source.labels)
    return replace(study, facts=replace(study.facts, species="mouse"))


def animal_of(path: Path, root: Path) -> str:
    """The animal a scan below `root` is of."""
    folders = [part for part in path.relative_to(root).parent.parts if _without_visit(part)]
    stem = path.stem if is_mat(path) else stem_of(path)
    return _without_visit(patient_of(_without_visit(stem) or stem, folders)) or stem


def _without_visit(name: str) -> str:
    while (shorter := _VISIT.sub("", name)) != name:
        name = shorter
    return name


def _refuse_one_structure(study: Study, path: Path) -> None:
    labels = study.labels
    if labels is not None and not np.any(labels.scheme.mask(labels.array, Structure.MYOCARDIUM)):
        raise BadConfiguration(
            "labels with 1 for the cavity and 2 for the myocardium",
            "1 alone",
            "if 1 is the myocardium, use --dataset labelled --label-scheme myocardium --species mouse",
            path,
        )
