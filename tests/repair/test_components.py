"""What `keep_heart` keeps and drops, on small hearts drawn by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE, Structure
from shortaxis.files.gate import load_labels
from shortaxis.repair.components import keep_heart, leave_as_is

RV, MYO, LV = 1, 2, 3  # ACDC's numbers
Labels = NDArray[np.uint8]


def heart(slices: int = 5, size: int = 64) -> Labels:
    """A round left ventricle at (32, 32) and a right ventricle to its left, on every slice."""
    rows, cols = np.mgrid[:size, :size]
    radius = np.hypot(rows - 32, cols - 32)
    plane = np.zeros((size, size), np.uint8)
    plane[(np.hypot(rows - 32, cols - 18) < 9) & (radius >= 12)] = RV
    plane[radius < 12] = MYO
    plane[radius < 8] = LV
    return np.repeat(plane[None], slices, axis=0)


def test_a_clean_heart_is_returned_unchanged_and_not_in_place() -> None:
    clean = heart()
    kept = keep_heart(clean, ACDC)
    np.testing.assert_array_equal(kept, clean)
    assert kept is not clean
    assert kept.dtype == np.uint8


def test_empty_labels_stay_empty() -> None:
    assert not keep_heart(np.zeros((3, 8, 8), np.uint8), ACDC).any()


def test_a_small_stray_of_every_structure_is_removed() -> None:
    dirty = heart()
    dirty[1, 2:5, 2:5], dirty[2, 2:5, 58:61], dirty[3, 58:61, 58:61] = RV, MYO, LV
    np.testing.assert_array_equal(keep_heart(dirty, ACDC), heart())


def test_a_cavity_larger_than_the_ventricle_but_without_myocardium_is_dropped() -> None:
    dirty = heart()
    dirty[:, 46:64, 40:64] = LV  # 432 pixels a slice; the ventricle has about 200
    np.testing.assert_array_equal(keep_heart(dirty, ACDC), heart())


def test_a_right_ventricle_larger_than_the_true_one_but_far_away_is_dropped() -> None:
    dirty = heart()
    dirty[:, 46:64, 46:64] = RV
    np.testing.assert_array_equal(keep_heart(dirty, ACDC), heart())


def test_a_speck_touching_the_myocardium_does_not_win_over_the_right_ventricle_set_off_by_fat() -> None:
    expected = heart()
    expected[:, :, 18:23][expected[:, :, 18:23] == RV] = 0  # a gap between the right ventricle and the septum
    dirty = expected.copy()
    dirty[2, 32, 44:46] = RV  # two pixels on the lateral wall
    assert (expected == RV).sum() > 100
    np.testing.assert_array_equal(keep_heart(dirty, ACDC), expected)


def test_a_ventricle_that_is_nowhere_near_the_heart_is_still_kept_rather_than_lost() -> None:
    odd = heart()
    odd[odd == RV] = 0
    odd[:, 2:6, 2:6] = RV
    assert (keep_heart(odd, ACDC) == RV).sum() == 5 * 16


def test_slices_shifted_by_breathing_stay_one_heart() -> None:
    shifted = heart()
    shifted[2] = np.roll(shifted[2], (9, 9), axis=(0, 1))
    np.testing.assert_array_equal(keep_heart(shifted, ACDC), shifted)


def test_the_heart_beyond_one_missed_slice_is_kept() -> None:
    gap = heart(6)
    gap[3] = 0
    np.testing.assert_array_equal(keep_heart(gap, ACDC), gap)


def test_an_apical_ring_that_narrows_within_the_ring_above_it_is_kept() -> None:
    tapered = heart()
    rows, cols = np.mgrid[:64, :64]
    radius = np.hypot(rows - 32, cols - 32)
    tapered[4] = np.where(radius < 3, LV, np.where(radius < 6, MYO, 0))
    np.testing.assert_array_equal(keep_heart(tapered, ACDC), tapered)


def test_a_stray_beyond_two_empty_slices_is_dropped() -> None:
    far = heart(7)
    far[3:6] = 0
    kept = keep_heart(far, ACDC)
    assert kept[:3].any()
    assert not kept[6].any()


def test_a_hole_in_the_cavity_becomes_cavity_and_one_in_the_wall_becomes_wall() -> None:
    holed = heart()
    holed[1, 32, 32] = holed[2, 32, 42] = 0
    np.testing.assert_array_equal(keep_heart(holed, ACDC), heart())


def test_an_empty_ring_of_myocardium_is_a_missed_cavity() -> None:
    ring = heart()
    ring[2][ring[2] == LV] = 0
    np.testing.assert_array_equal(keep_heart(ring, ACDC), heart())


def test_a_pinhole_in_an_apex_without_cavity_becomes_myocardium() -> None:
    apex = heart()
    apex[4][apex[4] == LV] = MYO
    holed = apex.copy()
    holed[4, 32, 32] = 0
    np.testing.assert_array_equal(keep_heart(holed, ACDC), apex)


def test_background_between_right_ventricle_and_septum_is_no_hole() -> None:
    crescent = heart()
    crescent[2, 32, 18:20] = 0
    np.testing.assert_array_equal(keep_heart(crescent, ACDC), crescent)


def test_an_infarct_is_part_of_the_wall_and_no_stray() -> None:
    scar = np.where(heart() == LV, 1, np.where(heart() == MYO, 2, 0)).astype(np.uint8)
    scar[2, 32, 41:43] = EMIDEC.code_of(Structure.INFARCT)
    np.testing.assert_array_equal(keep_heart(scar, EMIDEC), scar)


def test_a_scheme_without_right_ventricle_works() -> None:
    two = ACDC.translate(heart(), LEFT_VENTRICLE)
    dirty = two.copy()
    dirty[0, :3, :3] = 1
    np.testing.assert_array_equal(keep_heart(dirty, LEFT_VENTRICLE), two)


def test_leave_as_is_returns_what_it_got() -> None:
    dirty = heart()
    dirty[0, 0, 0] = RV
    np.testing.assert_array_equal(leave_as_is(dirty, ACDC), dirty)


@pytest.mark.realdata
def test_reference_hearts_are_left_as_the_readers_drew_them_but_for_stray_pixels(data_root: Path) -> None:
    paths = sorted((data_root / "acdc" / "training").glob("patient00*/*_gt.nii.gz"))
    assert paths
    for path in paths:
        drawn = load_labels(path, ACDC).array[0]
        assert np.count_nonzero(keep_heart(drawn, ACDC) != drawn) <= 10, path.name
