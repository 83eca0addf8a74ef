"""What moves along with the heart, for slices whose left ventricle no blood confirms: most often the apical cap.

A heart held lower by a deeper breath takes diaphragm, liver and stomach along. So the plane is divided into patches, and
each patch of each slice is found in the mean of the confirmed slices, put above one another by their centres: the place
of least variance of the difference, between pixels. A patch that moves with the heart stays where the centres put it, but
for a straight drift from slice to slice, since organs lean too. Patches that keep to that in the confirmed slices say by
their weighted median where the heart lies in the others.

No patch is chosen by what it is thought to show, and nothing is taken on trust: each confirmed slice is told from the
others in the same way, and where that misses by more than half of what the slices scatter, the answer is left unused. In
patients it mostly is, for diaphragms are steep and organs change between slices a centimetre apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.prepare.ventricle_centre import Centres, Plane, compressed

LEAST_CONFIRMED = 5  # slices: fewer tell a straight line from chance too seldom
WINDOW = 3.0  # half a side of what is searched, over the greatest radius of the ventricle
PATCH = 1.0  # a side of a patch, over the same
STEP = 1 / 3  # between patches, over the same
REACH = 0.22  # the farthest a patch is looked for, over the same: 8 mm in a human heart
BLUR_PX = 1.0
FOLLOWS = 0.5  # of the centres' variance about their line: a patch that varies more about its own does not follow
LEAST_PATCHES = 3
LEAST_SPREAD_PX = 0.15  # of a patch: it is no surer than that
TOLD = 0.5  # of the scatter of the confirmed slices: a greater error in telling them makes the others untold


@dataclass(frozen=True, eq=False)
class Patches:
    """How far each patch was found off its slice's centre: float64 [slice, patch, 2], and bool: within reach."""

    off_px: NDArray[np.float64]
    held: NDArray[np.bool_]


def follow_surroundings(image: NDArray[np.generic], centres: Centres, greatest_px: float) -> Centres:
    """The centres, those unconfirmed told by the slice's surroundings where these are seen to move with the heart.

    Args:
        image: [frame, slice, row, col].
        centres: of each slice, evenly spaced.
        greatest_px: greatest radius of the ventricle.
    """
    sure = np.flatnonzero(centres.confirmed)
    if len(sure) < LEAST_CONFIRMED or len(sure) == len(centres.px):
        return centres
    level = np.linspace(-1.0, 1.0, len(centres.px))
    start = np.where(centres.confirmed[:, None], centres.px, _line(level, sure, centres.px))
    patches = find_patches(_still(image), start, centres.confirmed, greatest_px)
    if not _follows(patches, centres.px, sure):
        return centres
    px, confirmed = centres.px.copy(), centres.confirmed.copy()
    for k in np.flatnonzero(~centres.confirmed):
        off = told_off(patches, centres.px, sure, int(k))
        if off is not None:
            px[k], confirmed[k] = start[k] + off, True
    return Centres(px, confirmed)


def find_patches(
    planes: NDArray[np.float64], start: NDArray[np.float64], confirmed: NDArray[np.bool_], greatest_px: float
) -> Patches:
    """Where the patches of each slice [slice, row, col] lie against the confirmed slices' mean, about `start`."""
    from scipy.ndimage import shift  # here: it is slow to import

    middle = np.median(start[confirmed], axis=0)
    above = np.stack([shift(p, middle - c, order=1, mode="nearest") for p, c in zip(planes, start, strict=True)])
    half = WINDOW * greatest_px
    rows, cols = (
        slice(max(int(m - half), 0), min(int(m + half) + 1, n)) for m, n in zip(middle, above.shape[1:], strict=True)
    )
    above = above[:, rows, cols]
    reach, side, step = (max(1, round(part * greatest_px)) for part in (REACH, PATCH, STEP))
    margin = side // 2 + reach
    at = np.ix_(*(np.arange(margin, n - margin, step) for n in above.shape[1:]))
    costs = np.stack([_costs(plane, above[confirmed].mean(axis=0), reach, side, at) for plane in above])
    return _least(costs)


def told_off(
    patches: Patches, centres: NDArray[np.float64], sure: NDArray[np.intp], k: int
) -> NDArray[np.float64] | None:
    """By how much slice `k` is off its start as (row, col), told from the slices `sure`; None where nothing follows."""
    level = np.linspace(-1.0, 1.0, len(centres))
    held = patches.held[sure].all(axis=0) & patches.held[k]
    off = patches.off_px[:, held]
    flat = off.reshape(len(off), -1)
    drift = _line(level, sure, flat)
    freedom = 2 * (len(sure) - 2)
    spread = ((flat - drift)[sure].reshape(len(sure), -1, 2) ** 2).sum(axis=(0, 2)) / freedom
    scatter = ((centres - _line(level, sure, centres))[sure] ** 2).sum() / freedom
    following = spread < FOLLOWS * scatter
    if following.sum() < LEAST_PATCHES:
        return None
    told = (off[k] - drift[k].reshape(-1, 2))[following]
    weights = 1 / (spread[following] + LEAST_SPREAD_PX**2)
    return np.array([_weighted_median(told[:, axis], weights) for axis in (0, 1)])


def _follows(patches: Patches, centres: NDArray[np.float64], sure: NDArray[np.intp]) -> bool:
    """Whether each confirmed slice can be told from the others."""
    told = [told_off(patches, centres, sure[sure != k], int(k)) for k in sure]
    missed = [off for off in told if off is not None]
    if len(missed) < len(sure):
        return False
    around = (centres - _line(np.linspace(-1.0, 1.0, len(centres)), sure, centres))[sure]
    return float(np.sqrt(np.mean(np.square(missed)))) <= TOLD * float(np.sqrt((around**2).sum() / (2 * len(sure) - 4)))


def _still(image: NDArray[np.generic]) -> NDArray[np.float64]:
    """Each slice's mean over the frames [slice, row, col], compressed and smoothed."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(compressed(image.mean(axis=0)), (0, BLUR_PX, BLUR_PX))


def _line(level: NDArray[np.float64], sure: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least-squares lines through the slices `sure` of values [slice, n], at every slice."""
    design = np.stack([np.ones_like(level), level], axis=1)
    return design @ np.linalg.lstsq(design[sure], values[sure], rcond=None)[0]


def _costs(plane: Plane, mean: Plane, reach: int, side: int, at: tuple[NDArray[np.intp], ...]) -> NDArray[np.float64]:
    """Variance of the difference within each patch [row step, col step, patch], for steps of -reach to reach."""
    from scipy.ndimage import uniform_filter

    wide = np.pad(plane, reach, mode="edge")
    steps = range(2 * reach + 1)
    costs = np.empty((len(steps), len(steps), at[0].size * at[1].size))
    for down in steps:
        for right in steps:
            gap = wide[down : down + mean.shape[0], right : right + mean.shape[1]] - mean
            costs[down, right] = (uniform_filter(gap**2, side) - uniform_filter(gap, side) ** 2)[at].ravel()
    return costs


def _least(costs: NDArray[np.float64]) -> Patches:
    """Where costs [slice, row step, col step, patch] are least, by a parabola through the neighbours on each axis."""
    slices, steps, _, patches = costs.shape
    best = costs.reshape(slices, steps**2, patches).argmin(axis=1)
    row, col = best // steps, best % steps
    held = (row > 0) & (row < steps - 1) & (col > 0) & (col < steps - 1)
    row, col = np.clip(row, 1, steps - 2), np.clip(col, 1, steps - 2)
    at = np.arange(slices)[:, None], np.arange(patches)[None, :]
    middle = costs[at[0], row, col, at[1]]
    off = []
    for place, (down, right) in ((row, (1, 0)), (col, (0, 1))):
        before, after = costs[at[0], row - down, col - right, at[1]], costs[at[0], row + down, col + right, at[1]]
        bend = np.maximum(before - 2 * middle + after, np.finfo(float).tiny)
        off.append(place - steps // 2 + np.clip((before - after) / (2 * bend), -0.5, 0.5))
    return Patches(np.stack(off, axis=-1), held)


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
