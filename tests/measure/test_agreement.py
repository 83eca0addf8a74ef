"""Bland-Altman and correlation by hand."""

from __future__ import annotations

import pytest

from shortaxis.measure.agreement import agreement


def test_three_pairs_by_hand() -> None:
    found = agreement([(11, 10), (19, 20), (33, 30)])  # differences 1, -1, 3
    assert (found.n, found.mae, found.bias, found.sd) == pytest.approx((3, 5 / 3, 1.0, 2.0))
    assert (found.loa_low, found.loa_high) == pytest.approx((1 - 3.92, 1 + 3.92))
    assert found.pearson == pytest.approx(220 / (248 * 200) ** 0.5)  # sums of products of deviations


def test_two_pairs_have_a_spread_and_no_correlation() -> None:
    found = agreement([(1, 0), (3, 0)])  # differences 1 and 3: standard deviation sqrt(2)
    assert (found.bias, found.sd, found.pearson) == (2.0, pytest.approx(2**0.5), None)
    assert agreement([(1, 2), (3, 5)]).pearson is None  # two points always lie on a line


def test_values_that_vary_by_little_have_a_correlation_all_the_same() -> None:
    assert agreement([(0.1, 0.2), (0.2, 0.3), (0.3, 0.4)]).pearson == pytest.approx(1.0)


def test_a_pair_with_a_missing_value_is_left_out_and_counted() -> None:
    found = agreement([(11, 10), (None, 20), (5, None)])
    assert (found.n, found.n_left_out, found.bias, found.sd, found.pearson) == (1, 2, 1.0, None, None)


def test_no_pair_defines_nothing() -> None:
    found = agreement([])
    assert (found.n, found.mae, found.bias, found.loa_low, found.pearson) == (0, None, None, None, None)


def test_values_that_never_vary_have_no_correlation() -> None:
    assert agreement([(1, 5), (2, 5), (3, 5)]).pearson is None
