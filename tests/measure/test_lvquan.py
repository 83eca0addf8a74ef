"""The eleven indices of a ring, by hand, and of a ring with one thick wall."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch
from shortaxis.measure.lvquan import lvquan_indices, lvquan_phases

ORDER = ["is", "i", "il", "al", "a", "as"]  # the challenge's


def ring(inner: float, outer: float, oval: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.mgrid[:120, :120] - 60
    away = np.hypot(rows / oval, cols)
    return away < inner, (away >= inner) & (away < outer)


def test_a_ring_of_20_and_30_pixels_in_millimetres_and_in_pixels() -> None:
    cavity, wall = ring(20, 30)
    mm = lvquan_indices(cavity, wall, (1.5, 1.5))
    assert list(mm) == ["a1_cavity_mm2", "a2_myocardium_mm2", "d1_is_al_mm", "d2_i_a_mm", "d3_il_as_mm"] + [
        f"rwt_{wall}_mm" for wall in ORDER
    ]
    assert mm["a1_cavity_mm2"] == pytest.approx(math.pi * 30**2, rel=0.01)
    assert mm["a2_myocardium_mm2"] == pytest.approx(math.pi * (45**2 - 30**2), rel=0.01)
    assert [mm[key] for key in list(mm)[2:5]] == pytest.approx([60] * 3, abs=0.75)
    assert [mm[key] for key in list(mm)[5:]] == pytest.approx([15] * 6, abs=0.4)
    px = lvquan_indices(cavity, wall, None)
    assert px["a1_cavity_px2"] == np.count_nonzero(cavity)
    assert px["rwt_is_px"] == pytest.approx(10, abs=0.3)
    assert not any(key.endswith("mm") for key in px)


@pytest.mark.parametrize(
    ("name", "degrees"),
    [("as", 210), ("is", 150), ("i", 90), ("il", 30), ("al", 330), ("a", 270)],  # 0 right, 90 down, as displayed
)
def test_each_wall_lies_where_the_display_shows_it(name: str, degrees: int) -> None:
    cavity, wall = ring(20, 30)
    rows, cols = np.mgrid[:120, :120] - 60
    turned = (np.rad2deg(np.arctan2(rows, cols)) - degrees + 180) % 360 - 180
    grown = wall | ((np.abs(turned) < 30) & (np.hypot(rows, cols) < 35) & ~cavity)
    found = lvquan_indices(cavity, grown, None)
    assert found[f"rwt_{name}_px"] == pytest.approx(15, abs=0.5)
    others = [found[f"rwt_{other}_px"] for other in ORDER if other != name]
    assert others == pytest.approx([10] * 5, abs=0.5)


def test_an_oval_cavity_is_longest_from_inferior_to_anterior() -> None:
    cavity, wall = ring(20, 30, oval=1.5)
    found = lvquan_indices(cavity, wall, None)
    d1, d2, d3 = (found[key] for key in ("d1_is_al_px", "d2_i_a_px", "d3_il_as_px"))
    assert d2 is not None and d1 is not None and d3 is not None
    assert d2 > 55 > d1 == pytest.approx(d3, abs=0.5)


def test_a_slice_without_cavity_has_no_index() -> None:
    cavity, wall = ring(20, 30)
    found = lvquan_indices(np.zeros_like(cavity), wall, None)
    assert len(found) == 11
    assert set(found.values()) == {None}
    with pytest.raises(GridMismatch):
        lvquan_indices(cavity[:50], wall, None)


def test_systole_runs_from_after_the_largest_to_the_smallest_area() -> None:
    assert lvquan_phases([100, 80, 60, 50, 70, 90]) == [0, 1, 1, 1, 0, 0]
    assert lvquan_phases([60, 50, 70, 90, 100, 80]) == [1, 1, 0, 0, 0, 1]  # the beat goes round
    assert lvquan_phases([5, 5, 5]) is None
