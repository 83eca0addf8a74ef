"""A prediction against the reference, case by case: one row per frame and structure.

Only what somebody drew is compared: slices and structures that `Labels.annotated` marks. A structure counts over the
whole stack of a frame (3D). A structure that the reference has and the prediction lacks has Dice 0 and no distances;
`summary.summarise` charges it. A structure that the prediction's scheme cannot tell is not compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import Labels, LabelScheme, Structure
from shortaxis.core.study import Facts, Spacing, Study
from shortaxis.measure.accept import check_labels
from shortaxis.measure.overlap import dice
from shortaxis.measure.surface import surface_distances
from shortaxis.measure.volumes import volume_ml
from shortaxis.repair.anatomy import middle_third

Mask = NDArray[np.bool_]


def evaluate_case(study: Study, prediction: NDArray[np.uint8], scheme: LabelScheme) -> list[dict[str, Any]]:
    """Rows of one case's scores.

    Args:
        study: with reference labels; its spacing makes millimetres and millilitres, which are None without it.
        prediction: uint8 [frame, slice, row, col] on the study's grid, numbers of `scheme`.

    Returns:
        Rows with `case`, `frame_index`, `frame_number`, `phase` ("ED", "ES" or None), `structure`, `outcome` ("both",
        "missed", "extra" or "neither"), `n_slices` compared, `dice`, `hd_mm`, `hd95_mm`, `hd95_pooled_mm`, `assd_mm`,
        `reason` why the distances are None, `voxels`, `reference_voxels`, `volume_ml`, `reference_volume_ml` and the
        image's `diagonal_mm`.

    Raises:
        LabelsMissing: the study has no reference.
        GridMismatch, UnknownLabel: the prediction does not fit.
    """
    labels = _reference_of(study)
    check_labels(prediction, study.image, scheme)
    rows: list[dict[str, Any]] = []
    for frame in labels.annotated_frames():
        for structure in _comparable(labels.scheme, scheme):
            drawn = _drawn_slices(labels, frame, structure)
            if drawn.any():
                ours = scheme.mask(prediction[frame], structure) & drawn[:, None, None]
                theirs = labels.scheme.mask(labels.array[frame], structure) & drawn[:, None, None]
                place = {**_place(study, frame), "structure": structure.value, "n_slices": int(drawn.sum())}
                rows.append(place | _scores(ours, theirs, study.grid.spacing_mm))
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


def _scores(ours: Mask, theirs: Mask, spacing_mm: Spacing | None) -> dict[str, Any]:
    """Overlap, distances and volumes of two masks [slice, row, col]."""
    distances = surface_distances(ours, theirs, spacing_mm)
    voxels, reference_voxels = int(np.count_nonzero(ours)), int(np.count_nonzero(theirs))
    voxel_ml = None if spacing_mm is None else float(np.prod(spacing_mm)) / 1000.0
    diagonal = None if spacing_mm is None else float(np.linalg.norm(np.multiply(ours.shape, spacing_mm)))
    outcomes = {(True, True): "both", (False, True): "missed", (True, False): "extra", (False, False): "neither"}
    return {
        "outcome": outcomes[voxels > 0, reference_voxels > 0],
        "dice": dice(ours, theirs),
        "hd_mm": distances.hd_mm,
        "hd95_mm": distances.hd95_mm,
        "hd95_pooled_mm": distances.hd95_pooled_mm,
        "assd_mm": distances.assd_mm,
        "reason": distances.reason,
        "voxels": voxels,
        "reference_voxels": reference_voxels,
        "volume_ml": volume_ml(voxels, voxel_ml),
        "reference_volume_ml": volume_ml(reference_voxels, voxel_ml),
        "diagonal_mm": diagonal,
    }
