"""Errors of located boxes, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch
from shortaxis.measure.roi import NO_BOX, ONE_BOX, box_errors_mm, roi_errors


def test_a_boxs_error_is_the_root_mean_square_of_its_four_coordinates_in_millimetres() -> None:
    reference = np.array([[10.0, 20.0, 30.0, 40.0], [10.0, 20.0, 30.0, 40.0]])
    predicted = np.array([[12.0, 20.0, 30.0, 40.0], [10.0, 20.0, 30.0, 40.0]])
    # two rows of 1.5 mm: 3 mm in one of four coordinates, sqrt(9 / 4)
    assert box_errors_mm(predicted, reference, (1.5, 2.0)).tolist() == [1.5, 0.0]


def test_rows_and_columns_have_their_own_spacing() -> None:
    error = box_errors_mm(np.array([[0.0, 1.0, 0.0, 1.0]]), np.zeros((1, 4)), (10.0, 2.0))
    assert error[0] == pytest.approx(np.sqrt(2.0))


def test_many_boxes_have_a_joint_rmse_a_spread_and_outliers() -> None:
    errors = roi_errors([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 5.0])
    assert errors.count == 8
    assert errors.rmse_mm == pytest.approx(2.0)  # (7 + 25) / 8 = 4
    assert errors.sd_mm == pytest.approx(np.sqrt(2.0))  # mean 1.5; (7 * 0.25 + 12.25) / 7 = 2
    assert errors.outlier_percent == pytest.approx(12.5)
    assert errors.reason is None


def test_what_is_undefined_is_none_with_a_reason() -> None:
    assert roi_errors([]).rmse_mm is None and roi_errors([]).reason == NO_BOX
    assert roi_errors([2.0]).sd_mm is None and roi_errors([2.0]).reason == ONE_BOX


def test_different_numbers_of_boxes_are_refused() -> None:
    with pytest.raises(GridMismatch):
        box_errors_mm(np.zeros((2, 4)), np.zeros((3, 4)), (1.0, 1.0))
