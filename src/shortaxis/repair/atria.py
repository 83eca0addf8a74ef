"""What lies beyond the valve plane: a cavity without a muscular wall is an atrium, not a ventricle.

Ours, not any paper's. At end-systole the valve plane has moved past the most basal slices; a network that sees a round
bright cavity there may draw it as ventricle with a rim for a wall. In the 200 labelled frames of ACDC's training patients
no basal slice has a wall below 0.47 of its frame's median, and none has a right ventricle without left ventricular muscle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure

LEAST_WALL = 0.47  # of the frame's median wall: the thinnest basal wall that ACDC's readers drew


def drop_atria(labels: NDArray[np.uint8], scheme: LabelScheme) -> NDArray[np.uint8]:
    """One frame's labels [slice, row, col] without basal slices whose cavity has no muscular wall.

    Slices are dropped from the basal end (where the cavity is wider) inwards, as long as their wall is thinner than
    `LEAST_WALL` of the median, and at most a third of them. Schemes without cavity or myocardium are left as they are.
    """
    if not (scheme.has(Structure.LV_CAVITY) and scheme.has(Structure.MYOCARDIUM)):
        return labels
    cavity = scheme.mask(labels, Structure.LV_CAVITY).sum(axis=(1, 2))
    wall = wall_pixels(cavity, scheme.mask(labels, Structure.MYOCARDIUM).sum(axis=(1, 2)))
    held = np.flatnonzero(cavity)
    if len(held) < 4:  # too few to know what is usual
        return labels
    from_base = held if cavity[held[0]] >= cavity[held[-1]] else held[::-1]
    dropped = 0
    while dropped < len(held) // 3 and wall[from_base[dropped]] < LEAST_WALL * np.median(wall[held]):
        dropped += 1
    if not dropped:
        return labels
    result, first_kept = labels.copy(), from_base[dropped]
    beyond = slice(None, first_kept) if from_base is held else slice(first_kept + 1, None)
    result[beyond] = 0
    return result


def wall_pixels(cavity: NDArray[np.integer], myocardium: NDArray[np.integer]) -> NDArray[np.float64]:
    """Mean wall thickness of each slice in pixels from its areas [slice], as of a ring; 0 where there is neither."""
    middle = 2 * np.sqrt(np.pi * (cavity + myocardium / 2))  # circumference half-way through the wall
    return np.divide(myocardium, middle, out=np.zeros(len(cavity)), where=middle > 0)
