"""Surface Dice and the one-sided distance by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.measure.nearest import surface_of
from shortaxis.measure.surface import percentile_of_sorted, surface_dice, surface_distances

MM = (1.0, 1.0, 1.0)


def bar(first: int, last: int) -> np.ndarray:
    """Columns of a row of twenty voxels, all of them surface."""
    mask = np.zeros((1, 1, 20), bool)
    mask[..., first : last + 1] = True
    return mask


def test_voxels_within_the_tolerance_count_and_those_beyond_do_not() -> None:
    # 0..3 against 2..7: of the first 0 and 1 are 2 and 1 away, of the second 4..7 are 1..4 away
    ours, theirs = bar(0, 3), bar(2, 7)
    assert surface_dice(ours, theirs, MM, 0.0) == pytest.approx((2 + 2) / 10)
    assert surface_dice(ours, theirs, MM, 1.0) == pytest.approx((3 + 3) / 10)
    assert surface_dice(ours, theirs, MM, 2.0) == pytest.approx((4 + 4) / 10)
    assert surface_dice(ours, theirs, MM, 4.0) == 1.0


def test_the_tolerance_is_in_millimetres() -> None:
    assert surface_dice(bar(0, 3), bar(1, 4), (1.0, 1.0, 2.0), 1.9) == pytest.approx(6 / 8)
    assert surface_dice(bar(0, 3), bar(1, 4), (1.0, 1.0, 2.0), 2.0) == 1.0


def test_surface_dice_equals_all_pairs() -> None:
    masks = np.random.default_rng(3).random((2, 4, 9, 8)) < 0.5
    spacing_mm = np.array([8.0, 1.5, 1.25])
    ours, theirs = (np.argwhere(surface_of(mask)) * spacing_mm for mask in masks)
    pairs = np.linalg.norm(ours[:, None] - theirs[None], axis=-1)
    near = (pairs.min(axis=1) <= 1.5).sum() + (pairs.min(axis=0) <= 1.5).sum()
    assert surface_dice(masks[0], masks[1], spacing_mm.tolist(), 1.5) == pytest.approx(near / sum(pairs.shape))


def test_one_empty_is_zero_and_both_empty_or_no_spacing_is_none() -> None:
    nothing = np.zeros((1, 1, 20), bool)
    assert surface_dice(nothing, bar(0, 3), MM, 1.0) == 0.0
    assert surface_dice(nothing, nothing, MM, 1.0) is None
    assert surface_dice(bar(0, 3), bar(0, 3), None, 1.0) is None


def test_the_one_sided_distance_runs_from_the_reference_to_the_prediction() -> None:
    found = surface_distances(bar(0, 19), bar(0, 3), MM)
    assert (found.hd_one_sided_mm, found.hd_mm) == (0.0, 16.0)  # what is invented does not count
    found = surface_distances(bar(0, 3), bar(0, 19), MM)
    assert (found.hd_one_sided_mm, found.hd_mm) == (16.0, 16.0)  # what is missed does


@pytest.mark.parametrize("n", [1, 2, 3, 20, 21, 1000])
def test_the_fast_percentile_is_numpys(n: int) -> None:
    values = np.sort(np.random.default_rng(n).random(n))
    for percent in (0, 5, 50, 95, 100):
        assert percentile_of_sorted(values, percent) == pytest.approx(np.percentile(values, percent))
