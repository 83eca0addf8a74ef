"""The greatest piece of the heart stays, and of each structure that is one piece."""

from __future__ import annotations

import numpy as np

from shortaxis.core.labels import ACDC, EMIDEC, WHOLE_HEART
from shortaxis.repair.greatest import greatest, keep_greatest


def test_of_two_hearts_the_larger_one_stays_whatever_its_parts() -> None:
    labels = np.zeros((2, 8, 12), np.uint8)
    labels[:, 1:5, 1:3], labels[:, 1:5, 3:5] = 2, 3  # 32 voxels, two structures that touch
    labels[:, 1:4, 8:12] = 3  # 24 voxels of one
    kept = keep_greatest(labels, ACDC)
    np.testing.assert_array_equal(kept[:, :, :7], labels[:, :, :7])
    assert not kept[:, :, 7:].any()


def test_a_structure_that_is_one_piece_loses_its_smaller_pieces() -> None:
    labels = np.full((1, 5, 9), 2, np.uint8)
    labels[0, 1:4, 1:4], labels[0, 2, 7] = 3, 3
    kept = keep_greatest(labels, ACDC)
    assert np.count_nonzero(kept == 3) == 9 and kept[0, 2, 7] == 0


def test_atria_and_great_vessels_are_one_piece_each() -> None:
    labels = np.full((1, 5, 12), 1, np.uint8)
    for code, first in zip((2, 4, 6, 7), (0, 3, 6, 9), strict=True):
        labels[0, 0:2, first : first + 2], labels[0, 4, first] = code, code
    kept = keep_greatest(labels, WHOLE_HEART)
    assert [np.count_nonzero(kept == code) for code in (2, 4, 6, 7)] == [4] * 4


def test_an_infarct_may_lie_in_several_places() -> None:
    labels = np.full((1, 5, 9), 2, np.uint8)
    labels[0, 2, 2], labels[0, 2, 6] = 3, 3
    np.testing.assert_array_equal(keep_greatest(labels, EMIDEC), labels)


def test_pieces_hold_together_over_slices_and_corners() -> None:
    mask = np.zeros((2, 4, 4), bool)
    mask[0, 1, 1], mask[1, 2, 2], mask[1, 0, 3] = True, True, True
    kept = greatest(mask)
    assert kept[0, 1, 1] and kept[1, 2, 2] and np.count_nonzero(kept) == 2
    np.testing.assert_array_equal(greatest(mask[0]), mask[0])


def test_nothing_stays_nothing_and_the_input_is_left_alone() -> None:
    empty = np.zeros((2, 4, 4), np.uint8)
    np.testing.assert_array_equal(keep_greatest(empty, ACDC), empty)
    labels = np.zeros((1, 4, 6), np.uint8)
    labels[0, 0, 0], labels[0, 2:, 3:] = 1, 3
    before = labels.copy()
    assert keep_greatest(labels, ACDC)[0, 0, 0] == 0
    np.testing.assert_array_equal(labels, before)
