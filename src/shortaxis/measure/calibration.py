"""Whether a probability means what it says: Brier score, reliability curve, calibration error.

Probabilities are in [0, 1], of any shape; everything is over the whole array given. Most voxels of a heart image are
certain background and flatter every figure here: give the part of the image that the question is about, and say which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadConfiguration
from shortaxis.measure.accept import check_same_shape

Probabilities = NDArray[np.floating]
NO_VOXEL = "there is no voxel to judge"


@dataclass(frozen=True)
class ReliabilityCurve:
    """Predicted against observed, per bin of probability; None in a bin that holds no voxel.

    Attributes:
        edges: bins + 1 bounds from 0 to 1; a bin holds its upper bound, the first also 0.
        counts: voxels per bin.
        confidence: mean predicted probability per bin.
        frequency: share of voxels of the bin where it came true.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    confidence: tuple[float | None, ...]
    frequency: tuple[float | None, ...]


def brier_score(probabilities: Probabilities, reference: NDArray[np.generic]) -> float | None:
    """Mean squared difference of probability and truth, in [0, 1]; 0 is perfect; None (`NO_VOXEL`) for an empty array.

    The uncertainty paper's definition (section 2.3): with probabilities [class, ...] and the one-hot reference of the
    same shape the mean is over classes as well as voxels; Brier's own sum over classes is that times their number. With
    one structure's probabilities and its mask, it is that structure's score. Raises GridMismatch.
    """
    check_same_shape(probabilities, reference)
    if not probabilities.size:
        return None
    return float(np.mean(np.square(probabilities.astype(np.float64) - reference.astype(np.float64))))


def reliability_curve(probabilities: Probabilities, outcomes: NDArray[np.generic], bins: int = 10) -> ReliabilityCurve:
    """The curve of one structure's probabilities against its mask, or of `top_label`'s pair, in equal bins.

    Raises:
        GridMismatch: the shapes differ.
        BadConfiguration: no bin, or a probability outside [0, 1].
    """
    check_same_shape(probabilities, outcomes)
    flat = probabilities.astype(np.float64).ravel()
    if bins < 1 or not np.all((flat >= 0) & (flat <= 1)):
        raise BadConfiguration("probabilities in [0, 1] and at least one bin", "others", "apply the softmax first")
    places = np.clip(np.ceil(flat * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    sums = (np.bincount(places, values, bins) for values in (flat, outcomes.astype(np.float64).ravel()))
    confidence, frequency = (
        tuple(float(total / count) if count else None for total, count in zip(each, counts, strict=True))
        for each in sums
    )
    edges = tuple(float(edge) for edge in np.linspace(0, 1, bins + 1))
    return ReliabilityCurve(edges, tuple(int(count) for count in counts), confidence, frequency)


def pooled_curve(curves: Sequence[ReliabilityCurve]) -> ReliabilityCurve | None:
    """One curve over the voxels of several with the same bins; None for none at all.

    Raises BadConfiguration where the bins differ.
    """
    if not curves:
        return None
    edges = curves[0].edges
    if any(curve.edges != edges for curve in curves):
        raise BadConfiguration("curves with the same bins", "others", "make them with one number of bins")
    counts = tuple(sum(curve.counts[at] for curve in curves) for at in range(len(edges) - 1))
    confidence, frequency = (
        tuple(
            sum(curve.counts[at] * (mean_of(curve)[at] or 0.0) for curve in curves) / count if count else None
            for at, count in enumerate(counts)
        )
        for mean_of in (lambda curve: curve.confidence, lambda curve: curve.frequency)
    )
    return ReliabilityCurve(edges, counts, confidence, frequency)


def expected_calibration_error(curve: ReliabilityCurve) -> float | None:
    """Mean gap of confidence and frequency, weighted by the bins' voxels, in [0, 1]; None without a voxel.

    Naeini et al. 2015 (AAAI), Guo et al. 2017 (ICML).
    """
    total = sum(curve.counts)
    return sum(count * gap for count, gap in _gaps(curve)) / total if total else None


def maximum_calibration_error(curve: ReliabilityCurve) -> float | None:
    """The largest gap of any bin that holds a voxel, in [0, 1]; None without a voxel."""
    return max((gap for _, gap in _gaps(curve)), default=None)


def top_label(probabilities: Probabilities, reference: NDArray[np.integer]) -> tuple[Probabilities, NDArray[np.bool_]]:
    """Each voxel's highest probability and whether that class was right, for the curve over all classes at once.

    `probabilities` are [class, ...], `reference` [...] holds class numbers. Raises GridMismatch.
    """
    chosen = probabilities.argmax(axis=0)
    check_same_shape(chosen, reference)
    return probabilities.max(axis=0), chosen == reference


def _gaps(curve: ReliabilityCurve) -> list[tuple[int, float]]:
    """Count and gap of each bin that holds a voxel."""
    bins = zip(curve.counts, curve.confidence, curve.frequency, strict=True)
    return [(n, abs(said - came)) for n, said, came in bins if said is not None and came is not None]
