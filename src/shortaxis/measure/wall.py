"""End-diastolic wall thickness, along rays from the centre of the cavity.

A simple measure: on each slice whose myocardium closes round the cavity, the length of wall that each of the rays
from the cavity's centroid crosses. It is the true radial thickness of a round heart; a ray that meets an oval wall at
a slant reads a little long. The papillary muscles belong to the cavity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.measure.aha_segments import closed_slices
from shortaxis.measure.rays import centroid, crossed_mm

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
    for index in closed_slices(labels, scheme):
        cavity, wall = (scheme.mask(labels[index], part) for part in (Structure.LV_CAVITY, Structure.MYOCARDIUM))
        along = ray_thickness_mm(cavity, wall, pixel_mm)
        found.append(WallThickness(index, float(along.mean()), float(along.max())))
    return found


def ray_thickness_mm(cavity: Mask, wall: Mask, pixel_mm: tuple[float, float]) -> NDArray[np.float64]:
    """Millimetres of wall along each ray [ray] from the cavity's centroid; masks are [row, col]."""
    return crossed_mm([wall], centroid(cavity), pixel_mm)[0]
