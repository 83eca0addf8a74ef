"""Uncertainty measures, against sums done by hand and slow restatements."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from shortaxis.core.labels import ACDC, EMIDEC
from shortaxis.measure.uncertainty import (
    NOT_FOUND,
    NOT_PREDICTED,
    ONE_SAMPLE,
    dice_between_samples,
    dice_within_samples,
    frame_uncertainty,
    image_uncertainty,
    structure_uncertainty,
    volume_variation_percent,
)


def mask(*pixels: int) -> NDArray[np.bool_]:
    """Of six pixels, those that are in it."""
    return np.isin(np.arange(6), pixels)


def slow_dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    both = sum(1 for a, b in zip(one, other, strict=True) if a and b)
    return 2 * both / (sum(map(int, one)) + sum(map(int, other)))


def test_equation_6_by_hand() -> None:
    mean, samples = mask(0, 1), [mask(0, 1), mask(0), mask(1, 2, 3, 4)]
    assert dice_within_samples(mean, samples) == pytest.approx((1 + 2 / 3 + 2 / 6) / 3)


def test_roys_pairwise_form_is_another_number() -> None:
    samples = [mask(0, 1), mask(0), mask(1, 2, 3, 4)]
    assert dice_between_samples(samples) == pytest.approx((2 / 3 + 2 / 6 + 0) / 3)


def test_both_agree_with_loops_on_random_masks() -> None:
    rng = np.random.default_rng(2)
    mean, samples = rng.random(40) < 0.5, list(rng.random((5, 40)) < 0.5)
    within = sum(slow_dice(mean, sample) for sample in samples) / 5
    pairs = [slow_dice(samples[a], samples[b]) for a in range(5) for b in range(a)]
    assert dice_within_samples(mean, samples) == pytest.approx(within)
    assert dice_between_samples(samples) == pytest.approx(sum(pairs) / 10)


def test_empty_masks_agree_on_nothing() -> None:
    assert dice_within_samples(mask(), [mask(), mask()]) is None
    assert dice_within_samples(mask(), [mask(), mask(3)]) == 0  # the empty one has no Dice and is left out
    assert dice_between_samples([mask(), mask()]) is None
    assert dice_between_samples([mask(1)]) is None


def test_variance_over_the_image_and_over_a_structure_by_hand() -> None:
    variance = np.array([0.1, 0.3, 0.0, 0.0, 0.0, 0.2], np.float32)
    assert image_uncertainty(variance) == pytest.approx(0.1)
    assert structure_uncertainty(variance, mask(0, 1)) == pytest.approx(0.2)
    assert structure_uncertainty(variance, mask()) is None


def test_the_variation_of_volumes_by_hand() -> None:
    assert volume_variation_percent([mask(0), mask(0, 1, 2)]) == pytest.approx(100 * 1 / 2)  # sizes 1 and 3
    assert volume_variation_percent([mask(), mask()]) is None


def test_a_frame_tells_each_structure_and_why_one_is_missing() -> None:
    mean = np.array([[[3, 2, 0]]], np.uint8)
    samples = np.array([[[[3, 2, 0]]], [[[3, 3, 0]]]], np.uint8)
    found = frame_uncertainty(mean, samples, np.array([[[0.0, 0.6, 0.0]]], np.float32), ACDC)
    assert found["image_variance"] == (pytest.approx(0.2), None)
    assert found["lv_dice_within_samples"] == (pytest.approx((1 + 2 / 3) / 2), None)
    assert found["lv_variance"] == (0.0, None)
    assert found["myocardium_variance"] == (pytest.approx(0.6), None)
    assert found["rv_variance"] == (None, NOT_PREDICTED)
    assert found["rv_dice_within_samples"] == (None, NOT_FOUND)
    assert found["rv_dice_between_samples"] == (None, ONE_SAMPLE)


def test_a_myocardium_in_parts_is_told_whole_and_by_part() -> None:
    mean = np.array([[[2, 3, 4]]], np.uint8)
    found = frame_uncertainty(mean, np.stack([mean, mean]), np.zeros((1, 1, 3), np.float32), EMIDEC)
    for name in ("myocardium", "healthy_myocardium", "infarct", "no_reflow"):
        assert found[f"{name}_dice_within_samples"] == (1.0, None)
