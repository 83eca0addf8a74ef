"""The boundary Dice coefficient by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from shortaxis.core.errors import GridMismatch
from shortaxis.measure.boundary import boundary_dice, boundary_of


def square(low: int, high: int, slices: int = 1) -> np.ndarray:
    mask = np.zeros((slices, 10, 10), bool)
    mask[:, low:high, low:high] = True
    return mask


def test_masks_of_two_shapes_are_not_compared() -> None:
    with pytest.raises(GridMismatch):
        boundary_dice(square(2, 7), square(2, 7, slices=2))


def test_the_boundary_of_a_square_is_its_frame() -> None:
    frame = square(2, 7) & ~square(3, 6)
    np.testing.assert_array_equal(boundary_of(square(2, 7)), frame)


def test_the_boundary_is_the_mask_xor_its_erosion_plane_by_plane() -> None:
    mask = np.random.default_rng(1).random((2, 3, 9, 8)) < 0.7
    cross = ndimage.generate_binary_structure(2, 1)
    eroded = np.array([[ndimage.binary_erosion(plane, cross) for plane in stack] for stack in mask], bool)
    np.testing.assert_array_equal(boundary_of(mask), mask ^ eroded)


def test_a_square_inside_another_shares_no_boundary_although_their_dice_is_high() -> None:
    assert boundary_dice(square(1, 9), square(2, 8)) == 0.0


def test_a_square_moved_by_a_column_shares_two_edges() -> None:
    moved = np.roll(square(2, 7), 1, axis=-1)
    assert boundary_dice(square(2, 7), moved) == pytest.approx(2 * (2 * 4) / (16 + 16))  # four columns of both edges


def test_slices_count_together_and_empty_ones_change_nothing() -> None:
    a, b = square(2, 7, 3), square(2, 7, 3)
    b[1] = 0
    a[2] = b[2] = 0
    assert boundary_dice(a, b) == pytest.approx(2 * 16 / (32 + 16))


def test_both_empty_is_none_and_one_empty_is_zero() -> None:
    nothing = np.zeros((2, 4, 4), bool)
    assert boundary_dice(nothing, nothing) is None
    assert boundary_dice(nothing, ~nothing) == 0.0
