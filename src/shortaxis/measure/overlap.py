"""Overlap of two masks: Dice and Jaccard, over the whole array they are given (3D per case by default).

Both masks empty: `None`, because there is nothing to agree on; the reason is `NOTHING_TO_COMPARE`. One mask empty: 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.accept import check_same_shape

Mask = NDArray[np.bool_]

NOTHING_TO_COMPARE = "the structure is in neither mask"


def dice(prediction: Mask, reference: Mask) -> float | None:
    """Dice similarity coefficient 2|A and B| / (|A| + |B|), in [0, 1]; None if both are empty.

    Masks are bool of one shape, of any number of dimensions. Raises GridMismatch if the shapes differ.
    """
    total, both = _counts(prediction, reference)
    return None if total == 0 else 2.0 * both / total


def jaccard(prediction: Mask, reference: Mask) -> float | None:
    """Jaccard index |A and B| / |A or B|, in [0, 1]; None if both are empty. Raises GridMismatch."""
    total, both = _counts(prediction, reference)
    return None if total == 0 else both / (total - both)


def _counts(prediction: Mask, reference: Mask) -> tuple[int, int]:
    """The sum of the two sizes and the size of what they share."""
    check_same_shape(prediction, reference)
    total = int(np.count_nonzero(prediction)) + int(np.count_nonzero(reference))
    return total, int(np.count_nonzero(prediction & reference))
