"""Whether the picture agrees with its header about which way up the heart is.

A network trained on hearts as scanners show them fails, with confidence, on a mirrored one, and headers that mirror are in
circulation (a conversion that forgot the step from DICOM's axes to NIfTI's). So one frame is tried as the header says; only
where that shows no whole heart are the other seven ways tried, and only one that is clearly better is taken, with a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from torch import nn

from shortaxis.core.compute import Compute
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.core.study import Note, Study
from shortaxis.predict.run import run_stage

WHOLE = 0.6  # share of middle slices that show every structure; from here on the header is believed
CLEARLY = 0.3  # by how much of that share another way must be better
LEAST_PIXELS = 12  # of a structure on a slice, to count as shown
DISAGREES = Note(
    "SA-W112",
    "The picture does not agree with the header about which way up it is; the heart was found the other way round. "
    "Masks lie on the pixels as they are stored; left and right of the header may be wrong.",
)
_LEFT, _DOWN = np.array([-1.0, 0.0, 0.0]), np.array([0.0, -1.0, 0.0])


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
    believed = share_of_whole_slices(stages, nets, study, scheme, compute, frame)
    if believed >= WHOLE:
        return study, ()
    ways = [seen_as(study, *way) for way in product((False, True), repeat=3)]
    shares = [share_of_whole_slices(stages, nets, way, scheme, compute, frame) for way in ways]
    best = int(np.argmax(shares))
    return (ways[best], (DISAGREES,)) if shares[best] > believed + CLEARLY else (study, ())


def seen_as(study: Study, transpose: bool, flip_rows: bool, flip_cols: bool) -> Study:
    """The study with an affine that `prepare.orient` turns in exactly this way."""
    right, down = (-1.0 if flip_cols else 1.0) * _LEFT, (-1.0 if flip_rows else 1.0) * _DOWN
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = (down, right) if transpose else (right, down)
    return replace(study, grid=replace(study.grid, affine=affine, nifti=None))


def share_of_whole_slices(
    stages: Sequence[Stage],
    nets: Mapping[str, Sequence[nn.Module]],
    study: Study,
    scheme: LabelScheme,
    compute: Compute,
    frame: int,
) -> float:
    """Of the middle half of the slices, the share on which one frame shows every structure of `scheme`.

    Parts of a structure count as one: not every heart has an infarct.
    """
    found = None
    for stage in stages:
        found = run_stage(stage, nets[stage.name], study, found, [frame], compute)
    if found is None or found.probs is None:
        return 0.0
    labels = found.probs[0].argmax(axis=0)  # [slice, row, col], class numbers
    quarter = len(labels) // 4
    middle = labels[quarter : len(labels) - quarter]
    shown = [np.isin(middle, numbers).sum(axis=(1, 2)) >= LEAST_PIXELS for numbers in _looked_for(scheme)]
    return float(np.mean(np.all(shown, axis=0)))


def _looked_for(scheme: LabelScheme) -> list[list[int]]:
    """The class numbers of each structure that a whole heart shows; those of a union's parts together."""
    number = {structure: index + 1 for index, structure in enumerate(scheme.structures)}
    parts = [[number[part] for part in parts] for parts in scheme.unions.values()]
    taken = {index for numbers in parts for index in numbers}
    return [*([index] for index in number.values() if index not in taken), *parts]
