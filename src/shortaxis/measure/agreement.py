"""How well two ways of measuring agree: error, bias and limits of agreement (Bland and Altman 1986, Lancet), correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Agreement:
    """Agreement of paired values; None where too few pairs define it.

    Attributes:
        n: pairs in which both values are defined; everything else is over these.
        n_left_out: pairs in which a value is missing.
        mae: mean absolute difference.
        bias: mean of prediction minus reference.
        sd: standard deviation of the differences, over n - 1; from two pairs on.
        loa_low, loa_high: limits of agreement, bias -+ 1.96 sd.
        pearson: correlation; from three pairs on, unless one side never varies.
    """

    n: int
    n_left_out: int
    mae: float | None
    bias: float | None
    sd: float | None
    loa_low: float | None
    loa_high: float | None
    pearson: float | None


def agreement(pairs: Sequence[tuple[float | None, float | None]]) -> Agreement:
    """Agreement of (prediction, reference) pairs; a pair with a missing value is left out and counted."""
    both = np.array([(p, r) for p, r in pairs if p is not None and r is not None], float).reshape(-1, 2)
    n = len(both)
    if n == 0:
        return Agreement(0, len(pairs), None, None, None, None, None, None)
    difference = both[:, 0] - both[:, 1]
    bias = float(difference.mean())
    sd = float(difference.std(ddof=1)) if n > 1 else None
    return Agreement(
        n,
        len(pairs) - n,
        float(np.abs(difference).mean()),
        bias,
        sd,
        None if sd is None else bias - 1.96 * sd,
        None if sd is None else bias + 1.96 * sd,
        float(np.corrcoef(both.T)[0, 1]) if n > 2 and np.all(np.ptp(both, axis=0) > 0) else None,
    )
