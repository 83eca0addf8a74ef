"""Wall thickness of rings whose thickness is known."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.labels import ACDC
from shortaxis.measure.wall import wall_thickness

MYO, LV = 2, 3


def ring(inner_mm: float, outer_mm: float, pixel_mm: tuple[float, float]) -> np.ndarray:
    rows, cols = np.mgrid[:120, :120]
    radius_mm = np.hypot((rows - 60.3) * pixel_mm[0], (cols - 60.2) * pixel_mm[1])  # not symmetric on the pixels
    return np.where(radius_mm < inner_mm, LV, np.where(radius_mm < outer_mm, MYO, 0)).astype(np.uint8)[None]


@pytest.mark.parametrize("pixel_mm", [(1.0, 1.0), (1.5, 1.0), (0.8, 1.4)])
def test_a_ring_from_20_to_30_mm_is_10_mm_thick_whatever_the_pixels(pixel_mm: tuple[float, float]) -> None:
    (found,) = wall_thickness(ring(20, 30, pixel_mm), ACDC, pixel_mm)
    assert found.mean_mm == pytest.approx(10.0, abs=0.15)
    assert found.max_mm == pytest.approx(10.0, abs=1.5)


def test_the_thickest_place_is_found() -> None:
    labels = ring(20, 30, (1.0, 1.0))
    labels[0, 55:66, 85:95][labels[0, 55:66, 85:95] == 0] = MYO  # the wall at the right reaches 34.5 mm
    (found,) = wall_thickness(labels, ACDC, (1.0, 1.0))
    assert found.max_mm == pytest.approx(14.5, abs=1.0)


def test_open_rings_solid_discs_and_unknown_spacing_have_no_thickness() -> None:
    whole = ring(20, 30, (1.0, 1.0))
    opened, solid = whole.copy(), np.where(whole > 0, MYO, 0).astype(np.uint8)
    opened[0, 60, 80:] = 0
    assert wall_thickness(np.concatenate([opened, solid]), ACDC, (1.0, 1.0)) == []
    assert wall_thickness(whole, ACDC, None) == []
