"""Every score of two masks of one structure in one row, the search for nearest surfaces done once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.boundary import boundary_dice
from shortaxis.measure.nearest import surface_gaps
from shortaxis.measure.overlap import dice, jaccard
from shortaxis.measure.surface import distances_of, surface_dice_of
from shortaxis.measure.volume_error import relative_volume_error_percent, volume_error_ml
from shortaxis.measure.volumes import volume_ml

Mask = NDArray[np.bool_]
OUTCOMES = {(True, True): "both", (False, True): "missed", (True, False): "extra", (False, False): "neither"}


def scores_3d(
    ours: Mask, theirs: Mask, spacing_mm: Sequence[float] | None, surface_tolerance_mm: float
) -> dict[str, Any]:
    """Overlap, distances and volumes of two masks [slice, row, col]; see `evaluate.evaluate_case` for the keys."""
    voxels, reference_voxels = int(np.count_nonzero(ours)), int(np.count_nonzero(theirs))
    voxel_ml = None if spacing_mm is None else float(np.prod(spacing_mm)) / 1000.0
    return {
        **_overlap_and_distances(ours, theirs, spacing_mm, surface_tolerance_mm),
        "voxels": voxels,
        "reference_voxels": reference_voxels,
        "volume_ml": volume_ml(voxels, voxel_ml),
        "reference_volume_ml": volume_ml(reference_voxels, voxel_ml),
        "volume_error_ml": volume_error_ml(ours, theirs, spacing_mm),
        "volume_error_percent": relative_volume_error_percent(ours, theirs),
        "diagonal_mm": _diagonal(ours.shape, spacing_mm),
    }


def scores_2d(
    ours: Mask, theirs: Mask, pixel_mm: Sequence[float] | None, surface_tolerance_mm: float
) -> dict[str, Any]:
    """Overlap and distances of two masks [row, col], in mm and in pixels; see `evaluate_slices` for the keys."""
    return {
        **_overlap_and_distances(ours, theirs, pixel_mm, surface_tolerance_mm),
        **_distances_px(ours, theirs),
        "pixels": int(np.count_nonzero(ours)),
        "reference_pixels": int(np.count_nonzero(theirs)),
        "diagonal_mm": _diagonal(ours.shape, pixel_mm),
        "diagonal_px": _diagonal(ours.shape, (1.0, 1.0)),
    }


def _overlap_and_distances(
    ours: Mask, theirs: Mask, spacing_mm: Sequence[float] | None, surface_tolerance_mm: float
) -> dict[str, Any]:
    gaps = surface_gaps(ours, theirs, spacing_mm)
    distances = asdict(distances_of(gaps))
    return {
        "outcome": OUTCOMES[bool(ours.any()), bool(theirs.any())],
        "dice": dice(ours, theirs),
        "jaccard": jaccard(ours, theirs),
        "bdc": boundary_dice(ours, theirs),
        "surface_dice": surface_dice_of(gaps, surface_tolerance_mm),
        "surface_tolerance_mm": surface_tolerance_mm,
        **{key: value for key, value in distances.items() if key != "reason"},
        "reason": distances["reason"],
    }


def _distances_px(ours: Mask, theirs: Mask) -> dict[str, Any]:
    """The distances on pixels of size one, as papers give them that state no spacing."""
    found = distances_of(surface_gaps(ours, theirs, (1.0, 1.0)))
    return {"hd_px": found.hd_mm, "hd95_px": found.hd95_mm, "assd_px": found.assd_mm}


def _diagonal(shape: tuple[int, ...], spacing: Sequence[float] | None) -> float | None:
    """From corner to corner of the image, what a miss is charged."""
    return None if spacing is None else float(np.linalg.norm(np.multiply(shape, spacing)))
