"""One stage over some frames of a study, by one network or the mean of several (an ensemble of folds)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from shortaxis.core.compute import Compute
from shortaxis.core.errors import MemoryExhausted
from shortaxis.core.exhausted import memory_named
from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.method import Stage
from shortaxis.core.sample import Sample, collate
from shortaxis.core.study import Study

BATCH = 16  # samples a forward pass; larger gained nothing on a CPU and costs memory
WAY_OUT = "free memory on the device, choose another with --device (cpu takes the computer's), or give fewer frames"


def run_stage(
    stage: Stage,
    nets: Sequence[nn.Module],
    study: Study,
    upstream: Found | None,
    frames: Sequence[int],
    compute: Compute,
    seed: int = 0,
) -> Found:
    """What `stage` finds in `frames` of a study.

    Args:
        stage: the stage.
        nets: its fitted networks, in eval mode and placed by `compute`; answers are averaged.
        study: the study.
        upstream: what the stage before found, or None.
        frames: 0-based frames.
        compute: device and precision.
        seed: of everything random inside the networks (Monte-Carlo dropout), so that a mask can be had again. Each
            batch draws by its own seed, made of this one and its first sample's place: other frames, other draws.

    Raises MemoryExhausted where the device's memory does not suffice.
    """
    generator = torch.Generator(compute.device)
    pieces: list[tuple[Sample, Piece]] = []
    what = f"memory for the stage {stage.name} of {study.name} on {compute.device}"
    exhausted = memory_named(lambda found: MemoryExhausted(what, found, WAY_OUT))
    with torch.inference_mode(), compute.autocast(), exhausted:
        for samples in _in_batches(stage.cut(study, upstream, frames), BATCH):
            batch = collate(samples).to(compute.device)
            batch = replace(batch, image=compute.image(batch.image))
            generator.manual_seed(_seed_at(seed, samples[0]))
            inferred = mean_of([stage.infer(net, batch, generator) for net in nets])
            pieces.extend(zip(map(_let_go, samples), _split(inferred, len(samples)), strict=True))
    return stage.paste(pieces, study, frames)


def mean_of(answers: Sequence[Inferred]) -> Inferred:
    """The members' mean of probabilities and corners; the variance of all their samples, which stand side by side.

    That is the mean of the members' own variances and the variance of their means: members that are each sure and do not
    agree are not sure together.
    """
    if len(answers) == 1:
        return answers[0]
    probs = _stacked([answer.probs for answer in answers])
    corners = _stacked([answer.corners for answer in answers])
    within = _stacked([answer.variance for answer in answers])
    drawn = [answer.samples for answer in answers if answer.samples is not None]
    return Inferred(
        None if probs is None else probs.mean(0),
        None if corners is None else corners.mean(0),
        None if within is None or probs is None else within.mean(0) + probs.var(0, correction=0).mean(1),  # [B, ...]
        torch.cat(drawn, dim=1) if drawn else None,
    )


def _stacked(tensors: Sequence[Tensor | None]) -> Tensor | None:
    held = [tensor for tensor in tensors if tensor is not None]
    return torch.stack(held) if held else None


def _let_go(sample: Sample) -> Sample:
    """The sample without image and fields: a cine's would all be held until the pieces are pasted."""
    return replace(sample, image=np.empty((0,), np.float32), fields={})


def _seed_at(seed: int, sample: Sample) -> int:
    """A seed for the batch that begins with `sample`, the same in every run."""
    text = f"{seed}:{sample.place.frame}:{sample.place.slices}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "little")


def _in_batches(samples: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    source = iter(samples)
    while chosen := list(islice(source, size)):
        yield chosen


def _split(inferred: Inferred, count: int) -> list[Piece]:
    probs, corners, variance = (
        None if tensor is None else tensor.float().cpu().contiguous().numpy()
        for tensor in (inferred.probs, inferred.corners, inferred.variance)
    )
    samples = None if inferred.samples is None else inferred.samples.cpu().numpy()
    return [
        Piece(
            None if probs is None else probs[index],
            None if corners is None else corners[index].astype(float),
            None if variance is None else variance[index],
            None if samples is None else samples[index],
        )
        for index in range(count)
    ]
