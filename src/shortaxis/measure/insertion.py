"""Where the right ventricle's wall meets the left one's: the landmarks that segments are counted from.

The septum is the arc of the left ventricle's wall that touches the right ventricle, seen from the cavity's centre; its
two ends are the insertion points. The file's affine says which of them is the anterior one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.study import Grid
from shortaxis.measure.rays import angle_of, centroid

Mask = NDArray[np.bool_]
Pixel = tuple[float, float]

GAP_PIXELS = 3  # ours: a right ventricle this far from the wall still touches it
LEAST_SEPTUM = np.deg2rad(40)  # ours: a shorter arc is the right ventricle's tip, not the septum
# Ours: what basal and middle slices of ACDC's references have. Near the apex there is less, the right ventricle's tip; at
# the base of a wide one there is more, where its outflow lies over the front of the wall.
WHOLE_SEPTUM = (np.deg2rad(90), np.deg2rad(150))
FRONT_AND_UP = np.array([0.0, 1.0, 1.0]) / np.sqrt(2.0)  # RAS+; the anterior wall looks there
RIGHT = np.array([1.0, 0.0, 0.0])
NOT_SEEN = 0.2  # ours: a direction with less of its length than this in the plane is not told by the plane


@dataclass(frozen=True)
class Insertion:
    """The anterior insertion point of a slice, as an angle of `rays.ray_angles`, and the way round from there.

    Attributes:
        anterior_rad: its direction from the cavity's centre.
        turn: 1 where angles grow from it along the septum to the inferior one, -1 where they fall.
        septum_rad: the arc between the two.
    """

    anterior_rad: float
    turn: int
    septum_rad: float

    def along(self, angles: NDArray[np.float64]) -> NDArray[np.float64]:
        """Angles counted from the anterior insertion through the septum, 0 to 2 pi."""
        return np.remainder((angles - self.anterior_rad) * self.turn, 2 * np.pi)


# Where scanners show it, with the septum on the left: for slices whose labels tell no right ventricle but whose rows and
# columns are known to be those of the display.
AS_DISPLAYED = Insertion(float(np.deg2rad(240)), -1, float(np.deg2rad(120)))


def in_plane(direction: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """How far a direction (RAS+, length 1) goes along rows and along columns, [2]; as displayed where nothing is coded.

    A NIfTI file whose header codes no orientation is taken to be stored as scanners show it: columns towards the
    patient's left, rows towards the back (as `prepare.orient` takes it).
    """
    if grid.nifti is not None and grid.nifti.qform_code == grid.nifti.sform_code == 0:
        along_row, along_col = np.array([0.0, -1.0, 0.0]), np.array([-1.0, 0.0, 0.0])
    else:
        along_row, along_col = grid.affine[:3, 1], grid.affine[:3, 0]
    unit = [axis / max(float(np.linalg.norm(axis)), 1e-12) for axis in (along_row, along_col)]
    return np.array([float(axis @ direction) for axis in unit])


def find_insertion(cavity: Mask, wall: Mask, rv: Mask, pixel_mm: Pixel, grid: Grid) -> Insertion | None:
    """The insertion of one slice's masks [row, col]; None where no septum is told or the plane does not show the front.

    None as well where the septum would lie on the patient's left: such a header mirrors the heart.
    """
    ends = septal_arc(cavity, wall, rv, pixel_mm)
    front, right = in_plane(FRONT_AND_UP, grid), in_plane(RIGHT, grid)
    if ends is None or np.linalg.norm(front) < NOT_SEEN:
        return None
    first, last = ends
    arc = float(np.remainder(last - first, 2 * np.pi))
    middle = first + arc / 2
    if np.array([np.sin(middle), np.cos(middle)]) @ right < -NOT_SEEN:
        return None
    forward = [float(np.array([np.sin(end), np.cos(end)]) @ front) for end in ends]
    return Insertion(first, 1, arc) if forward[0] > forward[1] else Insertion(last, -1, arc)


def septal_arc(cavity: Mask, wall: Mask, rv: Mask, pixel_mm: Pixel) -> tuple[float, float] | None:
    """First and last angle of the wall that touches the right ventricle, in growing order round the circle.

    None where nothing touches or the arc is shorter than `LEAST_SEPTUM`.
    """
    if not (cavity.any() and wall.any() and rv.any()):
        return None
    touching = np.zeros_like(wall)
    for pixels in range(1, GAP_PIXELS + 1):
        touching = wall & np.asarray(ndimage.binary_dilation(rv, np.ones((3, 3), bool), pixels), bool)
        if touching.any():
            break
    rows, cols = np.nonzero(touching)
    if len(rows) < 2:
        return None
    row, col = centroid(cavity)
    angles = np.sort(angle_of(pixel_mm[0] * (rows - row), pixel_mm[1] * (cols - col)))
    gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
    widest = int(np.argmax(gaps))
    if 2 * np.pi - gaps[widest] < LEAST_SEPTUM:
        return None
    return float(angles[(widest + 1) % len(angles)]), float(angles[widest])
