"""Slices beyond the valve plane: a cavity without a muscular wall is dropped, a thin-walled apex is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import ACDC, LabelScheme, Structure
from shortaxis.repair.atria import drop_atria, wall_pixels

CENTRE = 32.0
Ring = tuple[float, float]  # cavity's radius, wall, in pixels


def stack_of(rings: list[Ring]) -> NDArray[np.uint8]:
    rows, cols = np.mgrid[:64, :64]
    away = np.hypot(rows - CENTRE, cols - CENTRE)
    array = np.zeros((len(rings), 64, 64), np.uint8)
    for plane, (radius, wall) in zip(array, rings, strict=True):
        plane[:, :8] = ACDC.code_of(Structure.RV_CAVITY)
        plane[away < radius + wall] = ACDC.code_of(Structure.MYOCARDIUM)
        plane[away < radius] = ACDC.code_of(Structure.LV_CAVITY)
    return array


HEART = [(18.0, 6.0), (17.0, 6.0), (15.0, 6.0), (12.0, 6.0), (8.0, 6.0)]


def test_a_ring_of_known_wall_is_measured_to_a_tenth_of_a_pixel() -> None:
    stack = stack_of([(15.0, 6.0)])
    wall = wall_pixels((stack == 3).sum(axis=(1, 2)), (stack == 2).sum(axis=(1, 2)))
    assert abs(wall[0] - 6.0) < 0.2


def test_a_basal_cavity_with_a_rim_for_a_wall_is_dropped_with_all_that_lies_beyond() -> None:
    stack = stack_of([(20.0, 1.0), (20.0, 2.0), *HEART])
    kept = drop_atria(stack, ACDC)
    assert not kept[:2].any()
    np.testing.assert_array_equal(kept[2:], stack[2:])


def test_the_base_may_be_at_either_end() -> None:
    stack = stack_of([(20.0, 1.0), *HEART])[::-1]
    kept = drop_atria(stack, ACDC)
    assert not kept[-1].any()
    np.testing.assert_array_equal(kept[:-1], stack[:-1])


def test_a_thin_apex_a_thin_middle_and_a_whole_heart_are_left_alone() -> None:
    for rings in (HEART, [*HEART, (6.0, 1.0)], [*HEART[:2], (16.0, 1.0), *HEART[2:]]):
        stack = stack_of(rings)
        np.testing.assert_array_equal(drop_atria(stack, ACDC), stack)


def test_no_more_than_a_third_of_the_slices_is_dropped_and_few_slices_are_never_judged() -> None:
    thin = stack_of([(20.0, 1.0)] * 4 + HEART)
    assert (drop_atria(thin, ACDC).any(axis=(1, 2)) == [False] * 3 + [True] * 6).all()
    few = stack_of([(20.0, 1.0), *HEART[:2]])
    np.testing.assert_array_equal(drop_atria(few, ACDC), few)


def test_a_scheme_without_myocardium_and_an_empty_frame_are_left_as_they_are() -> None:
    cavity_only = LabelScheme("cavity", {3: Structure.LV_CAVITY})
    stack = stack_of(HEART)
    assert drop_atria(stack, cavity_only) is stack
    empty = np.zeros_like(stack)
    np.testing.assert_array_equal(drop_atria(empty, ACDC), empty)
