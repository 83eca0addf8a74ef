"""The geometric steps: each by hand, and each with its way back."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from shortaxis.core.place import Place, Step
from shortaxis.core.study import Grid, NiftiGeometry
from shortaxis.prepare.crop import Crop, crop_around, pad_to_square
from shortaxis.prepare.orient import Orient, orient_to_display
from shortaxis.prepare.planes import resize_planes, warp_planes
from shortaxis.prepare.resample import Resample, resample_to

PLANES = np.arange(2 * 5 * 7, dtype=np.float32).reshape(2, 5, 7)
EIGHT = list(product((False, True), repeat=3))
POINTS = np.array([[0.0, 0.0], [4.0, 6.0], [1.5, 2.25]])


def grid(affine: np.ndarray, rows: int = 5, cols: int = 7) -> Grid:
    return Grid((1, rows, cols), affine, (8.0, 1.0, 1.0))


# --- orientation ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("transpose", "flip_rows", "flip_cols"), EIGHT)
def test_each_of_the_eight_reorderings_loses_nothing_and_moves_points_with_pixels(
    transpose: bool, flip_rows: bool, flip_cols: bool
) -> None:
    step = Orient((5, 7), transpose, flip_rows, flip_cols)
    moved = step.apply(PLANES, "linear")
    assert moved.shape == ((2, 7, 5) if transpose else (2, 5, 7))
    np.testing.assert_array_equal(step.undo(moved, "linear"), PLANES)
    for row, col in ((0, 0), (4, 6), (1, 5)):
        there = step.apply_points(np.array([[row, col]], float))
        new_row, new_col = there[0].astype(int)
        assert moved[0, new_row, new_col] == PLANES[0, row, col]
        np.testing.assert_array_equal(step.undo_points(there), [[row, col]])


@pytest.mark.parametrize(("transpose", "flip_rows", "flip_cols"), EIGHT)
def test_all_eight_ways_to_store_a_slice_are_shown_alike(transpose: bool, flip_rows: bool, flip_cols: bool) -> None:
    """The display plane is stored in each way, with the affine that says so; it must come back."""
    display = PLANES[0]  # columns to the left, rows to the back
    stored = Orient((5, 7), False, flip_rows, flip_cols).apply(display, "linear")
    stored = stored.T if transpose else stored
    to_left, to_back = np.array([-1.0, 0, 0]), np.array([0, -1.0, 0])
    along_cols, along_rows = (-to_left if flip_cols else to_left), (-to_back if flip_rows else to_back)
    first, second = (along_rows, along_cols) if transpose else (along_cols, along_rows)  # affine: col index, row index
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = first * 1.4, second * 1.4
    found = orient_to_display(grid(affine, *stored.shape))
    np.testing.assert_array_equal(found.apply(stored, "linear"), display)


def test_acdcs_unit_affine_is_already_in_display_order() -> None:
    assert orient_to_display(grid(np.diag([-1.0, -1, 1, 1]))) == Orient((5, 7), False, False, False)


@pytest.mark.parametrize(("code", "flipped"), [(0, False), (1, True)])
def test_planes_of_a_file_that_codes_no_orientation_are_taken_as_stored(code: int, flipped: bool) -> None:
    affine = np.diag([-1.0, 1, 1, 1])  # what its axes would mean if it were coded: rows to the front
    raw = NiftiGeometry((1.0,) * 8, 0, code, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), affine[:3], 0)
    found = orient_to_display(Grid((1, 5, 7), affine, None, raw))
    assert found == Orient((5, 7), False, flipped, False)


def test_an_oblique_short_axis_takes_the_closest_of_the_eight() -> None:
    """A typical plane: columns run to the left and a little to the front, rows to the feet and the back."""
    affine = np.eye(4)
    affine[:3, 0] = [-0.75, 0.45, -0.48]
    affine[:3, 1] = [-0.2, -0.85, -0.5]
    assert orient_to_display(grid(affine)) == Orient((5, 7), False, False, False)
    affine[:3, 0] *= -1
    assert orient_to_display(grid(affine)) == Orient((5, 7), False, False, True)
    affine[:3, [0, 1]] = affine[:3, [1, 0]]  # stored transposed
    assert orient_to_display(grid(affine)) == Orient((5, 7), True, False, True)


# --- resampling -------------------------------------------------------------------------------------------------------
def test_pixels_are_areas_whose_centres_lie_at_half_integers() -> None:
    """Doubling 2 pixels of 10 and 30: new centres at -0.25, 0.25, 0.75, 1.25 of the old."""
    doubled = np.asarray(Resample((1, 2), (1, 4)).apply(np.array([[10.0, 30.0]], np.float32), "linear"), float)
    np.testing.assert_allclose(doubled, [[10, 15, 25, 30]])
    halved = np.asarray(Resample((1, 4), (1, 2)).apply(np.array([[10.0, 30, 50, 70]], np.float32), "linear"), float)
    np.testing.assert_allclose(halved, [[20, 60]])  # the mean of the pixels each covers
    tripled = Resample((1, 2), (1, 6)).apply(np.array([[1, 2]], np.uint8), "nearest")
    np.testing.assert_array_equal(tripled, [[1, 1, 1, 2, 2, 2]])


def test_points_keep_their_place_in_the_field_of_view() -> None:
    step = Resample((4, 10), (8, 5))
    np.testing.assert_allclose(step.apply_points(np.array([[0.0, 0.0], [3.0, 9.0]])), [[0.5, -0.25], [6.5, 4.25]])
    np.testing.assert_allclose(step.apply_points(np.array([[-0.5, -0.5], [3.5, 9.5]])), [[-0.5, -0.5], [7.5, 4.5]])


@pytest.mark.parametrize("target", [(40, 56), (11, 13), (9, 40), (20, 28)])
def test_a_smooth_plane_survives_the_way_there_and_back(target: tuple[int, int]) -> None:
    row, col = np.mgrid[:20, :28]
    smooth = np.exp(-((row - 9) ** 2 + (col - 15) ** 2) / 60).astype(np.float32)
    step = Resample((20, 28), target)
    back = step.undo(step.apply(smooth, "linear"), "linear")
    assert back.shape == smooth.shape and np.abs(back - smooth).max() < 0.08
    centre = np.argwhere(step.apply(smooth, "linear") == step.apply(smooth, "linear").max())[0]
    np.testing.assert_allclose(step.apply_points(np.array([[9.0, 15.0]]))[0], centre, atol=1.01)


def test_whole_pixels_come_nearest_to_the_spacing_asked_for() -> None:
    assert resample_to((100, 80), (1.5, 1.25), 1.5) == Resample((100, 80), (100, 67))  # 66.67
    assert resample_to((2, 2), (0.1, 0.1), 9.0).target == (1, 1)  # never nothing


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, bool, np.float32, np.float64])
def test_labels_keep_their_type_and_their_values(dtype: type) -> None:
    labels = np.array([[0, 1], [1, 0]], dtype)
    bigger = resize_planes(labels, (4, 4), "nearest")
    assert bigger.dtype == dtype
    np.testing.assert_array_equal(bigger, np.kron(labels.astype(int), np.ones((2, 2), int)).astype(dtype))


def test_any_number_of_leading_axes_is_kept() -> None:
    assert resize_planes(np.zeros((3, 1, 2, 5, 7), np.int16), (10, 14), "linear").shape == (3, 1, 2, 10, 14)


def test_a_warp_by_whole_pixels_moves_whole_pixels() -> None:
    matrix = np.array([[1.0, 0, 2], [0, 1.0, -1]])  # target (col, row) -> source (col + 2, row - 1)
    moved = warp_planes(PLANES, matrix, (5, 7), "linear", fill=-1)
    np.testing.assert_array_equal(moved[:, 1:, :5], PLANES[:, :4, 2:])
    assert (moved[:, 0] == -1).all() and (moved[:, :, 5:] == -1).all()


# --- cutting ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("origin", [(0, 0), (1, 2), (-2, -3), (3, 5), (-4, 5)])
def test_a_window_may_reach_beyond_the_edges(origin: tuple[int, int]) -> None:
    step = Crop((5, 7), origin, (4, 6))
    cut = step.apply(PLANES, "linear")
    padded = np.pad(PLANES, ((0, 0), (10, 10), (10, 10)))
    rows, cols = origin[0] + 10, origin[1] + 10
    np.testing.assert_array_equal(cut, padded[:, rows : rows + 4, cols : cols + 6])
    back = step.undo(cut, "linear")
    inside = np.zeros((5, 7), bool)
    inside[max(0, origin[0]) : max(0, origin[0] + 4), max(0, origin[1]) : max(0, origin[1] + 6)] = True
    np.testing.assert_array_equal(back, np.where(inside, PLANES, 0))


@pytest.mark.parametrize("origin", [(5, 0), (0, 7), (-4, 0), (0, -6), (99, 99), (-99, -99)])
def test_a_window_beside_the_plane_is_empty(origin: tuple[int, int]) -> None:
    step = Crop((5, 7), origin, (4, 6))
    assert not step.apply(PLANES, "nearest").any()
    assert not step.undo(np.ones((2, 4, 6), np.float32), "nearest").any()


def test_a_window_larger_than_the_plane_pads_it() -> None:
    step = Crop((5, 7), (-2, -1), (9, 9))
    np.testing.assert_array_equal(step.undo(step.apply(PLANES, "linear"), "linear"), PLANES)


def test_the_window_lies_nearest_to_the_centre_asked_for() -> None:
    assert crop_around((50, 50), (20.0, 30.0), (5, 5)).origin == (18, 28)  # an odd window has a middle pixel
    assert crop_around((50, 50), (20.5, 30.5), (4, 4)).origin == (19, 29)  # an even one lies between two
    assert crop_around((50, 50), (0.0, 49.0), (11, 11)).origin == (-5, 44)


@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (6, 6), (4, 9), (1, 8)])
def test_padding_to_a_square_keeps_the_whole_plane(shape: tuple[int, int]) -> None:
    plane = np.ones(shape, np.float32)
    step = pad_to_square(shape)
    square = step.apply(plane, "linear")
    assert square.shape == (max(shape),) * 2 and square.sum() == plane.size
    np.testing.assert_array_equal(step.undo(square, "linear"), plane)


# --- all together -----------------------------------------------------------------------------------------------------
STEPS: list[Step] = [
    Orient((5, 7), True, True, False),
    Crop((5, 7), (-3, 2), (6, 6)),
    Resample((5, 7), (10, 9)),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_points_come_back_where_they_were(step: Step) -> None:
    before = POINTS.copy()
    np.testing.assert_allclose(step.undo_points(step.apply_points(POINTS)), POINTS)
    np.testing.assert_array_equal(POINTS, before)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_a_step_leaves_its_input_as_it_was(step: Step) -> None:
    given = PLANES.copy()
    step.undo(step.apply(given, "linear"), "linear")
    np.testing.assert_array_equal(given, PLANES)


def test_a_place_leads_back_through_all_steps_in_reverse() -> None:
    orient = Orient((5, 7), True, False, True)
    resample = Resample((7, 5), (14, 10))
    crop = Crop((14, 10), (-1, -2), (16, 16))
    place = Place(0, (0,), (orient, resample, crop))
    planes = crop.apply(resample.apply(orient.apply(PLANES, "nearest"), "nearest"), "nearest")
    np.testing.assert_array_equal(place.restore(planes, "nearest"), PLANES)
    there = crop.apply_points(resample.apply_points(orient.apply_points(POINTS)))
    np.testing.assert_allclose(place.restore_points(there), POINTS)
