"""How well a box around the heart was located: HALSR-Net's table 3 (section 4.4).

M. Fakhfakh et al., Computerized Medical Imaging and Graphics 123:102546, 2025. The paper gives the root mean squared
error of the two corners with its standard deviation, and an outlier rate without a definition; ours is the box plot's
(the paper shows its other results as box plots): an error above the upper quartile by 1.5 interquartile ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.accept import check_same_shape

NO_BOX = "no box to compare"
ONE_BOX = "one box has no spread"


@dataclass(frozen=True)
class RoiErrors:
    """Errors of many boxes; a figure that is undefined is None and `reason` says why.

    Attributes:
        count: boxes compared.
        rmse_mm: root of the mean squared error over all boxes and their four coordinates.
        sd_mm: standard deviation (n - 1) of the boxes' own root mean squared errors; None for fewer than two.
        outlier_percent: boxes beyond the box plot's upper whisker.
        reason: why something is None.
    """

    count: int
    rmse_mm: float | None
    sd_mm: float | None
    outlier_percent: float | None
    reason: str | None = None


def box_errors_mm(
    predicted: NDArray[np.float64], reference: NDArray[np.float64], pixel_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """Root mean squared error of each box's four coordinates in millimetres, [n].

    Args:
        predicted: [n, 4] as (first row, first col, last row, last col) in pixels.
        reference: [n, 4], the same boxes as drawn.
        pixel_mm: (row, col) spacing.

    Raises GridMismatch if the shapes differ.
    """
    check_same_shape(predicted, reference)
    apart_mm = (predicted - reference) * np.array([*pixel_mm, *pixel_mm])
    return np.sqrt(np.mean(np.square(apart_mm), axis=1))


def roi_errors(errors_mm: Sequence[float] | NDArray[np.float64]) -> RoiErrors:
    """Table 3's figures from `box_errors_mm` of any number of studies, each with its own pixel size, joined."""
    errors = np.asarray(errors_mm, float)
    if errors.size == 0:
        return RoiErrors(0, None, None, None, NO_BOX)
    rmse = float(np.sqrt(np.mean(np.square(errors))))
    lower, upper = np.percentile(errors, [25, 75])
    outliers = float(np.mean(errors > upper + 1.5 * (upper - lower)) * 100)
    if errors.size == 1:
        return RoiErrors(1, rmse, None, outliers, ONE_BOX)
    return RoiErrors(errors.size, rmse, float(errors.std(ddof=1)), outliers)
