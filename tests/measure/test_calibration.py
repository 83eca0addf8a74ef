"""Brier score and calibration by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.errors import BadConfiguration, GridMismatch
from shortaxis.measure.calibration import (
    brier_score,
    expected_calibration_error,
    maximum_calibration_error,
    pooled_curve,
    reliability_curve,
    top_label,
)


def test_the_brier_score_is_the_mean_square_over_classes_and_voxels() -> None:
    probs = np.array([[0.8, 0.4], [0.2, 0.6]])
    one_hot = np.array([[1, 1], [0, 0]])
    assert brier_score(probs, one_hot) == pytest.approx((0.2**2 + 0.6**2 + 0.2**2 + 0.6**2) / 4)
    assert brier_score(probs[1], one_hot[1].astype(bool)) == pytest.approx((0.04 + 0.36) / 2)


def test_certainty_that_is_right_scores_zero_and_certainty_that_is_wrong_one() -> None:
    truth = np.array([True, False])
    assert brier_score(truth.astype(float), truth) == 0.0
    assert brier_score(1.0 - truth, truth) == 1.0


def test_a_reliability_curve_in_four_bins() -> None:
    curve = reliability_curve(np.array([0.0, 0.25, 0.3, 0.5, 1.0]), np.array([0, 1, 0, 1, 1]), bins=4)
    assert curve.edges == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert curve.counts == (2, 2, 0, 1)
    assert curve.confidence == pytest.approx((0.125, 0.4, None, 1.0))
    assert curve.frequency == pytest.approx((0.5, 0.5, None, 1.0))
    assert expected_calibration_error(curve) == pytest.approx((2 * 0.375 + 2 * 0.1) / 5)
    assert maximum_calibration_error(curve) == pytest.approx(0.375)


def test_a_probability_of_one_is_in_the_last_of_ten_bins_and_of_nought_in_the_first() -> None:
    curve = reliability_curve(np.array([0.0, 1.0, 1.0]), np.array([0, 1, 1]))
    assert curve.counts == (1, 0, 0, 0, 0, 0, 0, 0, 0, 2)


def test_one_bin_is_enough() -> None:
    assert reliability_curve(np.array([0.2, 0.6]), np.array([0, 1]), bins=1).confidence == pytest.approx((0.4,))


def test_over_all_classes_the_highest_probability_is_held_against_being_right() -> None:
    probs = np.array([[0.7, 0.2], [0.2, 0.5], [0.1, 0.3]])
    confidence, right = top_label(probs, np.array([0, 2]))
    assert confidence.tolist() == [0.7, 0.5]
    assert right.tolist() == [True, False]


def test_of_nothing_there_is_no_score() -> None:
    nothing = np.zeros(0)
    assert brier_score(nothing, nothing) is None
    curve = reliability_curve(nothing, nothing)
    assert (expected_calibration_error(curve), maximum_calibration_error(curve)) == (None, None)


def test_logits_and_other_shapes_are_refused() -> None:
    with pytest.raises(BadConfiguration, match="softmax"):
        reliability_curve(np.array([1.2]), np.array([1]))
    with pytest.raises(BadConfiguration, match="softmax"):
        reliability_curve(np.array([-0.1]), np.array([1]))
    with pytest.raises(BadConfiguration, match="one bin"):
        reliability_curve(np.array([0.5]), np.array([1]), bins=0)
    with pytest.raises(GridMismatch):
        brier_score(np.zeros(3), np.zeros(2))
    with pytest.raises(GridMismatch):
        reliability_curve(np.zeros(3), np.zeros(2))
    with pytest.raises(GridMismatch):
        top_label(np.zeros((2, 3)), np.zeros(2, int))


def test_curves_of_several_cases_are_one_curve_over_all_their_voxels() -> None:
    first = reliability_curve(np.array([0.1, 0.9, 0.7]), np.array([0, 1, 0]), bins=2)
    second = reliability_curve(np.array([0.3]), np.array([1]), bins=2)
    together = reliability_curve(np.array([0.1, 0.9, 0.7, 0.3]), np.array([0, 1, 0, 1]), bins=2)
    pooled = pooled_curve([first, second])
    assert pooled is not None and pooled.counts == together.counts
    assert pooled.confidence == pytest.approx(together.confidence)
    assert pooled.frequency == pytest.approx(together.frequency)


def test_no_curve_pools_to_none_and_other_bins_are_refused() -> None:
    assert pooled_curve([]) is None
    with pytest.raises(BadConfiguration, match="same bins"):
        pooled_curve([reliability_curve(np.array([0.5]), np.array([1]), bins=bins) for bins in (2, 4)])
