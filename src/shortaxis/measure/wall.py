"""End-diastolic wall thickness, along rays from the centre of the cavity.

A simple measure: on each slice whose myocardium closes round the cavity, the length of wall that each of `RAYS` rays
from the cavity's centroid crosses. It is the true radial thickness of a round heart; a ray that meets an oval wall at
a slant reads a little long. The papillary muscles belong to the cavity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.labels import LabelScheme, Structure

RAYS = 72
STEP_PIXELS = 0.1

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class WallThickness:
    """Thickness of one slice's wall over its rays."""

    slice_index: int
    mean_mm: float
    max_mm: float


def wall_thickness(
    labels: NDArray[np.uint8], scheme: LabelScheme, pixel_mm: tuple[float, float] | None
) -> list[WallThickness]:
    """Wall thickness of one frame's labels [slice, row, col], for the slices where it is defined.

    Left out are slices without cavity or whose wall is open. Empty without pixel spacing (row, col in mm), or in a
    scheme without cavity or myocardium.
    """
    if pixel_mm is None or not (scheme.has(Structure.LV_CAVITY) and scheme.has(Structure.MYOCARDIUM)):
        return []
    found: list[WallThickness] = []
    for index, plane in enumerate(labels):
        cavity, wall = scheme.mask(plane, Structure.LV_CAVITY), scheme.mask(plane, Structure.MYOCARDIUM)
        if not cavity.any() or (cavity & ~np.asarray(ndimage.binary_fill_holes(wall), bool)).any():
            continue
        along = ray_thickness_mm(cavity, wall, pixel_mm)
        found.append(WallThickness(index, float(along.mean()), float(along.max())))
    return found


def ray_thickness_mm(cavity: Mask, wall: Mask, pixel_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Millimetres of wall along each ray [ray] from the cavity's centroid; masks are [row, col]."""
    rows, cols = np.nonzero(cavity | wall)
    reach = float(np.hypot(np.ptp(rows) + 1, np.ptp(cols) + 1))
    centre = [float(axis.mean()) for axis in np.nonzero(cavity)]
    angles = np.arange(RAYS) * 2 * np.pi / RAYS
    steps = np.arange(0, reach, STEP_PIXELS)
    directions = np.stack([np.sin(angles), np.cos(angles)])  # [row or col, ray], in pixels
    points = np.rint(np.array(centre)[:, None, None] + directions[..., None] * steps).astype(int)
    inside = np.all((points >= 0) & (points < np.array(wall.shape)[:, None, None]), axis=0)
    row, col = np.where(inside, points, 0)
    crossed = (wall[row, col] & inside).sum(axis=1) * STEP_PIXELS
    return crossed * np.hypot(directions[0] * pixel_mm[0], directions[1] * pixel_mm[1])
