"""The masks of two readings against each other, voxel by voxel, where they lie on one grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import GridMismatch, LabelsMissing
from shortaxis.core.labels import Labels, LabelScheme
from shortaxis.core.study import Study
from shortaxis.files.gate import check_same_grid
from shortaxis.jobs.readings import Reading
from shortaxis.measure.evaluate import evaluate_case

FRAMES = {
    "same": "the same frames, A's end-diastole and end-systole: both hold the same cine",
    "own": "each reading's own end-diastole and end-systole",
}


def compare_masks(readings: Mapping[str, tuple[Reading, Reading]]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows of `evaluate_case`, A as the prediction, where masks share a grid; the other cases, and why."""
    rows, apart = [], dict[str, str]()
    for case, (one, other) in readings.items():
        if one.study is None or other.study is None:
            apart[case] = "no masks beside the measures"
            continue
        try:
            check_same_grid(one.study.grid, other.study.grid, Path(case))
        except GridMismatch as problem:
            apart[case] = problem.found
            continue
        rows += _compared(one.study, other.study)
    return rows, apart


def _compared(ours: Study, theirs: Study) -> list[dict[str, Any]]:
    """Rows of `evaluate_case` at end-diastole and end-systole, or of the one frame there is."""
    same = ours.n_frames == theirs.n_frames > 2
    at_ours, at_theirs = _moments(ours), _moments(ours if same else theirs)
    moments = [moment for moment in at_ours if moment in at_theirs]
    if not moments:
        return []
    taken, scheme = _frames(ours, [at_ours[moment] for moment in moments])
    drawn, their_scheme = _frames(theirs, [at_theirs[moment] for moment in moments])
    where = {
        f"{name}_index": moments.index(key) if key in moments else None for name, key in (("ed", "ED"), ("es", "ES"))
    }
    labels = Labels.complete(drawn, their_scheme)
    study = replace(theirs, image=drawn, labels=labels, facts=replace(theirs.facts, **where), origins=())
    frames = FRAMES["same" if same else "own"]
    return [{**row, "frames": frames} for row in evaluate_case(study, taken, scheme)]


def _moments(study: Study) -> dict[str, int]:
    """Which frame is end-diastole and which end-systole; the only frame where neither is known."""
    found = {"ED": study.facts.ed_index, "ES": study.facts.es_index}
    known = {moment: index for moment, index in found.items() if index is not None}
    return known or ({"": 0} if study.n_frames == 1 else {})


def _frames(study: Study, frames: list[int]) -> tuple[NDArray[np.uint8], LabelScheme]:
    if study.labels is None:  # a reading without masks has no study
        raise LabelsMissing("masks", "none", "segment the case again", study.name)
    return study.labels.array[frames], study.labels.scheme
