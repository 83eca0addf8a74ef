"""The batch of a step, as a pure function of the step: nothing to save, nothing to lose on resuming."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from shortaxis.core.method import Stage
from shortaxis.core.sample import Batch, Sample, collate


def _seed(*parts: int | str) -> int:
    """A 64-bit seed from its parts."""
    return int.from_bytes(hashlib.sha256(":".join(map(str, parts)).encode()).digest()[:8], "little")


def indices_of_step(count: int, batch: int, step: int, seed: int) -> list[int]:
    """Which examples make up 0-based `step`: epochs of shuffled examples laid end to end, cut into batches."""
    chosen: list[int] = []
    for position in range(step * batch, (step + 1) * batch):
        epoch, place = divmod(position, count)
        chosen.append(int(_order(count, epoch, seed)[place]))
    return chosen


def _order(count: int, epoch: int, seed: int) -> np.ndarray:
    return np.random.default_rng(_seed("order", seed, epoch)).permutation(count)


def batch_of_step(stage: Stage, examples: Sequence[Sample], step: int, rank: int = 0, world: int = 1) -> Batch:
    """The augmented batch of 0-based `step`; with several processes this one's share of it."""
    fit = stage.fit
    chosen = indices_of_step(len(examples), fit.batch, step, fit.seed)
    return collate(
        [
            stage.augment(examples[index], np.random.default_rng(_seed("augment", fit.seed, step, place)))
            for place, index in list(enumerate(chosen))[rank::world]
        ]
    )


def batches_ahead(
    stage: Stage, examples: Sequence[Sample], first: int, last: int, rank: int, world: int, workers: int
) -> Iterator[Batch]:
    """The batches of steps `first ... last - 1`, prepared ahead by `workers` threads (0: none; the same batches)."""
    if workers == 0:
        for step in range(first, last):
            yield batch_of_step(stage, examples, step, rank, world)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead = [
            pool.submit(batch_of_step, stage, examples, step, rank, world)
            for step in range(first, min(last, first + 2 * workers))
        ]
        for step in range(first, last):
            batch = ahead.pop(0).result()
            if step + 2 * workers < last:
                ahead.append(pool.submit(batch_of_step, stage, examples, step + 2 * workers, rank, world))
            yield batch


def step_seed(seed: int, step: int, rank: int) -> int:
    """Seed of everything random inside a network at a step (dropout)."""
    return _seed("network", seed, step, rank) % 2**63
