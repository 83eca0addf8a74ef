"""A prediction against the reference, case by case: one row per frame and structure, or per slice.

Only what somebody drew is compared: slices and structures that `Labels.annotated` marks. A structure counts over the
whole stack of a frame (3D) in `evaluate_case`, slice by slice (2D) in `evaluate_slices`. A structure that the reference
has and the prediction lacks has Dice 0 and no distances; `summary.summarise` charges it. A structure that the
prediction's scheme cannot tell is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import Labels, LabelScheme, Structure
from shortaxis.core.species import with_species
from shortaxis.core.study import Facts, Study
from shortaxis.measure.accept import check_labels
from shortaxis.measure.confusion import confusion, rates
from shortaxis.measure.scores import scores_2d, scores_3d
from shortaxis.repair.anatomy import middle_third

Mask = NDArray[np.bool_]
SURFACE_TOLERANCE_MM = {"human": 2.0, "mouse": 0.2}  # ours: about what two readers of one heart differ by


def evaluate_case(study: Study, prediction: NDArray[np.uint8], scheme: LabelScheme) -> list[dict[str, Any]]:
    """Rows of one case's scores.

    Args:
        study: with reference labels; its spacing makes millimetres and millilitres, which are None without it.
        prediction: uint8 [frame, slice, row, col] on the study's grid, numbers of `scheme`.

    Returns:
        Rows with `case`, `frame_index`, `frame_number`, `phase` ("ED", "ES" or None), `structure`, `outcome` ("both",
        "missed", "extra" or "neither"), `n_slices` compared, `dice`, `jaccard`, `bdc` (boundary Dice),
        `surface_dice` at `surface_tolerance_mm`, `hd_mm`, `hd95_mm`, `hd95_pooled_mm`, `assd_mm`, `hd_one_sided_mm`,
        `reason` why the distances are None; `sensitivity`, `specificity`, `ppv`, `npv`, `accuracy` over the slices'
        whole images; `voxels`, `reference_voxels`, `volume_ml`, `reference_volume_ml`, `volume_error_ml`,
        `volume_error_percent` and the image's `diagonal_mm`.

    Raises:
        LabelsMissing: the study has no reference.
        GridMismatch, UnknownLabel: the prediction does not fit.
    """
    rows: list[dict[str, Any]] = []
    for place, drawn, ours, theirs in _compared(study, prediction, scheme):
        held = ours & drawn[:, None, None], theirs & drawn[:, None, None]
        scores = scores_3d(*held, study.grid.spacing_mm, _surface_tolerance_mm(study))
        rates_drawn = rates(confusion(ours[drawn], theirs[drawn]))  # a slice that nobody drew is not a true negative
        rows.append({**place, "n_slices": int(drawn.sum()), **scores, **rates_drawn})
    return rows


def evaluate_slices(study: Study, prediction: NDArray[np.uint8], scheme: LabelScheme) -> list[dict[str, Any]]:
    """Rows of one case's scores in the plane: one per frame, structure and slice that was drawn.

    Arguments and refusals as `evaluate_case`. A row has its `slice_number` (from 1) and the scores of that row's
    names, in 2D, with `hd_px`, `hd95_px` and `assd_px` in pixels, `pixels`, `reference_pixels`, `diagonal_mm` and
    `diagonal_px`; there are no volumes and no rates.
    """
    rows: list[dict[str, Any]] = []
    for place, drawn, ours, theirs in _compared(study, prediction, scheme):
        for index in np.flatnonzero(drawn):
            scores = scores_2d(ours[index], theirs[index], study.grid.pixel_mm, _surface_tolerance_mm(study))
            rows.append({**place, "slice_number": int(index) + 1, **scores})
    return rows


def missed_on_mid_slices(study: Study, prediction: NDArray[np.uint8], scheme: LabelScheme) -> list[dict[str, Any]]:
    """Structures that the prediction misses or puts elsewhere on the middle slices of a frame.

    Middle slices are the middle third of those that hold reference myocardium (the cavity, in a scheme without
    myocardium). A row per fault: `case`, `frame_index`, `frame_number`, `phase`, `slice_number`, `structure`, and
    `outcome`: "missed" (not a voxel on the slice) or "elsewhere" (voxels, and none of them on the reference).

    Raises:
        LabelsMissing, GridMismatch, UnknownLabel: as `evaluate_case`.
    """
    labels = _reference_of(study)
    check_labels(prediction, study.image, scheme)
    guide = Structure.MYOCARDIUM if labels.scheme.has(Structure.MYOCARDIUM) else Structure.LV_CAVITY
    rows: list[dict[str, Any]] = []
    for frame in labels.annotated_frames():
        held = labels.scheme.mask(labels.array[frame], guide).any(axis=(1, 2)) & _drawn_slices(labels, frame, guide)
        for index in middle_third(held):
            for structure in _comparable(labels.scheme, scheme):
                theirs = labels.scheme.mask(labels.array[frame, index], structure)
                ours = scheme.mask(prediction[frame, index], structure)
                drawn = _drawn_slices(labels, frame, structure)[index]
                if drawn and theirs.any() and not (ours & theirs).any():
                    fault = {"slice_number": int(index) + 1, "structure": structure.value}
                    rows.append({**_place(study, frame), **fault, "outcome": "elsewhere" if ours.any() else "missed"})
    return rows


def _compared(
    study: Study, prediction: NDArray[np.uint8], scheme: LabelScheme
) -> Iterator[tuple[dict[str, Any], Mask, Mask, Mask]]:
    """What is compared: the row's first columns, the slices drawn [slice], prediction and reference [slice, row, col]."""
    labels = _reference_of(study)
    check_labels(prediction, study.image, scheme)
    for frame in labels.annotated_frames():
        for structure in _comparable(labels.scheme, scheme):
            drawn = _drawn_slices(labels, frame, structure)
            if drawn.any():
                ours, theirs = (
                    scheme.mask(prediction[frame], structure),
                    labels.scheme.mask(labels.array[frame], structure),
                )
                yield {**_place(study, frame), "structure": structure.value}, drawn, ours, theirs


def _surface_tolerance_mm(study: Study) -> float:
    return SURFACE_TOLERANCE_MM[with_species(study).facts.species or "human"]


def _reference_of(study: Study) -> Labels:
    if study.labels is None:
        raise LabelsMissing("a study read with its reference labels", "none", "read the labels with the study")
    return study.labels


def _comparable(reference: LabelScheme, prediction: LabelScheme) -> list[Structure]:
    """The structures that both schemes can tell, in the reference's order, wholes after their parts."""
    return [s for s in (*reference.structures, *reference.unions) if prediction.has(s)]


def _drawn_slices(labels: Labels, frame: int, structure: Structure) -> Mask:
    """Slices [slice] on which the structure was drawn; a whole is drawn where all its parts are."""
    parts = labels.scheme.unions.get(structure, (structure,))
    columns = [labels.scheme.structures.index(part) for part in parts]
    return np.asarray(labels.annotated[frame][:, columns].all(axis=1))


def _place(study: Study, frame: int) -> dict[str, Any]:
    return {
        "case": study.name,
        "frame_index": frame,
        "frame_number": frame + 1,
        "phase": _phase_of(study.facts, frame),
    }


def _phase_of(facts: Facts, frame: int) -> str | None:
    return "ED" if frame == facts.ed_index else "ES" if frame == facts.es_index else None
