"""Voxels sorted into right and wrong: sensitivity, specificity, predictive values, accuracy.

All are ratios in [0, 1] without a unit, over the whole array they are given. A ratio over nothing is None, and
`REASONS` says why. Specificity, NPV and accuracy count background: they grow with the field of view, so they compare
methods on the same images and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.accept import check_same_shape

Mask = NDArray[np.bool_]

REASONS = {
    "sensitivity": "the reference holds nothing of the structure",
    "specificity": "the reference fills the whole array",
    "ppv": "the prediction holds nothing of the structure",
    "npv": "the prediction fills the whole array",
    "accuracy": "the array is empty",
}


@dataclass(frozen=True)
class Confusion:
    """Voxel counts: what both have, what the prediction alone has, what the reference alone has, what neither has."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


def confusion(prediction: Mask, reference: Mask) -> Confusion:
    """The four counts of two masks of one shape. Raises GridMismatch."""
    check_same_shape(prediction, reference)
    both = int(np.count_nonzero(prediction & reference))
    ours, theirs = int(np.count_nonzero(prediction)), int(np.count_nonzero(reference))
    return Confusion(both, ours - both, theirs - both, reference.size - ours - theirs + both)


def sensitivity(prediction: Mask, reference: Mask) -> float | None:
    """Share of the reference that was found, TP / (TP + FN); None for an empty reference."""
    return rates(confusion(prediction, reference))["sensitivity"]


def specificity(prediction: Mask, reference: Mask) -> float | None:
    """Share of the reference's background that was left alone, TN / (TN + FP); None where there is no background."""
    return rates(confusion(prediction, reference))["specificity"]


def ppv(prediction: Mask, reference: Mask) -> float | None:
    """Positive predictive value (precision), TP / (TP + FP); None for an empty prediction."""
    return rates(confusion(prediction, reference))["ppv"]


def npv(prediction: Mask, reference: Mask) -> float | None:
    """Negative predictive value, TN / (TN + FN); None for a prediction without background."""
    return rates(confusion(prediction, reference))["npv"]


def accuracy(prediction: Mask, reference: Mask) -> float | None:
    """Share of voxels that are right, (TP + TN) / all; None for an empty array."""
    return rates(confusion(prediction, reference))["accuracy"]


def rates(counts: Confusion) -> dict[str, Any]:
    """The five ratios of one count under their names; None where undefined."""
    tp, fp = counts.true_positive, counts.false_positive
    fn, tn = counts.false_negative, counts.true_negative
    return {
        "sensitivity": _ratio(tp, tp + fn),
        "specificity": _ratio(tn, tn + fp),
        "ppv": _ratio(tp, tp + fp),
        "npv": _ratio(tn, tn + fn),
        "accuracy": _ratio(tp + tn, tp + fp + fn + tn),
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
