"""How far each surface voxel of one mask is from the other mask's surface: what every surface measure is made of.

Only the box that holds both masks is looked at, and only voxels that the surfaces do not share are searched for, in a
tree over the other's surface. On a heart this takes half the time of a distance transform of the same box.
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
_NOTHING = np.zeros(0)


@dataclass(frozen=True, eq=False)
class SurfaceGaps:
    """Distances in mm, [n] in no particular order; empty where `reason` says why there are none.

    Attributes:
        there_mm: from each surface voxel of the prediction to the nearest one of the reference.
        back_mm: from each surface voxel of the reference to the nearest one of the prediction.
        reason: why distances are undefined, else None.
        one_is_empty: whether exactly one mask holds nothing.
    """

    there_mm: NDArray[np.float64]
    back_mm: NDArray[np.float64]
    reason: str | None = None
    one_is_empty: bool = False


def surface_gaps(prediction: Mask, reference: Mask, spacing_mm: Sequence[float] | None) -> SurfaceGaps:
    """Distances between the surfaces of two masks of one shape and any number of axes.

    Raises:
        GridMismatch: the masks' shapes differ.
        BadSpacing: not one positive number per axis; None is allowed and leaves the distances undefined.
    """
    _check(prediction, reference, spacing_mm)
    ours, theirs = bool(prediction.any()), bool(reference.any())
    if not (ours and theirs) or spacing_mm is None:
        return SurfaceGaps(_NOTHING, _NOTHING, _why_undefined(ours, theirs), ours != theirs)
    box = _box_of(prediction | reference)  # outside it neither surface can lie
    our_surface, their_surface = surface_of(prediction[box]), surface_of(reference[box])
    return SurfaceGaps(
        _directed(our_surface, their_surface, spacing_mm), _directed(their_surface, our_surface, spacing_mm)
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
    apart = _places_mm(start & ~target, spacing_mm)  # the others are at distance 0, half of them in a good segmentation
    tree = KDTree(_places_mm(target, spacing_mm), leafsize=32, compact_nodes=False, balanced_tree=False)
    distances = np.zeros(np.count_nonzero(start))
    distances[: len(apart)] = tree.query(apart)[0]
    return distances


def _places_mm(mask: Mask, spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """[n, axis] places of the mask's voxels; by flat indices, which is four times faster than argwhere."""
    indices = np.unravel_index(np.flatnonzero(mask), mask.shape)
    return np.stack([np.multiply(index, float(step)) for index, step in zip(indices, spacing_mm, strict=True)], axis=1)


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


def _why_undefined(ours: bool, theirs: bool) -> str:
    if not ours and not theirs:
        return "the structure is in neither mask"
    if not ours:
        return "the structure is missing from the prediction"
    return "the voxel spacing is unknown" if theirs else "the structure is in the prediction alone"
