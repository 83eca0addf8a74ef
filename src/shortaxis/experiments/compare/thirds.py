"""A stack in thirds from base to apex: overlap and certainty by slice position, as in figure 2 of Arega et al. 2021.

Thirds are of the slices that hold reference myocardium (the cavity, in a scheme without it); the end whose heart is
smaller is the apex. A third is scored as one block of slices: DSC against the reference, and the mean DSC of the
prediction and each Monte-Carlo sample (their equation 6, DiceWithinSamples), which is what the paper calls certainty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import Labels, LabelScheme, Structure
from shortaxis.core.study import Study
from shortaxis.measure.overlap import dice
from shortaxis.measure.uncertainty import dice_within_samples
from shortaxis.predict.cine import Drawn
from shortaxis.repair.anatomy import middle_third

THIRDS = ("base", "middle", "apex")
Slices = NDArray[np.intp]


def thirds_of(labels: Labels, frame: int) -> dict[str, Slices]:
    """Slice indices of each third of one frame, base first; all empty where no reference myocardium is.

    The middle third is rounded outward (`repair.anatomy.middle_third`), the others share the rest.
    """
    guide = Structure.MYOCARDIUM if labels.scheme.has(Structure.MYOCARDIUM) else Structure.LV_CAVITY
    held = np.flatnonzero(labels.scheme.mask(labels.array[frame], guide).any(axis=(1, 2)))
    middle = middle_third(np.isin(np.arange(labels.array.shape[1]), held))
    if not held.size:
        return dict.fromkeys(THIRDS, held)
    ends = held[held < middle[0]], held[held > middle[-1]]
    sizes = [np.count_nonzero(labels.array[frame, end]) / max(len(end), 1) for end in ends]
    base, apex = ends if sizes[0] >= sizes[1] else ends[::-1]
    return {"base": base, "middle": middle, "apex": apex}


def score_thirds(
    study: Study, prediction: NDArray[np.uint8], scheme: LabelScheme, draws: Mapping[int, Drawn]
) -> list[dict[str, Any]]:
    """Rows of `case`, `phase`, `structure`, `third`, `n_slices`, `dice` and `certainty` (None without samples).

    Args:
        study: with reference labels.
        prediction: uint8 [frame, slice, row, col], numbers of `scheme`.
        scheme: the prediction's.
        draws: Monte-Carlo samples by frame; empty where nothing was sampled.
    """
    labels = study.labels
    if labels is None:
        return []
    rows: list[dict[str, Any]] = []
    shared = [structure for structure in (*labels.scheme.structures, *labels.scheme.unions) if scheme.has(structure)]
    phases = {study.facts.ed_index: "ED", study.facts.es_index: "ES"}
    for frame in labels.annotated_frames():
        for third, slices in thirds_of(labels, frame).items():
            for structure in shared if len(slices) else ():
                ours = scheme.mask(prediction[frame, slices], structure)
                theirs = labels.scheme.mask(labels.array[frame, slices], structure)
                place = {"case": study.name, "phase": phases.get(frame), "structure": structure.value, "third": third}
                certainty = _certainty(draws.get(frame), slices, structure, scheme)
                rows.append({**place, "n_slices": len(slices), "dice": dice(ours, theirs), "certainty": certainty})
    return rows


def _certainty(drawn: Drawn | None, slices: Slices, structure: Structure, scheme: LabelScheme) -> float | None:
    if drawn is None:
        return None
    samples = [scheme.mask(sample[slices], structure) for sample in drawn.samples]
    return dice_within_samples(scheme.mask(drawn.mean[slices], structure), samples)
