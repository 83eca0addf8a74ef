"""The indices of the LVQuan challenge (left ventricle full quantification) from masks: eleven of size, and the phase.

W. Xue et al. 2018, Medical Image Analysis 43:54, and the MICCAI challenges of 2018 and 2019: areas of cavity and
myocardium, three diameters of the cavity, six regional wall thicknesses, systole or diastole. How the published values
were computed from contours is not stated; ours are means over the rays of the six 60 degree segments of a middle slice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.accept import check_same_shape
from shortaxis.measure.aha_segments import MID, segment_numbers
from shortaxis.measure.insertion import AS_DISPLAYED, Insertion
from shortaxis.measure.phases import find_phases
from shortaxis.measure.rays import centroid, crossed_mm, ray_angles

Mask = NDArray[np.bool_]
# The challenge's order of the walls, with the segment of the middle slice that each is.
WALLS = {"is": 9, "i": 10, "il": 11, "al": 12, "a": 7, "as": 8}
DIAMETERS = {"d1_is_al": ("is", "al"), "d2_i_a": ("i", "a"), "d3_il_as": ("il", "as")}
NO_CAVITY = "the slice has no cavity or no myocardium"
SYSTOLE, DIASTOLE = 1, 0  # the challenge's numbers


def lvquan_indices(
    cavity: Mask, wall: Mask, pixel_mm: tuple[float, float] | None, insertion: Insertion = AS_DISPLAYED
) -> dict[str, float | None]:
    """The eleven indices of one slice's masks [row, col].

    Args:
        pixel_mm: (row, col) spacing. Where it is None the values are in pixels and the keys say so.
        insertion: where the right ventricle inserts; by default the septum lies on the image's left, as the challenge
            turned its images (its labels tell no right ventricle).

    Returns:
        `a1_cavity_mm2`, `a2_myocardium_mm2`, `d1_is_al_mm`, `d2_i_a_mm`, `d3_il_as_mm` and `rwt_is_mm`, `rwt_i_mm`,
        `rwt_il_mm`, `rwt_al_mm`, `rwt_a_mm`, `rwt_as_mm`, in this order; `_px2` and `_px` in pixels. All None
        (`NO_CAVITY`) where the slice lacks the cavity or the myocardium.

    Raises:
        GridMismatch: the masks' shapes differ.
    """
    check_same_shape(cavity, wall)
    scale, unit = ((1.0, 1.0), "px") if pixel_mm is None else (pixel_mm, "mm")
    names = [f"a1_cavity_{unit}2", f"a2_myocardium_{unit}2", *(f"{key}_{unit}" for key in DIAMETERS)]
    names += [f"rwt_{key}_{unit}" for key in WALLS]
    if not (cavity.any() and wall.any()):
        return dict.fromkeys(names)
    radius, thickness = crossed_mm([cavity, wall], centroid(cavity), scale)
    segments = segment_numbers(insertion.along(ray_angles()), MID)
    radii = {key: float(radius[segments == number].mean()) for key, number in WALLS.items()}
    pixel = scale[0] * scale[1]
    values = [
        *(int(np.count_nonzero(mask)) * pixel for mask in (cavity, wall)),
        *(radii[one] + radii[other] for one, other in DIAMETERS.values()),
        *(float(thickness[segments == number].mean()) for number in WALLS.values()),
    ]
    return dict(zip(names, values, strict=True))


def lvquan_phases(cavity_areas: Sequence[int]) -> list[int] | None:
    """Phase of each frame from the cavity's area in each: 1 (systole) after end-diastole up to end-systole, else 0.

    The frames are one beat, taken as a circle. None where the areas show no end-diastole and end-systole.
    """
    found = find_phases(cavity_areas)
    if found.ed_index is None or found.es_index is None:
        return None
    n = len(cavity_areas)
    ejection = (found.es_index - found.ed_index) % n
    return [SYSTOLE if 0 < (frame - found.ed_index) % n <= ejection else DIASTOLE for frame in range(n)]
