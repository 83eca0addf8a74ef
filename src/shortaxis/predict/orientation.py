"""Whether the picture agrees with its header about which way up the heart is.

A network trained on hearts as scanners show them fails on a mirrored one, and headers that mirror are in circulation (a
conversion that forgot the step from DICOM's axes to NIfTI's). So one frame is tried as the header says; only where that
shows no whole heart, or one that the network doubts, are the other seven ways tried. One is taken, with a note, where the
heart is clearly more whole, or the network clearly surer of it, and neither is worse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch import nn

from shortaxis.core.compute import Compute
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.core.study import Note, Study
from shortaxis.predict.run import run_stage

WHOLE = 0.6  # share of middle slices that show every structure, and
SURE = 0.88  # mean probability over the heart, from which on the header is believed: ACDC's patients have 0.90 and more
WHOLER = 0.3  # by so much of that share another way is clearly better, or
SURER = 0.85  # where it leaves at most so much of the doubt
LEAST_PIXELS = 12  # of a structure on a slice, to count as shown
DISAGREES = Note(
    "SA-W112",
    "The picture does not agree with the header about which way up it is; the heart was found the other way round. "
    "Masks lie on the pixels as they are stored; left and right of the header may be wrong.",
)
_LEFT, _DOWN = np.array([-1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class ShownHeart:
    """What a network shows of a heart, the largest connected piece of all structures together.

    `whole` is the share of the middle half of the slices on which it has every structure; `certainty` is the mean
    probability over it.
    """

    whole: float
    certainty: float

    def is_clearly_better_than(self, other: ShownHeart) -> bool:
        """Neither less whole nor less certain, and clearly more of one."""
        if self.whole < other.whole or self.certainty < other.certainty:
            return False
        return self.whole > other.whole + WHOLER or 1 - self.certainty <= SURER * (1 - other.certainty)


NO_HEART = ShownHeart(0.0, 0.0)


def settle_orientation(
    stages: Sequence[Stage],
    nets: Mapping[str, Sequence[nn.Module]],
    study: Study,
    scheme: LabelScheme,
    compute: Compute,
) -> tuple[Study, tuple[Note, ...]]:
    """The study as the networks should see it, and what must be said of it.

    Only the affine of the returned study may differ: pixels, shape and order stay, so that what is found on it lies on the
    original's pixels.
    """
    frame = study.facts.ed_index or 0
    believed = shown_heart(stages, nets, study, scheme, compute, frame)
    if believed.whole >= WHOLE and believed.certainty >= SURE:
        return study, ()
    ways = [seen_as(study, *way) for way in product((False, True), repeat=3)]
    shown = [shown_heart(stages, nets, way, scheme, compute, frame) for way in ways]
    best = max(range(len(ways)), key=lambda index: shown[index].whole * shown[index].certainty)
    return (ways[best], (DISAGREES,)) if shown[best].is_clearly_better_than(believed) else (study, ())


def seen_as(study: Study, transpose: bool, flip_rows: bool, flip_cols: bool) -> Study:
    """The study with an affine that `prepare.orient` turns in exactly this way."""
    right, down = (-1.0 if flip_cols else 1.0) * _LEFT, (-1.0 if flip_rows else 1.0) * _DOWN
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = (down, right) if transpose else (right, down)
    return replace(study, grid=replace(study.grid, affine=affine, nifti=None))


def shown_heart(
    stages: Sequence[Stage],
    nets: Mapping[str, Sequence[nn.Module]],
    study: Study,
    scheme: LabelScheme,
    compute: Compute,
    frame: int,
) -> ShownHeart:
    """The heart that one frame shows; parts of a structure count as one, for not every heart has an infarct."""
    found = None
    for stage in stages:
        found = run_stage(stage, nets[stage.name], study, found, [frame], compute)
    if found is None or found.probs is None:
        return NO_HEART
    probs = found.probs[0]
    labels = probs.argmax(axis=0)  # [slice, row, col], class numbers
    if not labels.any():
        return NO_HEART
    heart = _largest_piece(labels > 0)
    labels = np.where(heart, labels, 0)
    quarter = len(labels) // 4
    middle = labels[quarter : len(labels) - quarter]
    slices = [np.isin(middle, numbers).sum(axis=(1, 2)) >= LEAST_PIXELS for numbers in _looked_for(scheme)]
    return ShownHeart(float(np.mean(np.all(slices, axis=0))), float(probs.max(axis=0)[heart].mean()))


def _largest_piece(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected piece of a mask [slice, row, col] that is not empty."""
    pieces = np.zeros(mask.shape, np.int32)
    ndimage.label(mask, output=pieces)
    return pieces == np.bincount(pieces.ravel())[1:].argmax() + 1


def _looked_for(scheme: LabelScheme) -> list[list[int]]:
    """The class numbers of each structure that a whole heart shows; those of a union's parts together."""
    number = {structure: index + 1 for index, structure in enumerate(scheme.structures)}
    parts = [[number[part] for part in parts] for parts in scheme.unions.values()]
    taken = {index for numbers in parts for index in numbers}
    return [*([index] for index in number.values() if index not in taken), *parts]
