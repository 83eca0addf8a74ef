"""Intraclass correlation: how much of the values' spread is between patients rather than between readings of one.

Shrout and Fleiss 1979, Psychological Bulletin 86:420, forms (2,1) and (3,1), each with its 95 % interval; the interval of
(2,1) after McGraw and Wong 1996, Psychological Methods 1:30, Table 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_PATIENTS = 3  # ours: with two the interval spans nearly everything


@dataclass(frozen=True)
class Intraclass:
    """A coefficient of intraclass correlation with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _Squares:
    """Mean squares of a two-way analysis of variance of n patients and k readings without repetition."""

    n: int
    k: int
    patients: float
    readings: float
    error: float


def icc_2_1(values: NDArray[np.float64]) -> Intraclass | None:
    """ICC(2,1), absolute agreement of single readings, readers taken as drawn from many: a constant offset lowers it.

    Args:
        values: [patient, reading].

    Returns:
        None for fewer than three patients or where no value differs from another.
    """
    squares = _mean_squares(values)
    if squares is None:
        return None
    n, k, error = squares.n, squares.k, squares.error
    offset = k * (squares.readings - error) / n
    value = (squares.patients - error) / (squares.patients + (k - 1) * error + offset)
    if value == 1.0:
        return Intraclass(1.0, 1.0, 1.0)
    of_readings, of_error = k * value / (n * (1 - value)), 1 + k * value * (n - 1) / (n * (1 - value))
    whole = of_readings * squares.readings + of_error * error
    degrees = whole**2 / (
        (of_readings * squares.readings) ** 2 / (k - 1) + (of_error * error) ** 2 / ((n - 1) * (k - 1))
    )
    beside = k * squares.readings + (k * n - k - n) * error
    far, near = _f_quantile(n - 1, degrees), _f_quantile(degrees, n - 1)
    low = n * (squares.patients - far * error) / (far * beside + n * squares.patients)
    high = n * (near * squares.patients - error) / (beside + n * near * squares.patients)
    return Intraclass(value, low, high)


def icc_3_1(values: NDArray[np.float64]) -> Intraclass | None:
    """ICC(3,1), consistency of single readings, these readers alone: a constant offset does not lower it.

    Arguments and what is None as `icc_2_1`.
    """
    squares = _mean_squares(values)
    if squares is None:
        return None
    n, k = squares.n, squares.k
    value = (squares.patients - squares.error) / (squares.patients + (k - 1) * squares.error)
    if squares.error == 0:
        return Intraclass(1.0, 1.0, 1.0)
    ratio = squares.patients / squares.error
    low = ratio / _f_quantile(n - 1, (n - 1) * (k - 1))
    high = ratio * _f_quantile((n - 1) * (k - 1), n - 1)
    return Intraclass(value, (low - 1) / (low + k - 1), (high - 1) / (high + k - 1))


def _mean_squares(values: NDArray[np.float64]) -> _Squares | None:
    n, k = values.shape
    if n < LEAST_PATIENTS or np.ptp(values) == 0:
        return None
    centred = values - values.mean()
    by_patient, by_reading = centred.mean(axis=1, keepdims=True), centred.mean(axis=0, keepdims=True)
    rest = centred - by_patient - by_reading
    error = float((rest**2).sum()) / ((n - 1) * (k - 1))
    negligible = np.finfo(float).eps * float((centred**2).sum())  # what rounding leaves of a difference of zero
    return _Squares(
        n,
        k,
        k * float((by_patient**2).sum()) / (n - 1),
        n * float((by_reading**2).sum()) / (k - 1),
        0.0 if error <= negligible else error,
    )


def _f_quantile(above: float, below: float) -> float:
    """The 97.5 % point of the F distribution."""
    from scipy.stats import f

    return float(f.ppf(0.975, above, below))
