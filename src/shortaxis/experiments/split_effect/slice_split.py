"""Two ways to part the same slices into those trained on and those held out: by patient, and at random by slice.

This is the only place in the program where a patient may stand on both sides of a split, and it is the experiment itself
(`shortaxis split-effect`). Nothing made here reaches `train` or `compare`: it is a set of slices, not a fold of patients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import Labels
from shortaxis.core.study import Study
from shortaxis.train.folds import Fold

BY_PATIENT, BY_SLICE = "by patient", "by slice"


class SliceKey(NamedTuple):
    """One image of the plane: whose, of which case, and its 0-based frame and slice."""

    patient: str
    case: str
    frame: int
    slice_index: int


@dataclass(frozen=True)
class Arm:
    """One split: its name, and the slices on its two sides."""

    name: str
    train: frozenset[SliceKey]
    held_out: frozenset[SliceKey]

    @property
    def held_out_of_known_patients(self) -> int:
        """How many held-out slices are of a patient of whom others were trained on."""
        known = {key.patient for key in self.train}
        return sum(key.patient in known for key in self.held_out)


def drawn_slices(study: Study, patient: str) -> list[SliceKey]:
    """The slices of a study on which every structure was drawn, with the heart in them or not."""
    if study.labels is None:
        return []
    drawn = study.labels.annotated.all(axis=2)  # [frame, slice]
    return [SliceKey(patient, study.name, int(frame), int(index)) for frame, index in np.argwhere(drawn)]


def arm_by_patient(slices: Sequence[SliceKey], fold: Fold) -> Arm:
    """Every slice on the side its patient is on."""
    held_out = frozenset(key for key in slices if key.patient in set(fold.validation))
    return Arm(BY_PATIENT, frozenset(key for key in slices if key.patient in set(fold.train)), held_out)


def arm_by_slice(like: Arm, seed: int) -> Arm:
    """The slices of another arm parted anew: as many held out, each as likely as any other, whoever it is of.

    The order is drawn from a hash of seed and slice, so that it is the same on every platform.
    """

    def rank(key: SliceKey) -> str:
        return hashlib.sha256(f"{seed}:{key.case}:{key.frame}:{key.slice_index}".encode()).hexdigest()

    ordered = sorted(like.train | like.held_out, key=rank)
    count = len(like.held_out)
    return Arm(BY_SLICE, frozenset(ordered[count:]), frozenset(ordered[:count]))


def restricted(study: Study, slices: Iterable[SliceKey]) -> Study | None:
    """The study as if nobody had drawn in any other slice; None where none of `slices` is its own.

    The image stays whole: a method that takes neighbouring slices as channels sees the pixels beside a slice, as it
    would in any split by slice. The labels of the other slices are blank, not only marked.

    Raises:
        LabelsMissing: the study has no labels.
    """
    labels = study.labels
    if labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "use labelled cases only")
    kept = np.zeros(labels.array.shape[:2], bool)
    for key in slices:
        if key.case == study.name:
            kept[key.frame, key.slice_index] = True
    if not kept.any():
        return None
    array = np.where(kept[:, :, None, None], labels.array, 0).astype(np.uint8)
    return replace(study, labels=Labels(array, labels.scheme, labels.annotated & kept[:, :, None]))
