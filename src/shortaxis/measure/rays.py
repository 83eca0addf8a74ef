"""Rays from a point of a slice, and how much of a mask each of them crosses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RAYS = 72
STEP = 0.1  # of the smaller side of a pixel

Mask = NDArray[np.bool_]


def ray_angles() -> NDArray[np.float64]:
    """Directions [ray] in radians, evenly spaced in millimetres: 0 to larger columns, a quarter turn to larger rows.

    They begin half a step off the axis: no ray then runs along a border between pixels, and none lies on the border of
    two segments of an upright heart. Turned by 90 degrees or mirrored they are the same rays.
    """
    return (np.arange(RAYS) + 0.5) * 2 * np.pi / RAYS


def angle_of(rows_mm: NDArray[np.floating], cols_mm: NDArray[np.floating]) -> NDArray[np.float64]:
    """The direction of offsets in mm, in the angles of `ray_angles`, 0 to 2 pi."""
    return np.remainder(np.arctan2(rows_mm, cols_mm, dtype=np.float64), 2 * np.pi)


def centroid(mask: Mask) -> tuple[float, float]:
    """Centre of a mask [row, col] that is not empty, as (row, col) in pixels."""
    rows, cols = np.nonzero(mask)
    return float(rows.mean()), float(cols.mean())


def crossed_mm(
    masks: Sequence[Mask], centre: tuple[float, float], pixel_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """Millimetres of each mask [row, col] along each ray from `centre`, [mask, ray]; of pixels, with a pixel of 1 x 1."""
    shape = np.array(masks[0].shape)
    corners = np.array([[r, c] for r in (0, shape[0] - 1) for c in (0, shape[1] - 1)])
    held = np.nonzero(np.logical_or.reduce(masks))
    if held[0].size:
        corners = np.array([[r, c] for r in (held[0].min(), held[0].max()) for c in (held[1].min(), held[1].max())])
    step_mm = STEP * min(pixel_mm)
    reach_mm = float(np.linalg.norm((corners - np.array(centre)) * np.array(pixel_mm), axis=1).max()) + max(pixel_mm)
    steps = np.arange(0, reach_mm, step_mm)
    angles = ray_angles()
    directions = np.stack([np.sin(angles) / pixel_mm[0], np.cos(angles) / pixel_mm[1]])  # [row or col, ray], px per mm
    points = np.rint(np.array(centre)[:, None, None] + directions[..., None] * steps).astype(int)
    inside = np.all((points >= 0) & (points < shape[:, None, None]), axis=0)
    row, col = np.where(inside, points, 0)
    return np.stack([(mask[row, col] & inside).sum(axis=1) * step_mm for mask in masks])
