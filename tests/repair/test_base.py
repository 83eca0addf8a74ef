"""A basal slice that is ventricle in diastole is kept in systole where the network nearly, but not quite, rules it out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.found import Doubt
from shortaxis.core.labels import ACDC, EMIDEC, MYOCARDIUM_ALONE
from shortaxis.repair.base import HoldBase, diastole, fragments, to_draw
from tests.repair.test_atria import HEART, Ring, stack_of

HOLD = HoldBase()
RV, MYO, LV = 1, 2, 3
LOST: Ring = (0.0, 0.0)
SYSTOLE = [(9.0, 8.0), (8.5, 8.0), (7.5, 8.0), (6.0, 8.0), (4.0, 8.0)]  # half of diastole's radius
LOST_BASE = [LOST, *SYSTOLE[1:]]


def planes_of(*frames: list[Ring]) -> NDArray[np.uint8]:
    """Labels [frame, slice, row, col] of hearts without a right ventricle."""
    labels = np.stack([stack_of(rings) for rings in frames])
    labels[labels == RV] = 0
    return labels


def doubt_at(frame: int, index: int) -> Doubt:
    """A cavity is possible in the middle of the slice."""
    possible = np.zeros((64, 64), bool)
    possible[30:34, 30:34] = True
    return Doubt(frame, index, possible)


def probabilities(cavity: float) -> NDArray[np.float32]:
    """One frame of two slices: in the first cavity is likeliest, in the second it has this probability at one pixel."""
    probs = np.zeros((4, 2, 8, 8), np.float32)
    probs[LV, 0, 2:6, 2:6] = 0.9
    probs[LV, 1, 3, 4] = cavity
    probs[0] = 1 - probs[1:].sum(axis=0)
    return probs


def doubts_in(probs: NDArray[np.float32]) -> list[Doubt]:
    return HOLD.doubts(7, probs, probs.argmax(axis=0).astype(np.uint8), ACDC)


def test_a_slice_without_cavity_is_doubtful_from_a_probability_of_one_in_fifty() -> None:
    (found,) = doubts_in(probabilities(0.021))
    assert (found.frame, found.slice_index) == (7, 1)
    np.testing.assert_array_equal(np.argwhere(found.possible), [[3, 4]])
    assert not doubts_in(probabilities(0.019))


def test_a_scheme_without_a_cavity_has_no_doubts() -> None:
    probs = np.full((2, 1, 4, 4), 0.5, np.float32)
    assert not HOLD.doubts(0, probs, np.zeros((1, 4, 4), np.uint8), MYOCARDIUM_ALONE)


def test_a_doubtful_basal_slice_is_kept_as_diastole_has_it_shrunk_as_its_neighbour_is() -> None:
    labels = planes_of(HEART, LOST_BASE)
    held, notes = HOLD.settle(labels, [doubt_at(1, 0)], ACDC)
    radius, outline = 18 * 8.5 / 17, 24 * 16.5 / 23  # of the cavity, and of cavity and wall
    wanted = stack_of([(radius, outline - radius)])[0]
    assert np.count_nonzero((held[1, 0] == LV) != (wanted == LV)) < 0.1 * np.count_nonzero(wanted == LV)
    assert np.count_nonzero((held[1, 0] >= MYO) != (wanted >= MYO)) < 0.1 * np.count_nonzero(wanted >= MYO)
    np.testing.assert_array_equal(held[0], labels[0])
    np.testing.assert_array_equal(held[1, 1:], labels[1, 1:])
    (note,) = notes
    assert note.code == "SA-W118"
    assert note.text.endswith("found none or a fragment: slice 1 of frame 2.")


def test_a_kept_slice_moves_in_its_plane_as_its_neighbour_does() -> None:
    labels = planes_of(HEART, LOST_BASE)
    labels[1] = np.roll(labels[1], (3, -2), axis=(1, 2))
    held, _ = HOLD.settle(labels, [doubt_at(1, 0)], ACDC)
    np.testing.assert_allclose(ndimage.center_of_mass(held[1, 0] == LV), (32 + 3, 32 - 2), atol=0.3)


def test_the_base_may_be_at_the_other_end_of_the_stack() -> None:
    labels = planes_of(HEART[::-1], LOST_BASE[::-1])
    held, _ = HOLD.settle(labels, [doubt_at(1, 4)], ACDC)
    assert (held[1, 4] == LV).any()


@pytest.mark.parametrize(
    ("diastolic", "doubts"),
    [
        (HEART, []),
        ([LOST, *HEART[1:]], [doubt_at(1, 0)]),
        (HEART, [doubt_at(0, 0)]),
    ],
    ids=["the network is sure", "diastole has none there either", "the doubt is another frame's"],
)
def test_a_slice_is_not_kept_where(diastolic: list[Ring], doubts: list[Doubt]) -> None:
    labels = planes_of(diastolic, LOST_BASE)
    held, notes = HOLD.settle(labels, doubts, ACDC)
    np.testing.assert_array_equal(held, labels)
    assert notes == ()


def test_a_doubt_outside_of_diastoles_cavity_does_not_count() -> None:
    labels = planes_of(HEART, LOST_BASE)
    held, _ = HOLD.settle(labels, [Doubt(1, 0, np.eye(64, dtype=bool) & (np.arange(64) < 3))], ACDC)
    np.testing.assert_array_equal(held, labels)


def test_of_two_lost_slices_the_outer_is_kept_only_after_the_inner() -> None:
    labels = planes_of(HEART, [LOST, LOST, *SYSTOLE[2:]])
    outer, _ = HOLD.settle(labels, [doubt_at(1, 0)], ACDC)
    np.testing.assert_array_equal(outer, labels)
    both, notes = HOLD.settle(labels, [doubt_at(1, 0), doubt_at(1, 1)], ACDC)
    assert (both[1] == LV).any(axis=(1, 2)).all()
    assert notes[0].text.endswith("slice 1 of frame 2; slice 2 of frame 2.")


def test_what_is_labelled_on_the_slice_already_stays() -> None:
    labels = planes_of(HEART, LOST_BASE)
    labels[1, 0, 30:34, 30:34] = RV
    held, _ = HOLD.settle(labels, [doubt_at(1, 0)], ACDC)
    assert (held[1, 0, 30:34, 30:34] == RV).all()


def test_the_wall_is_drawn_as_healthy_where_the_scheme_has_only_its_parts() -> None:
    labels = planes_of(HEART, LOST_BASE)
    labels[labels == LV] = 1  # EMIDEC: 1 cavity, 2 healthy myocardium
    held, _ = HOLD.settle(labels, [doubt_at(1, 0)], EMIDEC)
    assert set(np.unique(held[1, 0])) == {0, 1, 2}


def test_a_cine_without_any_ventricle_is_left_alone() -> None:
    labels = np.zeros((2, 5, 64, 64), np.uint8)
    held, notes = HOLD.settle(labels, [doubt_at(1, 0)], ACDC)
    assert not held.any()
    assert notes == ()


def test_a_slice_drawn_in_one_diastolic_frame_of_three_is_no_part_of_diastole() -> None:
    cavity = np.array([[0, 300, 280, 100], [310, 300, 280, 100], [0, 305, 280, 100], [0, 150, 140, 50]])
    assert diastole(cavity) == (2, [1, 2, 3])  # the median base, and of the frames with it the largest


def test_with_two_frames_end_diastole_is_asked() -> None:
    assert diastole(np.array([[0, 150, 140, 0], [310, 300, 280, 100]])) == (1, [0, 1, 2, 3])


def test_a_cavity_of_less_than_a_third_of_what_is_expected_is_a_fragment() -> None:
    counts = np.array([[200, 200, 200], [34, 133, 133], [32, 134, 134], [0, 150, 150]])
    assert fragments(counts, 0)[:, 0].tolist() == [False, False, True, False]  # half the volume: a third of 100 is 33.3


def flags(text: str) -> NDArray[np.bool_]:
    """One frame a character."""
    return np.array([character != "." for character in text])


@pytest.mark.parametrize(
    ("has", "possible", "given"),
    [
        ("x.......xx", "......x...", ".........."),
        ("x.......xx", "......xx..", "......xx.."),
        ("x.......xx", ".xx.......", ".xx......."),
        ("xxxx.xxxxx", "..........", "....x....."),
        ("xxx..xxxxx", "..........", ".........."),
        ("xxxxfxxxxx", "..........", "....f....."),
        ("xxf.....xx", "..........", "..f......."),
        ("xx..f...xx", "...x......", ".........."),
        ("xxf.....xx", "...x......", "..fx......"),
        ("x.", "..", ".."),
        ("x.", ".x", ".x"),
        ("xf", "..", ".."),
    ],
    ids=[
        "none where the network was sure on both sides",
        "from diastole backwards",
        "from diastole onwards, round the beat",
        "a frame alone",
        "not two frames",
        "a fragment alone between whole ones",
        "a fragment that goes on from a whole one",
        "none that goes on from a fragment by itself",
        "through a fragment",
        "not one of two frames without a doubt",
        "one of two frames in doubt",
        "not a fragment of two frames",
    ],
)
def test_frames_are_given_a_slice_that_go_on_from_one_that_has_it(has: str, possible: str, given: str) -> None:
    fragment = np.array([character == "f" for character in has])
    found = to_draw(flags(has), fragment, flags(possible), np.ones(len(has), bool))
    assert found.tolist() == flags(given).tolist()


def test_no_frame_is_given_a_slice_whose_apical_neighbour_it_lacks() -> None:
    has, possible = flags("xxxx.xxx.."), flags("........x.")
    assert not to_draw(has, np.zeros(10, bool), possible, has).any()


def test_a_fragment_gives_way_to_the_whole() -> None:
    labels = planes_of(*[HEART] * 9, LOST_BASE)
    whole, _ = HOLD.settle(labels, [doubt_at(9, 0)], ACDC)
    labels[9, 0, 20:22, 30:34] = LV
    held, _ = HOLD.settle(labels, [doubt_at(0, 0)], ACDC)
    np.testing.assert_array_equal(held, whole)


def test_a_cavity_that_no_half_of_the_frames_has_does_not_stop_a_cine() -> None:
    labels = planes_of(*[[LOST] * 5] * 3, HEART)
    held, notes = HOLD.settle(labels, [doubt_at(0, 0)], ACDC)
    np.testing.assert_array_equal(held, labels)
    assert notes == ()


def test_a_slice_without_room_for_the_cavity_is_left_as_it_is_with_those_beyond() -> None:
    labels = planes_of(HEART, [LOST, LOST, *SYSTOLE[2:]])
    labels[1, 1] = RV
    held, notes = HOLD.settle(labels, [doubt_at(1, 0), doubt_at(1, 1)], ACDC)
    np.testing.assert_array_equal(held, labels)
    assert notes == ()
