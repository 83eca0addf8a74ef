"""Dice and Jaccard by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch
from shortaxis.measure.overlap import dice, jaccard


def strip(start: int, stop: int) -> np.ndarray:
    mask = np.zeros((1, 1, 10), bool)
    mask[..., start:stop] = True
    return mask


def test_four_and_six_voxels_sharing_two_have_dice_two_fifths_and_jaccard_one_quarter() -> None:
    assert dice(strip(0, 4), strip(2, 8)) == pytest.approx(2 * 2 / 10)
    assert jaccard(strip(0, 4), strip(2, 8)) == pytest.approx(2 / 8)


def test_equal_masks_score_one() -> None:
    assert dice(strip(1, 5), strip(1, 5)) == jaccard(strip(1, 5), strip(1, 5)) == 1.0


def test_one_empty_mask_scores_zero() -> None:
    assert dice(strip(0, 0), strip(1, 5)) == jaccard(strip(1, 5), strip(0, 0)) == 0.0


def test_two_empty_masks_have_no_score() -> None:
    assert dice(strip(0, 0), strip(0, 0)) is None
    assert jaccard(strip(0, 0), strip(0, 0)) is None


def test_masks_of_different_shapes_are_refused() -> None:
    with pytest.raises(GridMismatch, match="10"):
        dice(strip(0, 1), np.zeros((1, 1, 9), bool))
