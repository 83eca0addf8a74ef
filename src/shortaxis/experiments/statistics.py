"""How sure a difference is: bootstrap intervals over patients, paired and unpaired rank tests, Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DRAWS, SEED, LEVEL = 2000, 0, 0.95
FEW = "fewer than two patients"
NO_DIFFERENCE = "no patient differs"


@dataclass(frozen=True)
class Interval:
    """A mean over `n` patients and its interval; None where it is not defined, with the `reason`."""

    n: int
    mean: float | None
    low: float | None
    high: float | None
    reason: str | None = None


def bootstrap_interval(values: Sequence[float | None], draws: int = DRAWS, seed: int = SEED) -> Interval:
    """The mean of patients' values and its 95 % percentile interval over patients drawn with replacement.

    A patient without a value is left out: `n` counts the others. One patient has a mean and no interval.
    """
    known = np.array([value for value in values if value is not None], float)
    if len(known) < 2:
        return Interval(len(known), float(known.mean()) if len(known) else None, None, None, FEW)
    means = known[_drawn(len(known), draws, seed)].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(len(known), float(known.mean()), float(low), float(high))


def paired_difference(
    ours: Sequence[float | None], reference: Sequence[float | None], draws: int = DRAWS, seed: int = SEED
) -> Interval:
    """The mean of ours minus reference over patients with both values, and its interval over patients drawn in pairs."""
    return bootstrap_interval([float(gap) for gap in _gaps(ours, reference)], draws, seed)


def wilcoxon_p(ours: Sequence[float | None], reference: Sequence[float | None]) -> tuple[float | None, str | None]:
    """Two-sided p of Wilcoxon's signed-rank test over patients with both values, and why there is none.

    Exact up to 50 pairs without ties or zeros, else by the normal approximation (scipy); zero differences are dropped.
    """
    from scipy.stats import wilcoxon  # here: it is slow to import

    gaps = _gaps(ours, reference)
    if len(gaps) < 2:
        return None, FEW
    if not gaps.any():
        return None, NO_DIFFERENCE
    found: Any = wilcoxon(gaps, zero_method="wilcox")  # its stub knows no fields
    return float(found.pvalue), None


def rank_sum_p(ours: Sequence[float | None], reference: Sequence[float | None]) -> tuple[float | None, str | None]:
    """Two-sided p of Wilcoxon's rank-sum test, which takes the two groups for unrelated patients, and why there is none.

    It is the test of Huang et al. 2021 (3D Attention M-net, section III); the patients are the same, so the signed-rank
    test is the right one and this is for comparison with the paper.
    """
    from scipy.stats import ranksums

    first, second = ([value for value in values if value is not None] for values in (ours, reference))
    if min(len(first), len(second)) < 2:
        return None, FEW
    return float(ranksums(first, second).pvalue), None


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p values, in the order given: each times the number of tests not yet rejected, never falling.

    None stands for a test that could not be made; it does not count.
    """
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, at) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[at] = highest
    return adjusted


def outliers(values: Sequence[float], worse: str) -> list[bool]:
    """Which values lie beyond the box plot's whisker on the worse side (`low` or `high`): 1.5 IQR from the quartile."""
    if not values:
        return []
    first, third = np.quantile(values, [0.25, 0.75])
    reach = 1.5 * (third - first)
    return [bool(value < first - reach if worse == "low" else value > third + reach) for value in values]


def _gaps(ours: Sequence[float | None], reference: Sequence[float | None]) -> NDArray[np.float64]:
    pairs = zip(ours, reference, strict=True)
    return np.array([a - b for a, b in pairs if a is not None and b is not None], float)


def _drawn(count: int, draws: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, count, (draws, count))


def clustered_interval(groups: Mapping[str, Sequence[float]], draws: int = DRAWS, seed: int = SEED) -> Interval:
    """The mean over all values of all patients, and its interval over patients drawn with all their values.

    A patient's slices are alike, so that slices drawn one by one would give too narrow an interval.

    Args:
        groups: patient -> values; `n` counts the patients with any.
    """
    pairs = _sums_and_counts(groups)
    if not len(pairs):
        return Interval(0, None, None, None, FEW)
    mean = float(pairs[:, 0].sum() / pairs[:, 1].sum())
    if len(pairs) < 2:
        return Interval(1, mean, None, None, FEW)
    low, high = np.quantile(_drawn_means(pairs, draws, seed), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(len(pairs), mean, float(low), float(high))


def separate_difference(
    ours: Mapping[str, Sequence[float]], reference: Mapping[str, Sequence[float]], draws: int = DRAWS, seed: int = SEED
) -> Interval:
    """The mean of ours minus that of the reference, of unlike values, and its interval, each side's patients drawn apart.

    `n` is the smaller side's number of patients.
    """
    first, second = _sums_and_counts(ours), _sums_and_counts(reference)
    least = min(len(first), len(second))
    if not least:
        return Interval(0, None, None, None, FEW)
    gap = float(first[:, 0].sum() / first[:, 1].sum() - second[:, 0].sum() / second[:, 1].sum())
    if least < 2:
        return Interval(least, gap, None, None, FEW)
    gaps = _drawn_means(first, draws, seed) - _drawn_means(second, draws, seed + 1)
    low, high = np.quantile(gaps, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(least, gap, float(low), float(high))


def _sums_and_counts(groups: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    """[patient, 2]: sum and number of each patient's values, patients in the order of their names."""
    pairs = [(sum(groups[name]), len(groups[name])) for name in sorted(groups) if groups[name]]
    return np.array(pairs, float).reshape(-1, 2)


def _drawn_means(pairs: NDArray[np.float64], draws: int, seed: int) -> NDArray[np.float64]:
    """The mean over all values of as many patients, drawn with replacement, once per draw."""
    chosen = pairs[_drawn(len(pairs), draws, seed)].sum(axis=1)  # [draw, 2]
    return chosen[:, 0] / chosen[:, 1]
