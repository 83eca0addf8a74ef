"""Slice alignment finds known displacements and gives labels back to the pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.errors import WrongDimensions
from shortaxis.core.labels import ACDC, Structure
from shortaxis.prepare.align import SliceShifts, align_study, estimate_shifts, off_the_axis
from shortaxis.prepare.ventricle_centre import Centres
from shortaxis.read.phantom import Phantom, PhantomRecipe, make_phantom

RECIPE = PhantomRecipe(frames=12, slices=10, rows=112, cols=128, breath_hold_shift_mm=5, lean_mm=0)
PIXEL_MM = 1.5625


@pytest.fixture(scope="module")
def shifted() -> Phantom:
    return make_phantom(RECIPE)


def without_offset(shifts: np.ndarray) -> np.ndarray:
    return shifts - np.median(shifts, axis=0)


def shows_cavity(phantom: Phantom) -> np.ndarray:
    assert phantom.study.labels is not None
    return np.asarray(ACDC.mask(phantom.study.labels.array[0], Structure.LV_CAVITY).any(axis=(1, 2)))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_default_phantoms_breath_hold_shifts_are_found_within_a_pixel_in_every_slice(seed: int) -> None:
    phantom = make_phantom(PhantomRecipe(frames=6, seed=seed))
    two = [phantom.truth.ed_index, phantom.truth.es_index]
    known = without_offset(phantom.truth.shifts_px)
    assert np.abs(known).max() > 1  # there was something to find
    for image in (phantom.study.image, phantom.study.image[two]):
        assert np.abs(without_offset(estimate_shifts(image, None, PIXEL_MM)) - known).max() < 1.0


@pytest.mark.parametrize("seed", [0, 1])
def test_larger_shifts_are_found_within_a_pixel_in_the_worst_slice_with_a_cavity(seed: int) -> None:
    phantom = make_phantom(replace(RECIPE, seed=seed))
    found = estimate_shifts(phantom.study.image, None, PIXEL_MM)
    known = without_offset(phantom.truth.shifts_px)
    assert np.abs(known).max() > 2
    off = np.abs(without_offset(found) - known).max(axis=1)
    assert off[shows_cavity(phantom)].max() < 1.0
    assert off.max() < 1.6  # in this small plane too little moves along with the heart to place the apical cap by


def test_a_leaning_long_axis_is_no_shift() -> None:
    phantom = make_phantom(replace(RECIPE, seed=2, lean_mm=4, breath_hold_shift_mm=0))
    found = estimate_shifts(phantom.study.image, None, PIXEL_MM)
    lean = np.abs(without_offset(phantom.truth.centres_px)).max()
    assert lean > 2 and np.abs(without_offset(found)).max() < 1


def centres(*rows: float, unconfirmed: tuple[int, ...] = ()) -> Centres:
    return Centres(
        np.stack([np.array(rows), np.zeros(len(rows))], axis=1),
        np.array([k not in unconfirmed for k in range(len(rows))]),
    )


def test_a_straight_axis_has_no_shifts_and_one_slice_off_it_has_its_own() -> None:
    off = off_the_axis(centres(*np.linspace(-4, 4, 9)), lean_px=2, unconfirmed_px=1)
    assert np.abs(off).max() < 0.1
    rows = np.linspace(-4, 4, 9)
    rows[3] += 5
    off = off_the_axis(centres(*rows), lean_px=2, unconfirmed_px=1)
    assert off[3, 0] == pytest.approx(5, abs=0.8) and np.abs(np.delete(off, 3, axis=0)).max() < 1


def test_a_centre_that_no_blood_confirms_is_moved_less() -> None:
    rows = (0, 1, -1, 1, -1, 1, 0, 3)
    sure = off_the_axis(centres(*rows), 0.1, 1)
    unsure = off_the_axis(centres(*rows, unconfirmed=(7,)), 0.1, 1)
    assert 0 < unsure[7, 0] < 0.8 * sure[7, 0]


def test_a_single_slice_stays_where_it_is() -> None:
    assert off_the_axis(centres(57.0), 1, 1) == pytest.approx(np.zeros((1, 2)))


def test_one_frame_is_enough_within_two_pixels_where_the_heart_is_boxed(shifted: Phantom) -> None:
    found = estimate_shifts(shifted.study.image[:1], (25.0, 25.0, 90.0, 100.0), PIXEL_MM)
    off = np.abs(without_offset(found) - without_offset(shifted.truth.shifts_px))
    assert off[shows_cavity(shifted)].max() < 2.0


def test_aligned_labels_stand_above_one_another(shifted: Phantom) -> None:
    aligned, _ = align_study(shifted.study)
    spreads = []
    for study in (shifted.study, aligned):
        assert study.labels is not None
        cavity = ACDC.mask(study.labels.array[0], Structure.LV_CAVITY)
        spreads.append(np.ptp([np.argwhere(plane).mean(axis=0) for plane in cavity[:6]], axis=0))
    assert (spreads[0] > 3).any()
    assert (spreads[1] < 2).all()


def test_labels_come_back_to_the_pixel_and_the_input_is_untouched(shifted: Phantom) -> None:
    assert shifted.study.labels is not None
    before = shifted.study.image.copy()
    aligned, shifts = align_study(shifted.study)
    assert aligned.labels is not None and any(any(step) for step in shifts.whole_px)
    back = shifts.undo(aligned.labels.array)
    assert back.dtype == np.uint8
    assert np.array_equal(back, shifted.study.labels.array)
    assert np.array_equal(shifted.study.image, before)
    assert aligned.image.dtype == shifted.study.image.dtype and aligned.grid is shifted.study.grid


def test_the_same_image_gives_the_same_shifts(shifted: Phantom) -> None:
    assert np.array_equal(estimate_shifts(shifted.study.image), estimate_shifts(shifted.study.image))


def test_a_slice_found_one_row_down_and_two_columns_left_is_moved_up_and_right() -> None:
    shifts = SliceShifts(((1.2, -1.7), (0.4, 0.0)))
    stack = np.zeros((2, 5, 5), np.uint8)
    stack[0, 2, 2] = stack[1, 2, 2] = 3
    moved = shifts.apply(stack)
    assert shifts.whole_px == ((1, -2), (0, 0))
    assert np.argwhere(moved).tolist() == [[0, 1, 4], [1, 2, 2]]
    assert np.array_equal(shifts.undo(moved), stack)


def test_what_leaves_the_plane_is_zero_after_the_way_back() -> None:
    shifts = SliceShifts(((2.0, 0.0),))
    back = shifts.undo(shifts.apply(np.ones((1, 4, 3), np.uint8)))
    assert back[0, :, 0].tolist() == [0, 0, 1, 1]


def test_a_shift_beyond_the_plane_leaves_it_empty() -> None:
    assert not SliceShifts(((9.0, 0.0),)).apply(np.ones((1, 4, 3), np.uint8)).any()


def test_slices_without_content_are_left_where_they_are() -> None:
    assert np.array_equal(estimate_shifts(np.zeros((2, 3, 40, 40), np.int16)), np.zeros((3, 2)))


def test_an_array_of_other_axes_or_slices_is_refused() -> None:
    with pytest.raises(WrongDimensions):
        estimate_shifts(np.zeros((3, 40, 40)))
    with pytest.raises(WrongDimensions):
        SliceShifts(((0.0, 0.0),)).undo(np.zeros((2, 4, 4), np.uint8))


def test_a_box_found_on_the_aligned_image_moves_back_with_its_slice() -> None:
    shifts = SliceShifts(((1.2, -1.7), (0.4, 0.0)))
    boxes = np.tile(np.array([10.0, 20.0, 30.0, 40.0]), (3, 2, 1))
    back = shifts.undo_boxes(boxes)
    assert back[1].tolist() == [[11, 18, 31, 38], [10, 20, 30, 40]]
