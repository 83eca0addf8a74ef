"""A drawn outline as a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fill_polygon(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centre lies inside a closed outline, by the even-odd rule.

    Args:
        points: [n, 2] as (row, col), the centre of the first pixel at (0, 0); the last joins the first.
        shape: rows, columns of the mask.
    """
    row = np.arange(shape[0])[:, None]
    col = np.arange(shape[1])[None, :]
    inside = np.zeros(shape, bool)
    for (row_a, col_a), (row_b, col_b) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if row_a == row_b:
            continue  # a horizontal edge crosses no line of pixels
        crosses = (row_a > row) != (row_b > row)
        at = col_a + (row - row_a) * (col_b - col_a) / (row_b - row_a)
        inside ^= crosses & (col < at)
    return inside
