"""The American Heart Association's segments on a short-axis stack: which ray of which slice belongs to which.

Cerqueira et al. 2002, Circulation 105:539. The slices whose wall closes round the cavity are parted into basal, mid and
apical thirds; segment 17, the apical cap, is not seen on short-axis slices. Basal and mid slices have six segments of 60
degrees, counted from the anterior insertion of the right ventricle through the septum: anteroseptal (2, 8), inferoseptal
(3, 9), inferior (4, 10), inferolateral (5, 11), anterolateral (6, 12), anterior (1, 7). Apical slices have four of 90
degrees, the septal one (14) about the same middle, then inferior (15), lateral (16), anterior (13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.core.study import Grid
from shortaxis.measure.insertion import WHOLE_SEPTUM, Insertion, find_insertion
from shortaxis.measure.rays import centroid, ray_angles

Labels = NDArray[np.uint8]
BASAL, MID, APICAL = 0, 1, 2
SEGMENTS = tuple(range(1, 17))
_SIX = np.array([2, 3, 4, 5, 6, 1])  # from the anterior insertion through the septum
_FOUR = np.array([14, 15, 16, 13])

NO_SPACING = "the voxel spacing is unknown"
NO_RV = "the labels do not tell the right ventricle, whose insertion the segments are counted from"
NO_WALL = "the labels do not tell cavity and myocardium"
NO_INSERTION = (
    "no slice shows both insertions of the right ventricle on the side where the header says that the septum lies"
)
FEW_SLICES = "the myocardium closes round the cavity on fewer than three slices"
NO_BASE = "the slices do not narrow to either end, so base and apex cannot be told apart"


@dataclass(frozen=True)
class SegmentedSlice:
    """A slice of which every ray has a segment.

    Attributes:
        index: the slice, 0-based.
        level: BASAL, MID or APICAL.
        centre: of the cavity, (row, col) in pixels.
        insertion: where counting starts; the nearest slice's, where the slice shows no whole septum.
    """

    index: int
    level: int
    centre: tuple[float, float]
    insertion: Insertion

    def segments(self) -> NDArray[np.int64]:
        """The segment number of each ray of `rays.ray_angles`, [ray]."""
        return segment_numbers(self.insertion.along(ray_angles()), self.level)


def segment_numbers(along_rad: NDArray[np.float64], level: int) -> NDArray[np.int64]:
    """Segment numbers of angles counted from the anterior insertion through the septum, on one level."""
    degrees = np.rad2deg(along_rad)
    if level == APICAL:
        return _FOUR[(np.remainder(degrees - 15, 360) // 90).astype(int)]  # 90 degrees about the septum's middle at 60
    return _SIX[np.minimum(degrees // 60, 5).astype(int)] + 6 * level


def segmented_slices(
    labels: Labels, scheme: LabelScheme, grid: Grid, base_first: bool | None = None
) -> tuple[list[SegmentedSlice], str | None]:
    """The slices of one frame's labels [slice, row, col] that have segments, or none and the reason.

    Args:
        base_first: whether the slices run from base to apex; by default as their areas say.
    """
    lacking = _lacking(scheme, grid)
    if lacking is not None or grid.pixel_mm is None:
        return [], lacking
    closed = closed_slices(labels, scheme)
    if len(closed) < 3:
        return [], FEW_SLICES
    base_first = runs_from_base(labels, scheme) if base_first is None else base_first
    if base_first is None:
        return [], NO_BASE
    masks = {index: _masks(labels[index], scheme) for index in closed}
    found = {index: find_insertion(*planes, grid.pixel_mm, grid) for index, planes in masks.items()}
    known = _landmarks({index: insertion for index, insertion in found.items() if insertion is not None})
    if not known:
        return [], NO_INSERTION
    ordered = closed if base_first else closed[::-1]
    return [
        SegmentedSlice(
            index,
            int(3 * (place + 0.5) / len(ordered)),
            centroid(masks[index][0]),
            known[min(known, key=lambda other: abs(other - index))],
        )
        for place, index in enumerate(ordered)
    ], None


def _landmarks(found: dict[int, Insertion]) -> dict[int, Insertion]:
    """The insertions that can be counted from: of slices that show one whole septum, or else of the most usual slice."""
    low, high = WHOLE_SEPTUM
    whole = {index: insertion for index, insertion in found.items() if low <= insertion.septum_rad <= high}
    if whole or not found:
        return whole
    nearest = min(found, key=lambda index: abs(found[index].septum_rad - (low + high) / 2))
    return {nearest: found[nearest]}


def closed_slices(labels: Labels, scheme: LabelScheme) -> list[int]:
    """Slices of labels [slice, row, col] on which the myocardium closes round the cavity."""
    found = []
    for index, plane in enumerate(labels):
        cavity, wall = scheme.mask(plane, Structure.LV_CAVITY), scheme.mask(plane, Structure.MYOCARDIUM)
        if cavity.any() and not (cavity & ~np.asarray(ndimage.binary_fill_holes(wall), bool)).any():
            found.append(index)
    return found


def runs_from_base(labels: Labels, scheme: LabelScheme) -> bool | None:
    """Whether the first slices of a frame are the basal ones: the ventricle with its wall narrows to the apex.

    None where it narrows to neither end. Needs cavity and myocardium in the scheme.
    """
    areas = np.count_nonzero(_whole(labels, scheme), axis=(1, 2))
    held = np.flatnonzero(areas)
    if len(held) < 2:
        return None
    slope = float(np.polyfit(held, areas[held], 1)[0])
    return None if abs(slope) < 1e-9 * areas.max() else slope < 0


def _lacking(scheme: LabelScheme, grid: Grid) -> str | None:
    if not (scheme.has(Structure.LV_CAVITY) and scheme.has(Structure.MYOCARDIUM)):
        return NO_WALL
    if not scheme.has(Structure.RV_CAVITY):
        return NO_RV
    return NO_SPACING if grid.pixel_mm is None else None


def _masks(plane: Labels, scheme: LabelScheme) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    parts: Sequence[Structure] = (Structure.LV_CAVITY, Structure.MYOCARDIUM, Structure.RV_CAVITY)
    cavity, wall, rv = (scheme.mask(plane, part) for part in parts)
    return cavity, wall, rv


def _whole(labels: Labels, scheme: LabelScheme) -> NDArray[np.bool_]:
    return scheme.mask(labels, Structure.LV_CAVITY) | scheme.mask(labels, Structure.MYOCARDIUM)
