"""The phantom's surroundings, which do not beat: chest wall with fat, lungs, liver, stomach, spleen and spine.

Drawn with soft edges one pixel wide instead of sub-samples. The organs follow a slice's breath-hold shift, the chest
wall does not. Signals are over that of left ventricular blood, as in a balanced steady-state cine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

FAT, MUSCLE, LUNG, LIVER, STOMACH, SPLEEN, SPINE, VESSEL = 1.25, 0.30, 0.05, 0.40, 0.55, 0.52, 0.36, 0.75

Plane = NDArray[np.float64]


def soft(signed_mm: Plane, pixel_mm: float) -> Plane:
    """1 inside (negative distance), 0 outside, straight across one pixel."""
    return np.clip(0.5 - signed_mm / pixel_mm, 0.0, 1.0)


def ellipse(y: Plane, x: Plane, centre: tuple[float, float], axes: tuple[float, float]) -> Plane:
    """Roughly the signed distance to an ellipse in mm; `centre` and `axes` as (y, x)."""
    scaled = np.hypot((y - centre[0]) / axes[0], (x - centre[1]) / axes[1])
    return (scaled - 1) * min(axes)


def texture(shape: tuple[int, ...], grain_px: float, rng: np.random.Generator) -> Plane:
    """A smooth random plane of mean 0 and standard deviation 1."""
    rough = gaussian_filter(rng.standard_normal(shape), grain_px, mode="wrap")
    return (rough - rough.mean()) / rough.std()


def surroundings(
    y_mm: Plane, x_mm: Plane, shift_mm: NDArray[np.float64], depth: float, pixel_mm: float, rng: np.random.Generator
) -> Plane:
    """Signal [row, col] of everything but the heart.

    Args:
        y_mm: [row, col] distance below the heart's centre, before the shift; `x_mm` to its right likewise.
        shift_mm: this slice's breath-hold shift as (row, col).
        depth: 0 at the base to 1 at the apex: the abdomen rises into view.
        rng: for the vessels and the texture.
    """
    inside = ellipse(y_mm, x_mm, (40.0, 28.0), (152.0, 182.0))
    lumpy = 6.0 * np.sin(3 * np.arctan2(y_mm - 40, x_mm - 28) + 1.0)
    layers = ((inside, FAT), (inside + 20 + lumpy, MUSCLE), (inside + 33 + lumpy, LUNG))
    plane = np.zeros_like(y_mm)
    for signed, signal in layers:
        plane += (signal - plane) * soft(signed, pixel_mm)
    chest = soft(inside + 33 + lumpy, pixel_mm)
    organs = _organs(y_mm - shift_mm[0], x_mm - shift_mm[1], depth, pixel_mm, rng)
    plane += (organs - plane) * chest
    return plane * (1 + 0.07 * texture(plane.shape, 1.2, rng) + 0.05 * texture(plane.shape, 5.0, rng))


def _organs(y: Plane, x: Plane, depth: float, pixel_mm: float, rng: np.random.Generator) -> Plane:
    """Signal within the chest wall: lungs above, abdomen below the diaphragm."""
    plane = np.full_like(y, LUNG)
    for _ in range(30):  # lung vessels
        _dab(plane, y, x, (rng.uniform(-100, 60), rng.uniform(-120, 170)), rng.uniform(1.0, 2.8), 0.45, pixel_mm)
    dome = 46 - 8 * depth + ((x + 30) / 95) ** 2 * 26
    below = dome - y
    plane += (FAT * 0.8 - plane) * soft(below, pixel_mm) * soft(10 - x, pixel_mm * 8)  # fat under the heart
    plane += (LIVER - plane) * soft(np.maximum(below + 2, x - 18 + 0.35 * (y - 60)), pixel_mm)
    for _ in range(16):  # liver vessels
        _dab(plane, y, x, (rng.uniform(60, 150), rng.uniform(-110, 0)), rng.uniform(1.2, 3.5), VESSEL, pixel_mm)
    grown = 1 + 0.15 * depth
    stomach = (82.0 - 6 * depth, 62.0)
    plane += (STOMACH - plane) * soft(ellipse(y, x, stomach, (29 * grown, 40 * grown)), pixel_mm)
    plane += (0.2 - plane) * soft(ellipse(y, x, (stomach[0] - 5, 66.0), (12.0, 20.0)), pixel_mm * 3)
    plane += (SPLEEN - plane) * soft(ellipse(y, x, (98.0, 128.0), (38.0, 20.0)), pixel_mm)
    plane += (SPINE - plane) * soft(ellipse(y, x, (140.0, 40.0), (22.0, 25.0)), pixel_mm)
    _dab(plane, y, x, (106.0, 30.0), 11.0, 0.95, pixel_mm)  # descending aorta
    return plane


def _dab(
    plane: Plane, y: Plane, x: Plane, centre: tuple[float, float], radius_mm: float, signal: float, pixel_mm: float
) -> None:
    plane += (signal - plane) * soft(np.hypot(y - centre[0], x - centre[1]) - radius_mm, pixel_mm)
