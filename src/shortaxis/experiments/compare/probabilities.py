"""How far a model's probabilities can be believed, frame by frame: Brier score and reliability curve.

Only drawn slices are judged. Most of a slice is certain background, which flatters every figure; so all but one are taken
near the heart: in the box around all that the reference shows in the frame, with 20 mm of room on each side. The box is the
reference's alone, so that it is the same for every method. The probabilities are those before any repair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import Labels, LabelScheme, Structure
from shortaxis.core.study import Study
from shortaxis.measure.calibration import (
    ReliabilityCurve,
    brier_score,
    expected_calibration_error,
    reliability_curve,
    top_label,
)
from shortaxis.prepare.heart_box import box_of

ROOM_MM = 20.0  # ours: about a heart's wall and the fat around it
BINS = 10
ALL = "all"  # the row of all classes at once, background included
Probabilities = NDArray[np.float32]
Place = tuple[slice, slice, slice]


def judge_frame(study: Study, frame: int, probs: Probabilities, scheme: LabelScheme) -> list[dict[str, Any]]:
    """Rows of one frame: a structure each, and one of all classes at once (`ALL`).

    Args:
        study: with reference labels; without them, or where the frame has none, there is no row.
        frame: 0-based.
        probs: float32 [class, slice, row, col], background first, then as in `scheme.codes`.
        scheme: the model's.

    Returns:
        Rows with `case`, `frame_index`, `phase`, `structure`, `brier` (drawn slices' whole images), `brier_heart`, `ece`
        and `curve` (`measure.calibration.ReliabilityCurve`), these three near the heart. Of `ALL` the Brier scores are the
        mean over classes, and the curve is of the likeliest class; it is there where the reference tells every class.
    """
    labels = study.labels
    if labels is None or frame not in labels.annotated_frames():
        return []
    drawn = labels.annotated[frame].all(axis=1)
    near = _near_heart(labels.array[frame], study.grid.pixel_mm)
    if near is None or not drawn.any():
        return []
    probs = np.clip(probs[:, drawn], 0.0, 1.0)
    reference, place = labels.array[frame][drawn], (slice(None), *near)
    phase = {study.facts.ed_index: "ED", study.facts.es_index: "ES"}.get(frame)
    where = {"case": study.name, "frame_index": frame, "phase": phase}
    rows = [
        {**where, "structure": structure.value, **_judged(ours, labels.scheme.mask(reference, structure), place)}
        for structure, ours in _of_structures(probs, labels, scheme)
    ]
    if all(labels.scheme.has(structure) for structure in scheme.codes.values()):
        rows.append({**where, "structure": ALL, **_judged_whole(probs, reference, labels, scheme, place)})
    return rows


def curve_of(row: Mapping[str, Any]) -> ReliabilityCurve:
    """A row's curve, read back from JSON."""
    held = row["curve"]
    return ReliabilityCurve(*(tuple(held[key]) for key in ("edges", "counts", "confidence", "frequency")))


def _judged(ours: Probabilities, mask: NDArray[np.bool_], place: Place) -> dict[str, Any]:
    curve = reliability_curve(ours[place], mask[place], BINS)
    scores = {"brier": brier_score(ours, mask), "brier_heart": brier_score(ours[place], mask[place])}
    return {**scores, "ece": expected_calibration_error(curve), "curve": asdict(curve)}


def _judged_whole(
    probs: Probabilities, reference: NDArray[np.uint8], labels: Labels, scheme: LabelScheme, place: Place
) -> dict[str, Any]:
    structures = [None, *scheme.codes.values()]
    classes = np.zeros(reference.shape, np.intp)
    for index, structure in enumerate(structures):
        if structure is not None:
            classes[labels.scheme.mask(reference, structure)] = index
    truth = np.stack([classes == index for index in range(len(structures))])
    near = (slice(None), *place)
    curve = reliability_curve(*top_label(probs[near], classes[place]), BINS)
    scores = {"brier": brier_score(probs, truth), "brier_heart": brier_score(probs[near], truth[near])}
    return {**scores, "ece": expected_calibration_error(curve), "curve": asdict(curve)}


def _of_structures(
    probs: Probabilities, labels: Labels, scheme: LabelScheme
) -> Iterator[tuple[Structure, Probabilities]]:
    """Each structure that both schemes tell, a whole after its parts, with its probabilities [slice, row, col]."""
    order = list(scheme.codes.values())
    for structure in (*labels.scheme.structures, *labels.scheme.unions):
        if scheme.has(structure):
            parts = [order.index(part) + 1 for part in scheme.unions.get(structure, (structure,))]
            yield structure, np.minimum(probs[parts].sum(axis=0), 1.0)


def _near_heart(array: NDArray[np.uint8], pixel_mm: tuple[float, float] | None) -> tuple[slice, slice] | None:
    """Rows and columns of the reference's box with room around; None where the frame shows no heart."""
    box = box_of(array > 0)
    if box is None:
        return None
    row_px, col_px = (round(ROOM_MM / mm) for mm in pixel_mm or (1.0, 1.0))
    return (
        slice(max(0, int(box[0]) - row_px), int(box[2]) + row_px + 1),
        slice(max(0, int(box[1]) - col_px), int(box[3]) + col_px + 1),
    )
