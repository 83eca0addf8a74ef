"""How much myocardium each patient's reference labels hold: what folds can be balanced by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shortaxis.core.errors import BadSpacing, LabelsMissing
from shortaxis.core.labels import Structure
from shortaxis.core.study import Study
from shortaxis.train.run import TrainingCase

_WAY_OUT = "leave out --balance myocardium"


def myocardial_volumes_ml(cases: Sequence[TrainingCase]) -> dict[str, float]:
    """Patient -> volume of the myocardium in ml, the mean over the patient's scans and their drawn frames.

    Raises LabelsMissing where a scan's labels hold no myocardium, BadSpacing where its voxels' size is unknown.
    """
    volumes: dict[str, list[float]] = {}
    for case in cases:
        volumes.setdefault(case.patient, []).append(_volume_ml(case.read()))
    return {patient: float(np.mean(of_scans)) for patient, of_scans in volumes.items()}


def _volume_ml(study: Study) -> float:
    labels, voxel_ml = study.labels, study.grid.voxel_ml
    if labels is None or not labels.scheme.has(Structure.MYOCARDIUM) or not labels.annotated_frames():
        raise LabelsMissing("labels of the myocardium", f"none in {study.name}", _WAY_OUT)
    if voxel_ml is None:
        raise BadSpacing("a known voxel size, to compare volumes", f"none in {study.name}", _WAY_OUT)
    drawn = labels.array[list(labels.annotated_frames())]
    return float(labels.scheme.mask(drawn, Structure.MYOCARDIUM).sum()) * voxel_ml / len(drawn)
