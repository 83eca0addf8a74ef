"""Past the apex: a cavity that widens again is dropped; a narrowing one, and a stack that ends early, are not."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.labels import ACDC
from shortaxis.repair.apex import drop_false_apex
from tests.repair.test_atria import HEART, stack_of


@pytest.mark.parametrize("apex_first", [False, True])
def test_a_cavity_no_smaller_than_the_last_is_dropped_past_a_narrow_apex(apex_first: bool) -> None:
    order = slice(None, None, -1 if apex_first else 1)
    stack = stack_of([*HEART, (8.5, 6.0)])[order]
    kept = drop_false_apex(stack, ACDC)
    assert not kept[order][-1].any()
    np.testing.assert_array_equal(kept[order][:-1], stack[order][:-1])


def test_a_narrowing_apex_a_stack_that_ends_early_and_a_short_one_are_left_alone() -> None:
    for rings in (HEART, HEART[:4], [(18.0, 6.0), (17.0, 6.0), (17.5, 6.0), (17.0, 6.0)], [HEART[0], (5, 6), (6, 6)]):
        stack = stack_of(rings)
        np.testing.assert_array_equal(drop_false_apex(stack, ACDC), stack)


def test_a_cavity_that_widens_threefold_is_dropped_however_wide_it_is() -> None:
    stack = stack_of([*HEART[:4], (6.0, 6.0), (13.0, 3.0)])
    kept = drop_false_apex(stack, ACDC)
    assert not kept[-1].any()
    np.testing.assert_array_equal(kept[:-1], stack[:-1])
