"""Every frame of a cine through all stages of a method, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from shortaxis.core.compute import Compute
from shortaxis.core.found import Doubt, Found
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import BeatRepair, Repair, Stage
from shortaxis.core.study import Note, Study
from shortaxis.predict.run import run_stage

PROBABILITY_BUDGET_BYTES = 192 * 2**20  # float32 probabilities held at a time; a frame of 10 x 256 x 216 takes 9 MiB


@dataclass(frozen=True, eq=False)
class CineLabels:
    """A segmented cine.

    Attributes:
        labels: uint8 [frame, slice, row, col] in the numbers of `scheme`, on the study's grid.
        scheme: those numbers.
        boxes: [frame, slice, 4] where a locator ran, else None.
        certainty: [frame, slice], mean probability of the chosen class over the pixels labelled as heart; NaN where none.
        notes: what the stages had to say.
    """

    labels: NDArray[np.uint8]
    scheme: LabelScheme
    boxes: NDArray[np.float64] | None
    certainty: NDArray[np.float64]
    notes: tuple[Note, ...]


@dataclass(frozen=True, eq=False)
class Drawn:
    """What Monte-Carlo passes said of one frame, before any repair; numbers of the scheme, on the study's grid.

    Attributes:
        mean: uint8 [slice, row, col], the likeliest class of the samples' mean.
        samples: uint8 [sample, slice, row, col], the likeliest class of each.
        variance: float32 [slice, row, col], mean over class maps.
    """

    mean: NDArray[np.uint8]
    samples: NDArray[np.uint8]
    variance: NDArray[np.float32]


def segment_cine(
    stages: Sequence[Stage],
    nets: Mapping[str, Sequence[nn.Module]],
    study: Study,
    scheme: LabelScheme,
    repair: Repair,
    compute: Compute,
    located: Found | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
    drawn: Callable[[int, Drawn], None] = lambda frame, draws: None,
    judged: Callable[[int, NDArray[np.float32]], None] = lambda frame, probs: None,
    beat_repair: BeatRepair | None = None,
) -> CineLabels:
    """Labels for every frame of a study.

    Args:
        stages: the method's stages in order; all but the last locate.
        nets: fitted networks by stage name.
        study: the study.
        scheme: the structures the last stage was trained for.
        repair: post-processing of one frame.
        compute: device and precision.
        located: boxes given by hand; then the locators do not run.
        report: told (frames done, frames in all).
        drawn: given (frame, what was drawn) where the last stage samples; nothing of it is kept here.
        judged: given (frame, probabilities [class, slice, row, col], class 0 the background, the others in the order of
            `scheme.codes`), before any repair; nothing of them is kept here.
        beat_repair: post-processing over all frames, after each one's own.
    """
    frames = list(range(study.n_frames))
    upstream, notes = located, []
    for stage in stages[:-1] if located is None else ():
        upstream = run_stage(stage, nets[stage.name], study, upstream, frames, compute)
        notes.extend(upstream.notes)
    labels = np.zeros(study.image.shape, np.uint8)
    doubts: list[Doubt] = []
    certainty = np.full(study.image.shape[:2], np.nan)
    last = stages[-1]
    at_once = frames_at_once(study, len(scheme.structures) + 1)
    for first in range(0, len(frames), at_once):
        part = frames[first : first + at_once]
        found = run_stage(last, nets[last.name], study, upstream, part, compute)
        notes.extend(note for note in found.notes if note not in notes)
        for frame, probs in zip(part, _probabilities(found), strict=True):
            likeliest = _codes(probs, scheme)
            labels[frame] = repair(likeliest, scheme)
            doubts += beat_repair.doubts(frame, probs, likeliest, scheme) if beat_repair is not None else []
            certainty[frame] = _certainty(probs, labels[frame])
            judged(frame, probs)
            if found.samples is not None and found.variance is not None:
                at = frame - first
                drawn(frame, Drawn(likeliest, _table(scheme)[found.samples[at]], found.variance[at]))
            report(frame + 1, len(frames))
    if beat_repair is not None:
        labels, told = beat_repair.settle(labels, doubts, scheme)
        notes.extend(told)
    return CineLabels(labels, scheme, None if upstream is None else upstream.boxes, certainty, tuple(notes))


def frames_at_once(study: Study, n_classes: int) -> int:
    """How many frames' probabilities fit the budget; at least one."""
    frame_bytes = int(np.prod(study.grid.shape)) * n_classes * 4
    return max(1, PROBABILITY_BUDGET_BYTES // (2 * frame_bytes))  # two copies while a background is made


def _probabilities(found: Found) -> NDArray[np.float32]:
    return np.empty(0, np.float32) if found.probs is None else found.probs


def _codes(probs: NDArray[np.float32], scheme: LabelScheme) -> NDArray[np.uint8]:
    """The likeliest class of each voxel [slice, row, col], as the scheme's number."""
    return _table(scheme)[probs.argmax(axis=0)]


def _table(scheme: LabelScheme) -> NDArray[np.uint8]:
    """Class number -> the scheme's number."""
    return np.array([0, *scheme.codes], np.uint8)


def _certainty(probs: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Per slice, the mean highest probability over heart pixels; NaN where there are none."""
    heart = labels > 0
    best = np.where(heart, probs.max(axis=0), 0.0).sum(axis=(1, 2))
    count = heart.sum(axis=(1, 2))
    return np.divide(best, count, out=np.full(len(count), np.nan), where=count > 0)
