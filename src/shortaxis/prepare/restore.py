"""Pieces back onto the study's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.found import Found, Piece
from shortaxis.core.place import Place
from shortaxis.core.sample import Sample
from shortaxis.core.study import Note, Study

CUT = Note(
    "SA-W117",
    "A mask touches the border of the window that was cut about the heart: it may go on beyond. Look at its place.",
)


def paste_slices(pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
    """Per-slice probabilities (and variances) on the study's grid for `frames`.

    Pixels that no window covered are background with certainty: there the background's probability is 1.
    """
    first = pieces[0][1]
    classes = 0 if first.probs is None else first.probs.shape[0]
    position = {frame: index for index, frame in enumerate(frames)}
    probs = np.zeros((len(frames), classes, *study.grid.shape), np.float32)
    probs[:, 0] = 1.0
    variance = None if first.variance is None else np.zeros((len(frames), *study.grid.shape), np.float32)
    cut = False
    for sample, piece in pieces:
        at, index = position[sample.place.frame], sample.place.slices[0]
        if piece.probs is not None:
            cut = cut or cut_by_window(piece.probs, sample.place, study.grid.shape[1:])
            structures = sample.place.restore(piece.probs[1:], "linear")
            probs[at, 1:, index] = structures
            probs[at, 0, index] = np.maximum(1.0 - structures.sum(axis=0), 0.0)  # rounding may sum to a hair above 1
        if variance is not None and piece.variance is not None:
            variance[at, index] = sample.place.restore(piece.variance, "linear")
    return Found(tuple(frames), probs=probs, variance=variance, notes=(CUT,) if cut else ())


def cut_by_window(probs: NDArray[np.float32], place: Place, plane: tuple[int, int]) -> bool:
    """Whether the heart in a window's probabilities [class, row, col] reaches a border that lies inside the image."""
    at_border = np.ones(probs.shape[1:], bool)
    at_border[1:-1, 1:-1] = False
    edge = np.argwhere(at_border)
    heart = edge[probs[:, at_border].argmax(axis=0) > 0]
    if not len(heart):
        return False
    on_image = place.restore_points(heart.astype(float))
    return bool(((on_image > 1) & (on_image < np.array(plane) - 2)).all(axis=1).any())
