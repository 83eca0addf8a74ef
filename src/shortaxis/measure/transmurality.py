"""How deep an infarct goes: its share of the wall's thickness, along rays, by segment of the heart association.

A ray's transmurality is the length of infarct and no-reflow it crosses over the length of all myocardium it crosses, in
percent. A segment's is the mean over its rays on every slice of its level, rays without infarct counted as 0: the mean
extent of Kim et al. 2000 (N Engl J Med 343:1445) rather than the depth of the infarct alone, which is `deepest_percent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.core.study import Grid, Study
from shortaxis.measure.aha_segments import SEGMENTS, SegmentedSlice, segmented_slices
from shortaxis.measure.aha_wall import TURNED, WAY_UP_UNKNOWN
from shortaxis.measure.rays import crossed_mm
from shortaxis.measure.ventricles import Entry

DAMAGED = (Structure.INFARCT, Structure.NO_REFLOW)
NOT_PARTED = "the labels do not part the myocardium into healthy and infarcted"
NO_RAY = "no ray of the segment crosses myocardium"


@dataclass(frozen=True)
class Transmurality:
    """Of one segment; None where `reason` says why.

    Attributes:
        mean_percent: mean over the segment's rays.
        deepest_percent: of the ray with most.
        reason: why there is none.
    """

    mean_percent: float | None
    deepest_percent: float | None
    reason: str | None = None


def transmurality(
    labels: NDArray[np.uint8], scheme: LabelScheme, grid: Grid, slices: Sequence[SegmentedSlice] | None = None
) -> dict[int, Transmurality]:
    """Transmurality of segments 1 to 16 in one stack's labels [slice, row, col].

    Args:
        slices: where the segments lie, as `aha_segments.segmented_slices` finds them on labels of the same grid that
            tell the right ventricle (those of the cine, say). By default they are looked for in `labels`; late
            enhancement is seldom drawn with a right ventricle, and every segment then has that as its reason.
    """
    damaged = [part for part in DAMAGED if scheme.has(part)]
    reason = None if damaged and scheme.has(Structure.MYOCARDIUM) else NOT_PARTED
    if reason is None and slices is None:
        slices, reason = segmented_slices(labels, scheme, grid)
    if reason is not None or slices is None or grid.pixel_mm is None:
        return {number: Transmurality(None, None, reason or "the voxel spacing is unknown") for number in SEGMENTS}
    numbers, percent = [np.zeros(0, int)], [np.zeros(0)]
    for part in slices:
        along = ray_transmurality_percent(labels[part.index], scheme, part.centre, grid.pixel_mm)
        crossed = np.isfinite(along)
        numbers.append(part.segments()[crossed])
        percent.append(along[crossed])
    every, values = np.concatenate(numbers), np.concatenate(percent)
    return {number: _of(values[every == number]) for number in SEGMENTS}


def transmurality_by_segment(labels: NDArray[np.uint8], scheme: LabelScheme, study: Study) -> dict[str, Entry]:
    """Entries `transmurality.<segment>.mean_percent` and `.deepest_percent` of one stack, with their reasons.

    Nothing where the scheme does not part the myocardium. Nothing is told where the header's anterior may not be the
    heart's, as of the wall's thickness.
    """
    if not (scheme.has(Structure.MYOCARDIUM) and any(scheme.has(part) for part in DAMAGED)):
        return {}
    turned = any(note.code == TURNED for note in study.notes)
    entries: dict[str, Entry] = {}
    for number, found in transmurality(labels, scheme, study.grid).items():
        for name in ("mean_percent", "deepest_percent"):
            entry = (None, WAY_UP_UNKNOWN) if turned else (getattr(found, name), found.reason)
            entries[f"transmurality.{number}.{name}"] = entry
    return entries


def ray_transmurality_percent(
    plane: NDArray[np.uint8], scheme: LabelScheme, centre: tuple[float, float], pixel_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """Percent of each ray's myocardium [row, col] that is damaged, [ray]; NaN where a ray crosses none."""
    wall = scheme.mask(plane, Structure.MYOCARDIUM)
    hurt = np.isin(plane, [scheme.code_of(part) for part in DAMAGED if scheme.has(part)])
    hurt_mm, wall_mm = crossed_mm([hurt, wall], centre, pixel_mm)
    return np.divide(100.0 * hurt_mm, wall_mm, out=np.full(len(wall_mm), np.nan), where=wall_mm > 0)


def _of(percent: NDArray[np.float64]) -> Transmurality:
    if not percent.size:
        return Transmurality(None, None, NO_RAY)
    return Transmurality(float(percent.mean()), float(percent.max()))
