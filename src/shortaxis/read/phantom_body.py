"""The phantom's surroundings, which do not beat: chest wall with fat, lungs, liver, stomach, spleen and spine.

Drawn with soft edges one pixel wide instead of sub-samples. The organs follow a slice's breath-hold shift, the chest
wall does not. Signals are over that of left ventricular blood, as in a balanced steady-state cine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

FAT, MUSCLE, LUNG, LIVER, STOMACH, SPLEEN, SPINE, VESSEL = 1.1, 0.30, 0.05, 0.40, 0.55, 0.52, 0.36, 0.75

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
        y_mm, x_mm: [row] and [col], distance below and to the right of the heart's centre, before the shift.
        shift_mm: this slice's breath-hold shift as (row, col).
        depth: 0 at the base to 1 at the apex: the abdomen rises into view.
        rng: for the vessels and the texture.
    """
    y, x = y_mm[:, None], x_mm[None, :]
    skin = ellipse(y, x, (48.0, 28.0), (165.0, 180.0))
    angle = np.arctan2(y - 48, x - 28)
    fat_mm = 18 + 8 * np.cos(angle + 0.5) + 4 * np.sin(5 * angle)
    muscle_mm = 13 + 4 * np.sin(3 * angle + 1)
    plane = np.zeros(skin.shape)
    plane += FAT * soft(skin, pixel_mm)
    plane += (MUSCLE - plane) * soft(skin + fat_mm, pixel_mm)
    ribs = (np.abs(np.sin(7 * angle + depth)) > 0.8) * soft(np.abs(skin + fat_mm + 7) - 3, pixel_mm)
    plane += (0.75 * FAT - plane) * ribs
    chest = soft(skin + fat_mm + muscle_mm, pixel_mm)
    plane += (_organs(y_mm - shift_mm[0], x_mm - shift_mm[1], depth, pixel_mm, rng) - plane) * chest
    return plane * (1 + 0.05 * texture(plane.shape, 1.0, rng) + 0.06 * texture(plane.shape, 8.0, rng))


def _organs(y_mm: Plane, x_mm: Plane, depth: float, pixel_mm: float, rng: np.random.Generator) -> Plane:
    """Signal within the chest wall: lungs above, abdomen below the diaphragm."""
    y, x = y_mm[:, None], x_mm[None, :]
    plane = np.full((len(y_mm), len(x_mm)), LUNG)
    for _ in range(40):  # lung vessels
        _dab(plane, y_mm, x_mm, (rng.uniform(-100, 60), rng.uniform(-120, 170)), rng.uniform(0.8, 2.4), 0.4, pixel_mm)
    dome = 37 - 6 * depth + ((x + 25) / 95) ** 2 * 24
    below = dome - y
    plane += (0.85 * FAT - plane) * soft(below, pixel_mm) * soft(x - 150, pixel_mm)  # abdominal fat
    plane += (LIVER - plane) * soft(np.maximum(below + 3, x - 22 + 0.45 * (y - 50)), pixel_mm)
    for _ in range(18):  # liver vessels
        _dab(plane, y_mm, x_mm, (rng.uniform(58, 150), rng.uniform(-120, -25)), rng.uniform(1.2, 3.5), VESSEL, pixel_mm)
    grown = 1 + 0.15 * depth
    stomach = (78.0 - 6 * depth, 62.0)
    plane += (STOMACH - plane) * soft(ellipse(y, x, stomach, (29 * grown, 38 * grown)), pixel_mm)
    plane += (0.15 - plane) * soft(ellipse(y, x, (stomach[0] - 6, 66.0), (11.0, 19.0)), pixel_mm * 3)
    plane += (SPLEEN - plane) * soft(ellipse(y, x, (98.0, 122.0), (40.0, 19.0)), pixel_mm)
    plane += (SPINE - plane) * soft(ellipse(y, x, (150.0, 42.0), (22.0, 25.0)), pixel_mm)
    _dab(plane, y_mm, x_mm, (118.0, 66.0), 11.0, 0.95, pixel_mm)  # descending aorta
    return plane


def _dab(
    plane: Plane,
    y_mm: Plane,
    x_mm: Plane,
    centre_mm: tuple[float, float],
    radius_mm: float,
    signal: float,
    pixel_mm: float,
) -> None:
    """Draw a disc into `plane`, touching only the pixels around it."""
    reach = radius_mm + 2 * pixel_mm
    rows, cols = (
        slice(*np.searchsorted(axis, (middle - reach, middle + reach)))
        for axis, middle in zip((y_mm, x_mm), centre_mm, strict=True)
    )
    away = np.hypot(y_mm[rows, None] - centre_mm[0], x_mm[None, cols] - centre_mm[1])
    plane[rows, cols] += (signal - plane[rows, cols]) * soft(away - radius_mm, pixel_mm)
