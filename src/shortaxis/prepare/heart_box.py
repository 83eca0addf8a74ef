"""Boxes around the heart: from labels (for training and scoring) and between representations.

A box is (first row, first col, last row, last col) of pixel centres, continuous, inclusive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import Labels

Box = tuple[float, float, float, float]


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """The box of a mask [..., row, col], leading axes merged; None where the mask is empty."""
    plane = np.asarray(mask.reshape(-1, *mask.shape[-2:]).any(axis=0))
    if not plane.any():
        return None
    rows, cols = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    return float(rows[0]), float(cols[0]), float(rows[-1]), float(cols[-1])


def reference_box(labels: Labels) -> Box | None:
    """The box around all structures over every annotated frame and slice; None where nothing was drawn."""
    return box_of(labels.array > 0)


def box_centre(box: Box) -> tuple[float, float]:
    """Middle of a box as (row, col)."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def overall_box(boxes: NDArray[np.float64]) -> Box:
    """The median box of boxes [..., 4]: robust against a slice or two gone astray."""
    first_row, first_col, last_row, last_col = np.median(boxes.reshape(-1, 4), axis=0)
    return float(first_row), float(first_col), float(last_row), float(last_col)
