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
from scipy.spatial import KDTree

from shortaxis.core.errors import BadSpacing
from shortaxis.measure.accept import check_same_shape

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between two surfaces; all None where `reason` says why.

    Attributes:
        hd_mm: Hausdorff distance, the largest distance from either surface to the other.
        hd95_mm: the larger of the two directed 95th percentiles (MONAI's definition).
        hd95_pooled_mm: 95th percentile of both directions thrown together (MedPy's definition).
        assd_mm: mean over the surface voxels of both masks.
        reason: why the distances are undefined, else None.
    """

    hd_mm: float | None
    hd95_mm: float | None
    hd95_pooled_mm: float | None
    assd_mm: float | None
    reason: str | None = None


def surface_distances(prediction: Mask, reference: Mask, spacing_mm: Sequence[float] | None) -> SurfaceDistances:
    """Distances between the surfaces of two masks of one shape.

    Args:
        prediction, reference: bool masks, [slice, row, col] or any number of axes.
        spacing_mm: distance between neighbours along each axis; None where unknown, and then so are the distances.

    Raises:
        GridMismatch: the masks' shapes differ.
        BadSpacing: not one positive number per axis.
    """
    _check(prediction, reference, spacing_mm)
    reason = _why_undefined(prediction, reference, spacing_mm)
    if reason is not None or spacing_mm is None:
        return SurfaceDistances(None, None, None, None, reason)
    box = _box_of(prediction | reference)  # outside it neither surface can lie
    ours, theirs = surface_of(prediction[box]), surface_of(reference[box])
    there, back = _directed(ours, theirs, spacing_mm), _directed(theirs, ours, spacing_mm)
    both = np.concatenate([there, back])
    return SurfaceDistances(
        hd_mm=float(both.max()),
        hd95_mm=float(max(np.percentile(there, 95), np.percentile(back, 95))),
        hd95_pooled_mm=float(np.percentile(both, 95)),
        assd_mm=float(both.mean()),
    )


def surface_of(mask: Mask) -> Mask:
    """The mask's voxels with at least one face neighbour outside it; beyond the array is outside."""
    inner = mask.copy()
    for axis in range(mask.ndim):
        along, eroded = np.moveaxis(mask, axis, 0), np.moveaxis(inner, axis, 0)  # views
        eroded[1:] &= along[:-1]
        eroded[:-1] &= along[1:]
        eroded[0] = eroded[-1] = False
    return mask & ~inner


def _box_of(mask: Mask) -> tuple[slice, ...]:
    """The bounding box of a mask that is not empty; five times faster than ndimage.find_objects."""
    box: list[slice] = []
    for axis in range(mask.ndim):
        held = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(int(held[0]), int(held[-1]) + 1))
    return tuple(box)


def _directed(start: Mask, target: Mask, spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Millimetres from each voxel of `start` to the nearest voxel of `target`, [n], in no particular order."""
    apart = start & ~target  # the others are at distance 0, half of them in a good segmentation
    scale = np.asarray(spacing_mm)
    tree = KDTree(np.argwhere(target) * scale, leafsize=32, compact_nodes=False, balanced_tree=False)
    distances = np.zeros(np.count_nonzero(start))
    distances[: np.count_nonzero(apart)] = tree.query(np.argwhere(apart) * scale)[0]
    return distances


def _check(prediction: Mask, reference: Mask, spacing_mm: Sequence[float] | None) -> None:
    check_same_shape(prediction, reference)
    if spacing_mm is None:
        return
    if len(spacing_mm) != reference.ndim or not all(np.isfinite(step) and step > 0 for step in spacing_mm):
        raise BadSpacing(
            f"{reference.ndim} positive distances in mm, one per axis",
            f"{tuple(spacing_mm)}",
            "give the spacing in the order of the axes, or None where it is unknown",
        )


def _why_undefined(prediction: Mask, reference: Mask, spacing_mm: Sequence[float] | None) -> str | None:
    ours, theirs = bool(prediction.any()), bool(reference.any())
    if not ours and not theirs:
        return "the structure is in neither mask"
    if not ours:
        return "the structure is missing from the prediction"
    if not theirs:
        return "the structure is in the prediction alone"
    return None if spacing_mm is not None else "the voxel spacing is unknown"
