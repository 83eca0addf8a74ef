"""Slices with unequal numbers of phases brought to one number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def resample_phases(planes: NDArray[np.generic], n_phases: int) -> NDArray[np.generic]:
    """Images [phase, row, col] at `n_phases` equal steps of the same beat; unchanged where the number already fits.

    Linear between neighbours, the last phase followed by the first, because a beat is a cycle. Phase `k` of `n` stands
    at `k / n` of the beat. Whole numbers are rounded back to their own type.
    """
    own = planes.shape[0]
    if own == n_phases:
        return planes
    at = np.arange(n_phases) * own / n_phases
    before = np.floor(at).astype(int)
    share = (at - before)[:, None, None]
    mixed = planes[before % own] * (1 - share) + planes[(before + 1) % own] * share
    if planes.dtype.kind in "iu":
        mixed = np.rint(mixed)
    return mixed.astype(planes.dtype)
