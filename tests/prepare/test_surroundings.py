"""A slice without blood is placed by what moves along with the heart, and only where that is seen to move with it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from shortaxis.prepare.surroundings import follow_surroundings
from shortaxis.prepare.ventricle_centre import Centres

GREATEST_PX = 12.0
SHIFTS = 0.6 * np.array([(1, -1), (-2, 0), (2, 1), (0, -2), (-1, 2), (1, 1), (-2, -1), (2, -1)])
MIDDLE = np.array([40.0, 40.0])
CAP = 7  # the slice whose centre no blood confirms


def organs(moves: np.ndarray) -> np.ndarray:
    """One frame of slices that show the same smooth picture, each moved by its (row, col), with little noise."""
    rng = np.random.default_rng(0)
    picture = 100 + 40 * gaussian_filter(rng.standard_normal((80, 80)), 2.0) / 0.14
    moved = [shift(picture, move, order=3, mode="nearest") for move in moves]
    return (np.stack(moved) + rng.standard_normal((len(moves), 80, 80)))[None]


def centres(confirmed: int = CAP, cap_off: tuple[float, float] = (1.5, -1.5), drift: float = 0.0) -> Centres:
    """True centres drifting down by `drift` a slice, the cap's wrong by `cap_off`; the first `confirmed` are sure."""
    px = MIDDLE + SHIFTS + np.arange(len(SHIFTS))[:, None] * (drift, 0.0)
    px[CAP] += cap_off
    return Centres(px, np.arange(len(SHIFTS)) < confirmed)


def test_the_cap_is_placed_by_organs_that_move_with_the_heart() -> None:
    told = follow_surroundings(organs(SHIFTS), centres(), GREATEST_PX)
    assert told.confirmed.all()
    assert told.px[CAP] == pytest.approx(MIDDLE + SHIFTS[CAP], abs=0.3)


def test_the_confirmed_centres_stay_as_they_were() -> None:
    told = follow_surroundings(organs(SHIFTS), centres(), GREATEST_PX)
    assert np.array_equal(told.px[:CAP], centres().px[:CAP])


def test_organs_that_lean_otherwise_than_the_heart_still_tell() -> None:
    drift = np.arange(len(SHIFTS))[:, None] * (0.0, 0.3)
    told = follow_surroundings(organs(SHIFTS + drift), centres(drift=0.25), GREATEST_PX)
    assert told.px[CAP] == pytest.approx(centres(cap_off=(0, 0), drift=0.25).px[CAP], abs=0.4)


def test_surroundings_that_stay_where_they_are_tell_nothing() -> None:
    told = follow_surroundings(organs(np.zeros_like(SHIFTS)), centres(), GREATEST_PX)
    assert np.array_equal(told.px, centres().px) and not told.confirmed[CAP]


def test_surroundings_that_move_by_themselves_tell_nothing() -> None:
    told = follow_surroundings(organs(SHIFTS[::-1, ::-1]), centres(), GREATEST_PX)
    assert np.array_equal(told.px, centres().px) and not told.confirmed[CAP]


def test_fewer_than_five_confirmed_slices_tell_nothing() -> None:
    few = centres(confirmed=4)
    assert follow_surroundings(organs(SHIFTS), few, GREATEST_PX) is few


def test_where_all_are_confirmed_nothing_is_looked_for() -> None:
    every = centres(confirmed=8)
    assert follow_surroundings(organs(SHIFTS), every, GREATEST_PX) is every


@pytest.mark.parametrize("side", [6, 24])
def test_a_plane_too_small_for_patches_or_without_content_tells_nothing(side: int) -> None:
    centre = Centres(np.full((8, 2), side / 2) + SHIFTS / 2, np.arange(8) < CAP)
    told = follow_surroundings(np.zeros((1, 8, side, side)), centre, GREATEST_PX)
    assert np.array_equal(told.px, centre.px)
