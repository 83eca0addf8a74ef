"""A mask that reaches the border of its window within the image was perhaps cut there."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.place import Place
from shortaxis.prepare.crop import Crop
from shortaxis.prepare.restore import cut_by_window

PLANE = (40, 50)


def probs_with_heart_at(row: int, col: int) -> np.ndarray:
    """Two classes in a window of 10 x 10: heart in one pixel."""
    probs = np.zeros((2, 10, 10), np.float32)
    probs[0] = 0.9
    probs[1, row, col] = 1.0
    return probs


def placed(row: int, col: int) -> Place:
    """The window with its first pixel at that place of the image."""
    return Place(0, (0,), (Crop(PLANE, (row, col), (10, 10)),))


@pytest.mark.parametrize(("row", "col"), [(0, 5), (9, 5), (5, 0), (5, 9)])
def test_a_heart_at_any_border_of_a_window_within_the_image_is_cut(row: int, col: int) -> None:
    assert cut_by_window(probs_with_heart_at(row, col), placed(15, 20), PLANE)


def test_a_heart_within_the_window_is_not_cut() -> None:
    assert not cut_by_window(probs_with_heart_at(5, 5), placed(15, 20), PLANE)


def test_where_the_window_ends_with_the_image_nothing_was_cut() -> None:
    assert not cut_by_window(probs_with_heart_at(0, 5), placed(0, 20), PLANE)
    assert cut_by_window(probs_with_heart_at(9, 5), placed(0, 20), PLANE)


def test_a_window_that_reaches_beyond_the_image_is_not_cut_there() -> None:
    assert not cut_by_window(probs_with_heart_at(0, 5), placed(-4, 20), PLANE)
