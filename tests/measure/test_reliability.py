"""Two readings of the same patients: published examples and sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.measure.ef_categories import category_of, reclassified
from shortaxis.measure.intraclass import icc_2_1, icc_3_1
from shortaxis.measure.reliability import reliability, within_subject_cv_percent

# Shrout and Fleiss 1979, Table 2: six persons rated by four judges.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_intraclass_correlations_are_those_of_shrout_and_fleiss() -> None:
    agreed, consistent = icc_2_1(SHROUT_FLEISS), icc_3_1(SHROUT_FLEISS)
    assert agreed is not None and consistent is not None
    assert agreed.value == pytest.approx(0.29, abs=0.005)  # their Table 4
    assert consistent.value == pytest.approx(0.71, abs=0.005)
    # Intervals as R's psych::ICC prints them for this table.
    assert (agreed.low, agreed.high) == pytest.approx((0.019, 0.761), abs=0.001)
    assert (consistent.low, consistent.high) == pytest.approx((0.342, 0.946), abs=0.001)


def test_three_patients_read_twice_by_hand() -> None:
    # Means of the patients 1.5, 2.5, 5.5, of the readings 3 and 10/3, of all 19/6.
    # Patients: deviations -5/3, -2/3, 7/3, twice each, over 2 degrees of freedom. Readings: -1/6 and 1/6, three times
    # each, over 1. What is left: -1/3, 2/3, -1/3 and their opposites, over 2.
    patients, readings, error = 26 / 3, 1 / 6, 2 / 3
    both = np.array([[1, 2], [3, 2], [5, 6]], float)
    agreed, consistent = icc_2_1(both), icc_3_1(both)
    assert agreed is not None and consistent is not None
    assert consistent.value == pytest.approx((patients - error) / (patients + error))
    assert agreed.value == pytest.approx((patients - error) / (patients + error + 2 * (readings - error) / 3))


def test_a_constant_offset_lowers_agreement_and_not_consistency() -> None:
    both = np.array([[10, 15], [20, 25], [30, 35], [40, 45]], float)
    agreed, consistent = icc_2_1(both), icc_3_1(both)
    assert agreed is not None and consistent is not None
    assert (consistent.value, consistent.low, consistent.high) == (1.0, 1.0, 1.0)
    patients, readings = 1000 / 3, 50.0
    assert agreed.value == pytest.approx(patients / (patients + 2 * readings / 4))
    assert agreed.low < agreed.value < agreed.high


def test_equal_readings_agree_wholly_and_values_that_never_vary_define_nothing() -> None:
    same = icc_2_1(np.array([[1, 1], [2, 2], [4, 4]], float))
    assert same is not None
    assert (same.value, same.low, same.high) == (1.0, 1.0, 1.0)
    assert icc_2_1(np.ones((4, 2))) is None
    assert icc_3_1(np.array([[1, 2], [3, 4]], float)) is None  # two patients


def test_bias_and_limits_bring_their_intervals() -> None:
    found = reliability([(11, 10), (19, 20), (33, 30)])  # differences 1, -1, 3: bias 1, SD 2
    t = 4.302653  # 97.5 % point of Student's t with 2 degrees of freedom
    assert found.bias is not None and found.loa_low is not None and found.loa_high is not None
    assert (found.bias.value, found.bias.low, found.bias.high) == pytest.approx(
        (1, 1 - t * 2 / 3**0.5, 1 + t * 2 / 3**0.5)
    )
    reach = t * 2 * (1 / 3 + 1.96**2 / 4) ** 0.5
    assert (found.loa_high.value, found.loa_high.low) == pytest.approx((4.92, 4.92 - reach))
    assert (found.loa_low.value, found.loa_low.high) == pytest.approx((-2.92, -2.92 + reach))
    assert (found.mean_a, found.mean_b) == pytest.approx((21, 20))
    assert found.pearson is None  # its interval needs four


def test_the_correlation_s_interval_is_fisher_s() -> None:
    pairs = [(1.0, 2.0), (2.0, 1.0), (3.0, 4.0), (4.0, 3.0), (5.0, 6.0), (6.0, 5.0), (7.0, 7.0)]
    found = reliability(pairs).pearson
    assert found is not None
    r = np.corrcoef(np.array(pairs).T)[0, 1]
    assert found.value == pytest.approx(r)
    assert (found.low, found.high) == pytest.approx([np.tanh(np.arctanh(r) + side * 1.959964 / 2) for side in (-1, 1)])


def test_the_coefficient_of_variation_is_within_the_subject() -> None:
    both = np.array([[9, 11], [21, 19]], float)  # differences of 2: within-subject SD sqrt(4/2), mean 15
    assert within_subject_cv_percent(both) == pytest.approx(100 * 2**0.5 / 15)
    assert within_subject_cv_percent(-both) is None


def test_no_pair_and_one_pair_define_little() -> None:
    none, one = reliability([(None, 1.0)]), reliability([(5.0, 4.0)])
    assert (none.agreement.n, none.agreement.n_left_out, none.cv_percent, none.mean_a) == (0, 1, None, None)
    assert (one.agreement.bias, one.bias, one.icc_2_1) == (1.0, None, None)


def test_ejection_fractions_fall_into_three_categories_unrounded() -> None:
    assert [category_of(ef) for ef in (39.99, 40.0, 49.5, 50.0)] == ["<40", "40-49", "40-49", ">=50"]


def test_who_changes_category_is_counted_and_named() -> None:
    pairs = {"a": (35.0, 38.0), "b": (39.0, 41.0), "c": (55.0, 48.0), "d": (60.0, 61.0), "e": (None, 30.0)}
    found = reclassified(pairs)
    assert found.counts == ((1, 1, 0), (0, 0, 0), (0, 1, 1))
    assert (found.n, found.n_changed) == (4, 2)
    assert found.changed == {"b": ("<40", "40-49"), "c": (">=50", "40-49")}
    assert found.kappa == pytest.approx((2 / 4 - (2 * 1 + 0 * 2 + 2 * 1) / 16) / (1 - 4 / 16))


def test_without_patients_or_with_one_category_alone_there_is_no_kappa() -> None:
    assert reclassified({}).kappa is None
    assert reclassified({"a": (60.0, 61.0)}).kappa is None
