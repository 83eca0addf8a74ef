"""Outlines enclose exactly the pixels that were counted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from shortaxis.core.labels import ACDC, EMIDEC, Structure
from shortaxis.report.contours import Ring, outlines, ring_corners, structure_outlines


def enclosed_area(rings: list[Ring]) -> float:
    """Shoelace sum over rings; holes wind the other way and subtract."""
    total = 0.0
    for ring in rings:
        rows, cols = ring_corners(ring).T
        total += float(np.sum(rows * np.roll(cols, -1) - cols * np.roll(rows, -1))) / 2
    return abs(total)


def filled(rings: list[Ring], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Even-odd fill at pixel centres, independent of the tracing: count vertical edges to the left of each centre."""
    inside = np.zeros(shape, bool)
    for ring in rings:
        corners = ring_corners(ring)
        for (row_a, col_a), (row_b, col_b) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if col_a == col_b:
                inside[min(row_a, row_b) : max(row_a, row_b), col_a:] ^= True
    return inside


def test_one_pixel_is_outlined_by_its_four_corners() -> None:
    mask = np.zeros((3, 4), bool)
    mask[1, 2] = True
    (ring,) = outlines(mask)
    assert {tuple(corner) for corner in ring_corners(ring).tolist()} == {(1, 2), (1, 3), (2, 2), (2, 3)}


def test_a_rectangle_needs_four_steps_that_return_to_the_start() -> None:
    mask = np.zeros((9, 9), bool)
    mask[2:5, 1:8] = True
    (ring,) = outlines(mask)
    assert len(ring) == 6
    assert sum(ring[2::2]) == 0 and sum(ring[3::2]) == 0
    assert enclosed_area([ring]) == 21


def test_a_ring_shaped_muscle_has_an_outer_and_an_inner_outline() -> None:
    mask = np.ones((7, 7), bool)
    mask[2:5, 2:5] = False
    rings = outlines(mask)
    assert len(rings) == 2
    assert enclosed_area(rings) == 40


def test_pixels_that_touch_at_a_corner_keep_their_area() -> None:
    assert enclosed_area(outlines(np.eye(4, dtype=bool))) == 4


@pytest.mark.parametrize("seed", range(20))
def test_any_mask_is_recovered_pixel_for_pixel_from_its_outlines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((23, 31)) < rng.uniform(0.1, 0.9)
    np.testing.assert_array_equal(filled(outlines(mask), mask.shape), mask)


def test_outlines_are_nested_by_structure_frame_and_slice_and_lie_where_the_pixels_are() -> None:
    labels = np.zeros((2, 3, 40, 50), np.uint8)
    labels[1, 2, 30:35, 41:47] = ACDC.code_of(Structure.LV_CAVITY)
    nested = structure_outlines(labels, ACDC, [Structure.RV_CAVITY, Structure.LV_CAVITY])
    assert [len(frames) for frames in nested] == [2, 2]
    assert nested[0] == [[[], [], []], [[], [], []]]
    np.testing.assert_array_equal(filled(nested[1][1][2], (40, 50)), labels[1, 2] > 0)


def test_a_structure_known_only_through_its_parts_is_outlined_as_their_union() -> None:
    labels = np.zeros((1, 1, 8, 8), np.uint8)
    labels[0, 0, 2:6, 2:4] = EMIDEC.code_of(Structure.HEALTHY_MYOCARDIUM)
    labels[0, 0, 2:6, 4:6] = EMIDEC.code_of(Structure.INFARCT)
    ((((ring,),),),) = structure_outlines(labels, EMIDEC, [Structure.MYOCARDIUM])
    assert enclosed_area([ring]) == 16
