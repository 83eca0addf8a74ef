"""Distances between the surfaces of two masks, in millimetres.

Surface voxels are those of the mask that a face-connected erosion removes; what lies beyond the image counts as
outside, so a mask cut by the border has a surface there. In a stack, slices above and below are neighbours too: on a
single slice every voxel is a surface voxel. The default HD95 is the larger of the two directed 95th percentiles, as in
MONAI; the percentile of both directions thrown together, as in MedPy, has its own name because it is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.nearest import Mask, SurfaceGaps, surface_gaps


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between two surfaces; all None where `reason` says why.

    Attributes:
        hd_mm: Hausdorff distance, the largest distance from either surface to the other.
        hd95_mm: the larger of the two directed 95th percentiles (MONAI's definition).
        hd95_pooled_mm: 95th percentile of both directions thrown together (MedPy's definition).
        assd_mm: mean over the surface voxels of both masks.
        reason: why the distances are undefined, else None.
        hd_one_sided_mm: the largest distance from the reference's surface to the prediction's alone: DADU's eq. 13
            (section 5.3), max over x in the reference of min over y in the prediction. It is not symmetric and at most
            `hd_mm`: what the prediction invents far away does not enter it.
    """

    hd_mm: float | None
    hd95_mm: float | None
    hd95_pooled_mm: float | None
    assd_mm: float | None
    reason: str | None = None
    hd_one_sided_mm: float | None = None


def surface_distances(prediction: Mask, reference: Mask, spacing_mm: Sequence[float] | None) -> SurfaceDistances:
    """Distances between the surfaces of two masks of one shape.

    Args:
        prediction, reference: bool masks, [slice, row, col] or any number of axes.
        spacing_mm: distance between neighbours along each axis; None where unknown, and then so are the distances.

    Raises:
        GridMismatch: the masks' shapes differ.
        BadSpacing: not one positive number per axis.
    """
    return distances_of(surface_gaps(prediction, reference, spacing_mm))


def distances_of(gaps: SurfaceGaps) -> SurfaceDistances:
    """The distances of gaps that are known already, so that several measures share one search."""
    if gaps.reason is not None:
        return SurfaceDistances(None, None, None, None, gaps.reason)
    there, back = np.sort(gaps.there_mm), np.sort(gaps.back_mm)
    both = np.sort(np.concatenate([there, back]))
    return SurfaceDistances(
        hd_mm=float(both[-1]),
        hd95_mm=max(percentile_of_sorted(there, 95), percentile_of_sorted(back, 95)),
        hd95_pooled_mm=percentile_of_sorted(both, 95),
        assd_mm=float(both.mean()),
        hd_one_sided_mm=float(back[-1]),
    )


def assd_of_directions(gaps: SurfaceGaps) -> float | None:
    """The mean of the two directed mean distances, as MedPy's `assd` has it; `assd_mm` weighs every surface voxel alike.

    In mm; None where the distances are undefined.
    """
    return None if gaps.reason is not None else float((gaps.there_mm.mean() + gaps.back_mm.mean()) / 2)


def percentile_of_sorted(values: NDArray[np.float64], percent: float) -> float:
    """As `numpy.percentile` with linear interpolation, of values [n] that are sorted: a tenth of its time."""
    place = (len(values) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return float(values[low] + (values[high] - values[low]) * (place - low))


def surface_dice(
    prediction: Mask, reference: Mask, spacing_mm: Sequence[float] | None, tolerance_mm: float
) -> float | None:
    """Surface Dice: the share of both masks' surface voxels that lie within a tolerance of the other's surface.

    Nikolov et al. 2018 (arXiv:1809.04430), counted in voxels as MONAI does, in [0, 1]. None if both masks are empty or
    the spacing is unknown; 0 if one is empty. Arguments and refusals as `surface_distances`.
    """
    return surface_dice_of(surface_gaps(prediction, reference, spacing_mm), tolerance_mm)


def surface_dice_of(gaps: SurfaceGaps, tolerance_mm: float) -> float | None:
    """Surface Dice of gaps that are known already."""
    if gaps.one_is_empty:
        return 0.0
    if gaps.reason is not None:
        return None
    near = np.count_nonzero(gaps.there_mm <= tolerance_mm) + np.count_nonzero(gaps.back_mm <= tolerance_mm)
    return near / (len(gaps.there_mm) + len(gaps.back_mm))
