"""Rates by hand on eight voxels."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch
from shortaxis.measure.confusion import (
    REASONS,
    Confusion,
    accuracy,
    confusion,
    npv,
    ppv,
    rates,
    sensitivity,
    specificity,
)

PREDICTION = np.array([1, 1, 1, 0, 0, 0, 0, 0], bool)
REFERENCE = np.array([1, 1, 0, 1, 1, 0, 0, 0], bool)


def test_two_found_one_invented_two_missed_three_left_alone() -> None:
    assert confusion(PREDICTION, REFERENCE) == Confusion(2, 1, 2, 3)
    assert sensitivity(PREDICTION, REFERENCE) == pytest.approx(2 / 4)
    assert specificity(PREDICTION, REFERENCE) == pytest.approx(3 / 4)
    assert ppv(PREDICTION, REFERENCE) == pytest.approx(2 / 3)
    assert npv(PREDICTION, REFERENCE) == pytest.approx(3 / 5)
    assert accuracy(PREDICTION, REFERENCE) == pytest.approx(5 / 8)


def test_a_rate_over_nothing_is_none_and_its_reason_is_known() -> None:
    empty, full = np.zeros(4, bool), np.ones(4, bool)
    assert sensitivity(full, empty) is None
    assert specificity(empty, full) is None
    assert ppv(empty, full) is None
    assert npv(full, empty) is None
    assert accuracy(empty[:0], full[:0]) is None
    assert set(rates(Confusion(0, 0, 0, 0))) == set(REASONS)


def test_rates_are_those_of_every_voxel_in_turn() -> None:
    ours, theirs = np.random.default_rng(0).random((2, 5, 6, 7)) < 0.3
    pairs = list(zip(ours.ravel().tolist(), theirs.ravel().tolist(), strict=True))
    found = confusion(ours, theirs)
    assert found.true_negative == sum(not p and not r for p, r in pairs)
    assert found.false_negative == sum(r and not p for p, r in pairs)


def test_masks_of_two_shapes_are_refused() -> None:
    with pytest.raises(GridMismatch):
        accuracy(PREDICTION, REFERENCE[:4])
