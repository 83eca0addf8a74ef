"""The batch of a step, as a pure function of the step: nothing to save, nothing to lose on resuming."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

import numpy as np

from shortaxis.core.errors import ShortaxisError, WorkerFailed
from shortaxis.core.method import Stage
from shortaxis.core.sample import Batch, Sample, collate

PATIENCE_S = 45  # ours: preparing a batch takes milliseconds to seconds
KEPT = "the last whole step is saved; mend or leave out the case, then go on with --resume"


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
    """The augmented batch of 0-based `step`; with several processes this one's share of it.

    Raises WorkerFailed naming the case whose sample could not be varied.
    """
    fit = stage.fit
    chosen = indices_of_step(len(examples), fit.batch, step, fit.seed)
    return collate(
        [
            varied(stage, examples[index], np.random.default_rng(_seed("augment", fit.seed, step, place)), step + 1)
            for place, index in list(enumerate(chosen))[rank::world]
        ]
    )


def varied(stage: Stage, example: Sample, rng: np.random.Generator | None, number: int) -> Sample:
    """`stage.augment` for the step of that number. Raises WorkerFailed naming the case where it fails."""
    try:
        return stage.augment(example, rng)
    except ShortaxisError:
        raise
    except Exception as problem:  # whatever a stage's code or a library under it meets, the case must be named
        found = f"{type(problem).__name__} at step {number}, case {example.place.case or 'without a name'}: {problem}"
        raise WorkerFailed("a sample that can be varied", found, KEPT) from problem


def batches_ahead(
    stage: Stage, examples: Sequence[Sample], first: int, last: int, rank: int, world: int, workers: int
) -> Iterator[Batch]:
    """The batches of steps `first ... last - 1`, prepared ahead by `workers` threads (0: none; the same batches).

    Threads and no processes: what prepares a batch is numpy and OpenCV, which let other threads run meanwhile, and
    threads share the examples without a copy.

    Raises WorkerFailed where a batch could not be prepared, or where none came for `PATIENCE_S` seconds.
    """

    def make(step: int) -> Batch:
        return batch_of_step(stage, examples, step, rank, world)

    if workers == 0:
        yield from map(make, range(first, last))
        return
    wanted: queue.SimpleQueue[tuple[int, Future[Batch]] | None] = queue.SimpleQueue()
    for _ in range(workers):  # daemons: one that hangs must not keep the program from ending
        threading.Thread(target=_work, args=(make, wanted), daemon=True).start()
    ahead: deque[Future[Batch]] = deque()
    try:
        for step in range(first, last):
            while len(ahead) < min(2 * workers, last - step):
                future: Future[Batch] = Future()
                wanted.put((step + len(ahead), future))
                ahead.append(future)
            yield _awaited(ahead.popleft(), stage, examples, step)
    finally:
        for future in ahead:
            future.cancel()
        for _ in range(workers):
            wanted.put(None)


def _work(make: Callable[[int], Batch], wanted: queue.SimpleQueue[tuple[int, Future[Batch]] | None]) -> None:
    """A thread's life: batches as they are asked for, until nothing more is."""
    while (asked := wanted.get()) is not None:
        step, future = asked
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(make(step))
        except BaseException as problem:  # noqa: BLE001 - it is raised again where the batch is waited for
            future.set_exception(problem)


def _awaited(future: Future[Batch], stage: Stage, examples: Sequence[Sample], step: int) -> Batch:
    """The batch, waited for a second at a time: a process that a cluster puts to sleep must not count the hours."""
    for _ in range(PATIENCE_S):
        try:
            return future.result(timeout=1)
        except TimeoutError:
            if future.done():  # its own
                return future.result()
    chosen = indices_of_step(len(examples), stage.fit.batch, step, stage.fit.seed)
    cases = ", ".join(sorted({examples[index].place.case for index in chosen} - {""}))
    raise WorkerFailed(
        f"the batch of step {step + 1} within {PATIENCE_S} s", f"none; it holds {cases or 'cases without names'}",
        f"train with --workers 0 to see where it hangs; {KEPT}",
    )  # fmt: skip


def step_seed(seed: int, step: int, rank: int) -> int:
    """Seed of everything random inside a network at a step (dropout)."""
    return _seed("network", seed, step, rank) % 2**63
