"""Intervals, tests and corrections against numbers computed by hand."""

from __future__ import annotations

import pytest

from shortaxis.experiments.statistics import (
    Interval,
    bootstrap_interval,
    holm,
    outliers,
    paired_difference,
    rank_sum_p,
    wilcoxon_p,
)
from shortaxis.experiments.table import Table, shown


def test_an_interval_has_the_mean_and_lies_within_the_values() -> None:
    found = bootstrap_interval([0.8, 0.9, 1.0, None])
    assert (found.n, found.reason) == (3, None)
    assert found.mean == pytest.approx(0.9)
    assert 0.8 <= found.low < found.mean < found.high <= 1.0


def test_an_interval_of_two_patients_spans_them() -> None:
    found = bootstrap_interval([0.0, 1.0])  # means of two draws: 0, 1/2, 1 with shares 1/4, 1/2, 1/4
    assert (found.mean, found.low, found.high) == (0.5, 0.0, 1.0)


def test_an_interval_is_the_same_every_time() -> None:
    values = [0.1 * at for at in range(10)]
    assert bootstrap_interval(values) == bootstrap_interval(values)


def test_a_wide_sample_meets_the_normal_approximation() -> None:
    values = [float(at % 2) for at in range(400)]  # mean 1/2, standard error 1/2 / sqrt(400) = 0.025
    found = bootstrap_interval(values)
    assert found.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.006)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.006)


def test_one_patient_has_a_mean_and_no_interval_and_none_has_nothing() -> None:
    one, none = bootstrap_interval([0.5]), bootstrap_interval([None])
    assert (one.n, one.mean, one.low, one.reason) == (1, 0.5, None, "fewer than two patients")
    assert (none.n, none.mean) == (0, None)


def test_a_paired_difference_is_sharp_where_patients_differ_and_methods_do_by_a_constant() -> None:
    found = paired_difference([0.6, 0.8, 1.0], [0.5, 0.7, 0.9])
    assert [found.mean, found.low, found.high] == pytest.approx([0.1, 0.1, 0.1])
    assert paired_difference([0.6, None, 1.0], [0.5, 0.7, None]).n == 1


def test_five_patients_that_all_improve_have_a_signed_rank_p_of_a_sixteenth() -> None:
    p, why = wilcoxon_p([2.0, 4.0, 6.0, 8.0, 10.0], [1.0, 2.0, 3.0, 4.0, 5.0])  # two-sided: 2 / 2^5
    assert (p, why) == (pytest.approx(0.0625), None)


def test_equal_results_have_no_p_but_a_reason() -> None:
    assert wilcoxon_p([1.0, 2.0], [1.0, 2.0]) == (None, "no patient differs")
    assert wilcoxon_p([1.0], [2.0]) == (None, "fewer than two patients")


def test_three_against_three_without_overlap_have_a_rank_sum_p_of_0_0495() -> None:
    p, _ = rank_sum_p([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])  # z = (6 - 10.5) / sqrt(3 * 3 * 7 / 12) = -1.964
    assert p == pytest.approx(0.0495, abs=1e-4)


def test_holm_multiplies_by_the_tests_left_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03]) == [pytest.approx(0.03), pytest.approx(0.06), pytest.approx(0.06)]
    assert holm([0.6, None, 0.5]) == [1.0, None, 1.0]
    assert holm([]) == []


def test_an_outlier_lies_beyond_one_and_a_half_interquartile_ranges_on_the_worse_side() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 5.0, 20.0]  # quartiles 2.25 and 4.75: whiskers end at -1.5 and 8.5
    assert outliers(values, "high") == [False] * 5 + [True]
    assert outliers(values, "low") == [False] * 6
    assert outliers([], "low") == []


def test_a_cell_that_rounds_to_nought_has_no_sign_and_one_that_is_not_defined_is_a_dash() -> None:
    assert shown(-0.0004, 3) == shown(Interval(1, -0.0004, None, None), 3) == "0.000"
    assert shown(Interval(2, -0.5, -1.0, -0.001), 2) == "-0.50 [-1.00, 0.00]"
    assert shown(None) == shown(Interval(0, None, None, None)) == "–"


def test_a_mean_over_fewer_than_the_row_s_n_says_over_how_many() -> None:
    rows = [{"n": 3, "all": Interval(3, 1.0, 0.5, 1.5), "some": Interval(2, 1.0, 0.5, 1.5)}]
    assert list(Table("t", "t", rows).cells()) == [["3", "1.00 [0.50, 1.50]", "1.00 [0.50, 1.50] (n 2)"]]
