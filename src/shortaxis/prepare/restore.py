"""Pieces back onto the study's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shortaxis.core.found import Found, Piece
from shortaxis.core.sample import Sample
from shortaxis.core.study import Study


def paste_slices(pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
    """Per-slice probabilities (and variances) on the study's grid for `frames`.

    Pixels that no window covered are background with certainty: there the background's probability is 1.
    """
    first = pieces[0][1]
    classes = 0 if first.probs is None else first.probs.shape[0]
    position = {frame: index for index, frame in enumerate(frames)}
    probs = np.zeros((len(frames), classes, *study.grid.shape), np.float32)
    variance = None if first.variance is None else np.zeros((len(frames), *study.grid.shape), np.float32)
    for sample, piece in pieces:
        at, index = position[sample.place.frame], sample.place.slices[0]
        if piece.probs is not None:
            probs[at, 1:, index] = sample.place.restore(piece.probs[1:], "linear")
        if variance is not None and piece.variance is not None:
            variance[at, index] = sample.place.restore(piece.variance, "linear")
    probs[:, 0] = np.maximum(1.0 - probs[:, 1:].sum(axis=1), 0.0)  # rounding may leave the sum a hair above 1
    return Found(tuple(frames), probs=probs, variance=variance)
