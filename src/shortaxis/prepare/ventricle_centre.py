"""The left ventricle's centre in each slice of a short-axis stack, between pixels, from the image alone.

First the circles. Blood is brighter than the wall and the wall brighter than lung, so on both contours the image's
gradient points to the centre. Every edge pixel votes for the points that lie a plausible radius along its gradient; for
each radius the votes are summed, smoothed, squared and divided by the radius, and the maps of all radii and of four
parts of the cycle are added: a circular Hough transform with gradient direction (Kimme, Ballard and Sklansky 1975; close
to the radial symmetry of Loy and Zelinsky 2003). First all slices together give one centre, with edges weighted by how
much the pixels change through the cycle; then each slice gives its own, near that one.

Then the pool of blood. About a slice's circles the mean signal of each ring falls from the blood to the wall; within the
ring where it is least the blood's centre of mass is taken, about that again, until it rests. Each part of the cycle
gives one, from a few starts; near the valve plane and the apex some run into an atrium or into fat, so the one nearest
the circles' centre counts. Where none is near, or the ring is as dark as lung, the circles' centre stands unconfirmed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GROUPS = 4  # consecutive frames are averaged into so many: less noise, little blur
REACH = 0.5  # the farthest displacement looked for, over the greatest radius
EDGE_SHARE = 0.25  # of the pixels near the heart, those of the steepest gradient, vote
VOTE_BLUR_PX = 1.5
EDGE_BLUR_PX = 1.0
AGREED = 0.1  # of the greatest radius: how far the pool may lie from the circles, 3.6 mm in a human heart
WALL_OVER_POOL = 0.75  # the wall's ring is at least so much darker than the brightest ring within
LEAST_WALL = 0.2  # over the pool's signal: what is darker is lung, and the bright middle no pool
LEAST_OF_USUAL = 0.6  # of the wall's signal in the stack's other slices: a darker ring is lung about the apex
POOL_ROUNDS = 12

Box = tuple[float, float, float, float]  # first row, first col, last row, last col
Plane = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Centres:
    """Centres float64 [slice, 2] as (row, col) in pixels, and bool [slice]: whether a pool of blood confirmed each."""

    px: NDArray[np.float64]
    confirmed: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pool:
    """Blood within a wall: its centre of mass as (row, col), and the mean signal of the wall's ring."""

    centre: NDArray[np.float64]
    wall: float


def find_centres(image: NDArray[np.generic], box: Box | None, radii_px: tuple[float, float]) -> Centres:
    """The left ventricle's centre in each slice, the same for all frames.

    Args:
        image: [frame, slice, row, col].
        box: where to look; None for the whole plane.
        radii_px: least and greatest radius of the ventricle's contours.
    """
    low, high = radii_px
    radii = np.arange(max(low, 2.0), high, max(1.0, (high - low) / 24))
    groups = np.array_split(np.arange(len(image)), min(GROUPS, len(image)))
    frames = np.stack([image[group].mean(axis=0) for group in groups]).astype(np.float64)
    edges = compressed(frames)
    joint = _joint_centre(edges, _inside(box, frames.shape[2:]), radii)
    circles = np.array([_slice_centre(edges[:, k], joint, radii) for k in range(frames.shape[1])])
    pools = [_agreed_pool(frames[:, k], centre, radii) for k, centre in enumerate(circles)]
    usual_wall = float(np.median([pool.wall for pool in pools if pool is not None] or [0.0]))
    kept = [pool if pool is not None and pool.wall >= LEAST_OF_USUAL * usual_wall else None for pool in pools]
    centres = [centre if pool is None else pool.centre for centre, pool in zip(circles, kept, strict=True)]
    return Centres(np.array(centres), np.array([pool is not None for pool in kept]))


def _agreed_pool(frames: NDArray[np.float64], circles: NDArray[np.float64], radii: NDArray[np.float64]) -> Pool | None:
    """Of one slice [frame, row, col] the pool nearest the circles' centre, sought from there and from around it."""
    reach = AGREED * radii[-1]
    starts = circles + reach / 2 * np.array([(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)])
    found = [pool for plane in frames for start in starts if (pool := _pool_at(plane, start, radii)) is not None]
    distances = [float(np.hypot(*(pool.centre - circles))) for pool in found]
    return found[int(np.argmin(distances))] if found and min(distances) <= reach else None


def _pool_at(plane: Plane, start: NDArray[np.float64], radii: NDArray[np.float64]) -> Pool | None:
    """Centre of mass (row, col) of the blood that a darker ring surrounds; None where there is no such ring."""
    row, col = np.indices(plane.shape).astype(float)
    centre, wall = start, 0.0
    for _ in range(POOL_ROUNDS):
        away = np.hypot(row - centre[0], col - centre[1])
        ring = _wall_ring(plane, away, radii)
        if ring is None:
            return None
        radius, wall = ring
        within = away < radius
        blood = float(np.quantile(plane[within], 0.8))
        if not 0 < LEAST_WALL * blood <= wall < blood:
            return None
        pool = np.where(within, np.clip((plane - wall) / (blood - wall) - 0.25, 0.0, 0.5), 0.0)
        if not pool.sum():
            return None
        before, centre = centre, np.array([(pool * row).sum(), (pool * col).sum()]) / pool.sum()
        if np.hypot(*(centre - before)) < 0.02:
            break
    return Pool(centre, wall)


def _wall_ring(plane: Plane, away: Plane, radii: NDArray[np.float64]) -> tuple[float, float] | None:
    """Radius and mean signal of the first ring that is clearly darker than what it encloses, one pixel wide each."""
    ring = np.rint(away).astype(int)
    near = ring < int(radii[-1]) + 4
    counts = np.bincount(ring[near])
    means = np.bincount(ring[near], plane[near]) / np.maximum(counts, 1)
    smooth = np.convolve(np.pad(means, 1, mode="edge"), (0.25, 0.5, 0.25), "valid")
    for k in range(2, len(smooth) - 1):
        darkest = smooth[k] <= smooth[k - 1] and smooth[k] <= smooth[k + 1]
        if darkest and smooth[k] < WALL_OVER_POOL * smooth[:k].max():
            return float(k), float(smooth[k])
    return None


def compressed(image: NDArray[np.generic]) -> NDArray[np.float64]:
    """Logarithm of the signal above a floor, so that a shaded edge votes like a bright one."""
    signal = image.astype(np.float64)
    signal -= signal.min()
    return np.log(signal + 0.2 * np.quantile(signal, 0.99) + np.finfo(float).tiny)


def _inside(box: Box | None, shape: tuple[int, ...]) -> Plane:
    """Weight [row, col]: 1 in the box, or without one falling off towards the border."""
    row, col = np.indices(shape).astype(float)
    if box is not None:
        return ((row >= box[0]) & (row <= box[2]) & (col >= box[1]) & (col <= box[3])).astype(float)
    spread = 0.25 * np.array(shape)
    middle = (np.array(shape) - 1) / 2
    return np.exp(-(((row - middle[0]) / spread[0]) ** 2 + ((col - middle[1]) / spread[1]) ** 2) / 2)


def _joint_centre(frames: NDArray[np.float64], inside: Plane, radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre (row, col) on which the slices agree."""
    from scipy.ndimage import gaussian_filter  # here: it is slow to import

    total = np.zeros(inside.shape)
    for k in range(frames.shape[1]):
        moving = gaussian_filter(frames[:, k].std(axis=0), radii[0]) if len(frames) > 1 else np.ones(inside.shape)
        votes = _votes(frames[0, k], inside * moving, radii)
        total += votes / max(float(votes.max()), np.finfo(float).tiny)
    total = gaussian_filter(total, radii[0]) * inside
    return np.array(np.unravel_index(int(total.argmax()), total.shape), float)


def _slice_centre(frames: NDArray[np.float64], joint: NDArray[np.float64], radii: NDArray[np.float64]) -> Plane:
    """Centre (row, col) of one slice [frame, row, col] near the joint one, between pixels."""
    reach, far = REACH * radii[-1], 1.7 * radii[-1]
    start = np.maximum(np.floor(joint - far), 0).astype(int)
    stop = np.ceil(joint + far).astype(int) + 1
    part = frames[:, start[0] : stop[0], start[1] : stop[1]]
    row, col = np.indices(part.shape[1:])
    away = np.hypot(row + start[0] - joint[0], col + start[1] - joint[1])
    near = np.exp(-((away / (0.8 * radii[-1])) ** 2) / 2)
    votes = np.stack([_votes(plane, near, radii) for plane in part]).sum(axis=0)
    likely = votes * np.exp(-((2 * away / reach) ** 2) / 2) * (away <= reach)
    if not likely.any():
        return joint
    peak = np.unravel_index(int(likely.argmax()), likely.shape)
    around = votes * (np.hypot(row - peak[0], col - peak[1]) <= 2 * VOTE_BLUR_PX)
    return np.array([(around * row).sum(), (around * col).sum()]) / around.sum() + start


def _votes(plane: Plane, weight: Plane, radii: NDArray[np.float64]) -> Plane:
    """How well each point [row, col] is the centre of circular edges that are brighter inside."""
    from scipy.ndimage import gaussian_filter

    smooth: Plane = gaussian_filter(plane, EDGE_BLUR_PX)
    steep_row, steep_col = np.gradient(smooth, axis=0), np.gradient(smooth, axis=1)
    steep: Plane = np.asarray(np.hypot(steep_row, steep_col))
    strength = steep * weight
    row, col = np.nonzero((strength >= np.quantile(strength, 1 - EDGE_SHARE)) & (strength > 0))
    if not len(row):
        return np.zeros(plane.shape)
    share = np.minimum(strength[row, col], np.quantile(strength[row, col], 0.8))  # no single bright edge decides
    toward_row, toward_col = (part[row, col] / steep[row, col] for part in (steep_row, steep_col))
    total = np.zeros(plane.shape)
    for radius in radii:
        to_row, to_col = np.rint(row + radius * toward_row).astype(int), np.rint(col + radius * toward_col).astype(int)
        held = (to_row >= 0) & (to_col >= 0) & (to_row < plane.shape[0]) & (to_col < plane.shape[1])
        cells = to_row[held] * plane.shape[1] + to_col[held]
        counted = np.bincount(cells, share[held], plane.size).reshape(plane.shape)
        total += gaussian_filter(counted, VOTE_BLUR_PX) ** 2 / radius
    return total
