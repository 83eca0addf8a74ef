"""How well two readings of the same patients agree, with intervals: two readers, two methods or two scans.

Neither reading is the truth. A difference is the first minus the second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.agreement import Agreement, agreement
from shortaxis.measure.intraclass import Intraclass, icc_2_1, icc_3_1

DEFINITIONS = {
    "n": "patients with the index in both readings; everything else is over these",
    "n_left_out": "patients in both folders that lack the index in one",
    "bias": "mean of A minus B",
    "bias_low, bias_high": "95 % interval of the bias, bias ± t SD / sqrt(n)",
    "sd": "standard deviation of the differences over n - 1",
    "loa_low, loa_high": "limits of agreement, bias ± 1.96 SD (Bland and Altman 1986, Lancet 327:307)",
    "loa_low_low ... loa_high_high": "95 % interval of each limit, limit ± t SD sqrt(1/n + 1.96^2 / (2 (n - 1))) (Bland "
    "and Altman 1999, Stat Methods Med Res 8:135)",
    "pearson": "Pearson correlation, with its 95 % interval by Fisher's z; from four patients on",
    "icc_2_1": "intraclass correlation, two-way random, single reading, absolute agreement (Shrout and Fleiss 1979, "
    "Psychol Bull 86:420), with its 95 % interval",
    "icc_3_1": "intraclass correlation, two-way mixed, single reading, consistency, with its 95 % interval",
    "cv_percent": "within-subject coefficient of variation: sqrt(mean(d^2) / 2) over the mean of all values, d the "
    "difference within a patient",
}


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Reliability:
    """Agreement of two readings of one index; None where too few patients define it. See `DEFINITIONS`.

    Attributes:
        agreement: counts, mean absolute difference, bias, SD, limits, correlation.
        bias, loa_low, loa_high: with their intervals; from two patients on.
        pearson: with its interval; from four patients on.
        icc_2_1, icc_3_1: from three patients on.
        cv_percent: None where the mean of the values is not positive.
        mean_a, mean_b: of each reading.
    """

    agreement: Agreement
    bias: Interval | None
    loa_low: Interval | None
    loa_high: Interval | None
    pearson: Interval | None
    icc_2_1: Intraclass | None
    icc_3_1: Intraclass | None
    cv_percent: float | None
    mean_a: float | None
    mean_b: float | None


def reliability(pairs: Sequence[tuple[float | None, float | None]]) -> Reliability:
    """Agreement of (A, B) pairs; a pair with a missing value is left out and counted."""
    agreed = agreement(pairs)
    both = np.array([(a, b) for a, b in pairs if a is not None and b is not None], float).reshape(-1, 2)
    if agreed.n == 0:
        return Reliability(agreed, *[None] * 9)
    bias, low, high = _bland_altman(agreed)
    mean_a, mean_b = (float(mean) for mean in both.mean(axis=0))
    return Reliability(
        agreed,
        bias,
        low,
        high,
        _correlation(agreed),
        icc_2_1(both),
        icc_3_1(both),
        within_subject_cv_percent(both),
        mean_a,
        mean_b,
    )


def within_subject_cv_percent(both: NDArray[np.float64]) -> float | None:
    """Within-subject coefficient of variation of pairs [patient, 2] in percent; None unless their mean is positive."""
    mean = float(both.mean())
    if mean <= 0:
        return None
    return 100.0 * math.sqrt(float(((both[:, 0] - both[:, 1]) ** 2).mean()) / 2) / mean


def _bland_altman(agreed: Agreement) -> tuple[Interval | None, Interval | None, Interval | None]:
    """Bias and limits of agreement with their intervals."""
    if agreed.bias is None or agreed.sd is None or agreed.loa_low is None or agreed.loa_high is None:
        return None, None, None
    from scipy.stats import t

    n = agreed.n
    reach = float(t.ppf(0.975, n - 1)) * agreed.sd
    of_bias, of_limit = reach / math.sqrt(n), reach * math.sqrt(1 / n + 1.96**2 / (2 * (n - 1)))
    return _around(agreed.bias, of_bias), _around(agreed.loa_low, of_limit), _around(agreed.loa_high, of_limit)


def _correlation(agreed: Agreement) -> Interval | None:
    """Pearson's correlation with the interval by Fisher's transformation."""
    if agreed.pearson is None or agreed.n < 4:
        return None
    r = agreed.pearson
    if abs(r) >= 1 - 1e-12:  # the transformation is infinite
        return Interval(r, r, r)
    z, reach = math.atanh(r), 1.959964 / math.sqrt(agreed.n - 3)
    return Interval(r, math.tanh(z - reach), math.tanh(z + reach))


def _around(value: float, reach: float) -> Interval:
    return Interval(value, value - reach, value + reach)
