"""An outline is filled by pixel centres."""

from __future__ import annotations

import numpy as np

from shortaxis.read.polygon import fill_polygon


def test_a_square_between_pixel_centres_fills_the_pixels_inside_it():
    square = np.array([[0.5, 0.5], [0.5, 3.5], [2.5, 3.5], [2.5, 0.5]])
    expected = np.zeros((4, 6), bool)
    expected[1:3, 1:4] = True
    np.testing.assert_array_equal(fill_polygon(square, (4, 6)), expected)


def test_two_squares_that_share_an_edge_through_pixel_centres_share_no_pixel_and_lose_none():
    left = np.array([[0, 0], [0, 2], [3, 2], [3, 0]], float)
    right = np.array([[0, 2], [0, 5], [3, 5], [3, 2]], float)
    whole = np.array([[0, 0], [0, 5], [3, 5], [3, 0]], float)
    one, other = (fill_polygon(points, (6, 6)) for points in (left, right))
    assert not (one & other).any()
    np.testing.assert_array_equal(one | other, fill_polygon(whole, (6, 6)))


def test_the_direction_of_drawing_does_not_matter():
    triangle = np.array([[0.2, 0.3], [7.1, 2.2], [3.3, 6.9]])
    np.testing.assert_array_equal(fill_polygon(triangle, (9, 9)), fill_polygon(triangle[::-1], (9, 9)))


def test_a_concave_outline_keeps_its_notch():
    notch = np.array([[-0.5, -0.5], [-0.5, 4.5], [4.5, 4.5], [1.5, 2.0], [4.5, -0.5]])
    mask = fill_polygon(notch, (5, 5))
    assert mask[0].all()
    assert not mask[4, 2]
    assert [bool(mask[3, col]) for col in range(5)] == [True, False, False, False, True]  # edges at 0.75 and 3.25


def test_an_outline_may_leave_the_image():
    assert fill_polygon(np.array([[-5.0, -5], [-5, 9], [9, 9], [9, -5]]), (3, 3)).all()
