"""Volume errors by hand: a voxel of 20 mm3."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch
from shortaxis.measure.volume_error import (
    percentage_difference,
    relative_volume_error_percent,
    volume_error_ml,
)

SPACING_MM = (10.0, 2.0, 1.0)


def test_half_of_a_hundred_voxels_missed_is_a_millilitre_and_fifty_percent_too_few() -> None:
    reference = np.ones((1, 10, 10), bool)
    prediction = reference.copy()
    prediction[0, :5] = False
    assert volume_error_ml(prediction, reference, SPACING_MM) == pytest.approx(-1.0)
    assert relative_volume_error_percent(prediction, reference) == pytest.approx(-50.0)


def test_masks_of_two_shapes_are_not_compared() -> None:
    one, other = np.ones((1, 4, 4), bool), np.ones((1, 4, 5), bool)
    with pytest.raises(GridMismatch):
        volume_error_ml(one, other, SPACING_MM)
    with pytest.raises(GridMismatch):
        relative_volume_error_percent(one, other)


def test_an_empty_reference_has_an_error_in_millilitres_and_none_in_percent() -> None:
    nothing = np.zeros((1, 10, 10), bool)
    assert volume_error_ml(~nothing, nothing, SPACING_MM) == pytest.approx(2.0)
    assert relative_volume_error_percent(~nothing, nothing) is None


def test_without_spacing_there_are_no_millilitres() -> None:
    mask = np.ones((1, 2, 2), bool)
    assert volume_error_ml(mask, mask, None) is None


def test_pd_relates_an_infarct_s_error_to_the_whole_myocardium() -> None:
    assert percentage_difference(12.0, 15.0, 120.0) == pytest.approx(2.5)
    assert percentage_difference(4.0, 0.0, 100.0) == pytest.approx(4.0)  # an infarct where there is none
    assert percentage_difference(1.0, 1.0, 0.0) is None
