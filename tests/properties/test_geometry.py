"""The way to a sample and back: nothing moves, nothing is lost that was not cut away."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shortaxis.core.place import Place
from shortaxis.core.study import Grid
from shortaxis.prepare.crop import Crop, crop_around, pad_to_square
from shortaxis.prepare.intensity import standardise
from shortaxis.prepare.orient import Orient, orient_to_display
from shortaxis.prepare.resample import Resample, resample_to
from tests.properties.strategies import rotations

PLANES = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9))
POINTS = hnp.arrays(np.float64, (4, 2), elements=st.floats(-20, 60))
SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))
FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans())


@given(PLANES, FLAGS)
def test_an_orientation_is_undone_pixel_by_pixel(planes, flags):
    step = Orient((planes.shape[1], planes.shape[2]), *flags)
    np.testing.assert_array_equal(step.undo(step.apply(planes, "nearest"), "nearest"), planes)


@given(SIDES, FLAGS, POINTS)
def test_points_turn_with_the_pixels_and_back(shape, flags, points):
    step = Orient(shape, *flags)
    np.testing.assert_allclose(step.undo_points(step.apply_points(points)), points, atol=1e-9)
    row, col = shape[0] - 1, shape[1] // 2
    plane = np.zeros(shape, np.uint8)
    plane[row, col] = 1
    there = np.argwhere(step.apply(plane, "nearest"))
    np.testing.assert_array_equal(step.apply_points(np.array([[row, col]], float)), there)


@given(rotations(), FLAGS, st.tuples(st.floats(0.5, 3), st.floats(0.5, 3)))
def test_a_picture_is_shown_the_same_way_however_it_is_stored(turn, flags, pixel_mm):
    """A stored mirror image with its mirrored affine is displayed pixel for pixel as the original."""
    plane = np.arange(35, dtype=np.uint8).reshape(5, 7)
    affine = np.eye(4)
    affine[:3, :3] = turn * (pixel_mm[1], pixel_mm[0], 8.0)
    grid = Grid((1, 5, 7), affine, (8.0, *pixel_mm))
    stored = Orient((5, 7), *flags).apply(plane, "nearest")
    columns = affine[:3, [1, 0]] if flags[0] else affine[:3, :2]  # along columns, along rows
    signs = (-1 if flags[2] else 1, -1 if flags[1] else 1)
    mirrored = affine.copy()
    mirrored[:3, :2] = columns * signs
    shown = orient_to_display(grid)
    again = orient_to_display(Grid((1, *stored.shape), mirrored, None))
    scores = sorted(_scores(affine), reverse=True)
    if scores[0] - scores[1] > 1e-3:  # a tie is settled by what is stored
        np.testing.assert_array_equal(again.apply(stored, "nearest"), shown.apply(plane, "nearest"))


def _scores(affine: np.ndarray) -> list[float]:
    along = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    left, down = np.array([-1.0, 0, 0]), np.array([0, -1.0, -1.0]) / np.sqrt(2)
    return [
        float(a * (along[:, i] @ left) + b * (along[:, 1 - i] @ down)) for i in (0, 1) for a in (1, -1) for b in (1, -1)
    ]


@given(PLANES, st.tuples(st.integers(-12, 12), st.integers(-12, 12)), st.tuples(st.integers(1, 15), st.integers(1, 15)))
def test_a_crop_comes_back_to_its_place_and_is_zero_elsewhere(planes, origin, size):
    step = Crop((planes.shape[1], planes.shape[2]), origin, size)
    back = step.undo(step.apply(planes, "nearest"), "nearest")
    kept = np.zeros(planes.shape[1:], bool)
    kept[max(0, origin[0]) : max(0, origin[0] + size[0]), max(0, origin[1]) : max(0, origin[1] + size[1])] = True
    np.testing.assert_array_equal(back, np.where(kept, planes, 0))


@given(PLANES)
def test_padding_to_a_square_loses_nothing(planes):
    step = pad_to_square((planes.shape[1], planes.shape[2]))
    assert step.size == (max(planes.shape[1:]),) * 2
    np.testing.assert_array_equal(step.undo(step.apply(planes, "nearest"), "nearest"), planes)


@given(SIDES, st.tuples(st.floats(-5, 45), st.floats(-5, 45)), SIDES)
def test_a_window_lies_about_the_centre_it_was_asked_for(source, centre, size):
    step = crop_around(source, centre, size)
    middle = np.array(step.origin) + (np.array(size) - 1) / 2
    assert np.abs(middle - centre).max() <= 0.5 + 1e-9  # half a pixel; a sum of floats may be its last bit over


@given(hnp.arrays(np.uint8, (2, 6, 7)), st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_labels_enlarged_by_whole_numbers_come_back_pixel_by_pixel(planes, times):
    step = Resample((6, 7), (6 * times[0], 7 * times[1]))
    np.testing.assert_array_equal(step.undo(step.apply(planes, "nearest"), "nearest"), planes)


@given(SIDES, st.tuples(st.floats(0.3, 4), st.floats(0.3, 4)), st.floats(0.3, 4), POINTS)
def test_resampling_and_back_keeps_the_grid_and_the_points(shape, pixel_mm, target_mm, points):
    step = resample_to(shape, pixel_mm, target_mm)
    planes = np.zeros((1, *shape), np.uint8)
    assert step.undo(step.apply(planes, "nearest"), "nearest").shape == planes.shape
    np.testing.assert_allclose(step.undo_points(step.apply_points(points)), points, atol=1e-6)
    field_mm = np.array(step.target) * target_mm
    assert np.all(np.abs(field_mm - np.array(shape) * pixel_mm) <= np.maximum(target_mm / 2 + 1e-9, target_mm))


@given(PLANES, FLAGS, st.tuples(st.integers(-3, 3), st.integers(-3, 3)), POINTS)
def test_a_whole_way_of_steps_is_walked_back_in_the_opposite_order(planes, flags, origin, points):
    first = Orient((planes.shape[1], planes.shape[2]), *flags)
    turned = first.apply(planes, "nearest")
    square = pad_to_square((turned.shape[1], turned.shape[2]))
    moved = Crop(square.size, (origin[0] - 4, origin[1] - 4), (square.size[0] + 8, square.size[1] + 8))
    place = Place(0, (0,), (first, square, moved))
    there = moved.apply(square.apply(turned, "nearest"), "nearest")
    np.testing.assert_array_equal(place.restore(there, "nearest"), planes)
    walked = moved.apply_points(square.apply_points(first.apply_points(points)))
    np.testing.assert_allclose(place.restore_points(walked), points, atol=1e-9)


@given(
    hnp.arrays(np.float32, (2, 8, 8), elements=st.floats(0, 1000, width=32)), st.floats(0.1, 50), st.floats(-500, 500)
)
def test_grey_values_do_not_depend_on_the_scanner_s_scale(planes, gain, offset):
    ours, theirs = standardise(planes), standardise(planes * np.float32(gain) + np.float32(offset))
    contrast = planes.reshape(2, -1).std(axis=1)
    for index in np.flatnonzero(contrast > 1):
        np.testing.assert_allclose(ours[index], theirs[index], atol=0.05)
