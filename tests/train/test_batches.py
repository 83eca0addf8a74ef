"""The batch of a step is a function of the step: of nothing before it, and of nobody who prepares it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from shortaxis.core.errors import WorkerFailed
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch, Sample
from shortaxis.train import batches
from shortaxis.train.batches import batch_of_step, batches_ahead, indices_of_step, step_seed
from tests.train.tiny import TinyStage, tiny_samples

STAGE = TinyStage(FitRecipe(steps=12, batch=4, seed=7))
EXAMPLES = tiny_samples(10)


def same(one: Batch, other: Batch) -> bool:
    return torch.equal(one.image, other.image) and all(
        torch.equal(one.fields[name], other.fields[name]) for name in one.fields
    )


def test_every_example_comes_once_in_every_epoch() -> None:
    drawn = [index for step in range(15) for index in indices_of_step(10, 4, step, seed=1)]
    for epoch in range(6):
        assert sorted(drawn[epoch * 10 : (epoch + 1) * 10]) == list(range(10))


def test_epochs_have_different_orders_and_seeds_too() -> None:
    orders = {tuple(indices_of_step(10, 10, step, seed)) for step in range(4) for seed in range(4)}
    assert len(orders) == 16


def test_a_batch_may_be_larger_than_the_examples() -> None:
    assert Counter(indices_of_step(3, 7, 0, seed=0)).most_common()[-1][1] == 2
    assert Counter(indices_of_step(1, 4, 5, seed=0)) == {0: 4}


def test_a_known_order_stays_as_it_is() -> None:
    assert indices_of_step(8, 4, 0, seed=0) + indices_of_step(8, 4, 1, seed=0) == [2, 3, 7, 6, 1, 4, 0, 5]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_change_nothing(workers: int) -> None:
    alone = list(batches_ahead(STAGE, EXAMPLES, 0, 12, 0, 1, workers=0))
    together = list(batches_ahead(STAGE, EXAMPLES, 0, 12, 0, 1, workers))
    assert len(alone) == len(together) == 12
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_beginning_later_gives_the_later_batches(workers: int) -> None:
    late = list(batches_ahead(STAGE, EXAMPLES, 7, 12, 0, 1, workers))
    assert [same(batch, batch_of_step(STAGE, EXAMPLES, 7 + at)) for at, batch in enumerate(late)] == [True] * 5


@pytest.mark.parametrize("world", [2, 3, 4])
def test_processes_share_a_batch_without_overlap(world: int) -> None:
    whole = batch_of_step(STAGE, EXAMPLES, 5)
    shares = [batch_of_step(STAGE, EXAMPLES, 5, rank, world) for rank in range(world)]
    for rank, share in enumerate(shares):
        assert torch.equal(share.image, whole.image[rank::world])
    assert sum(len(share.image) for share in shares) == 4


def test_the_same_example_is_varied_anew_in_every_step() -> None:
    one = EXAMPLES[:1]
    first, second = batch_of_step(STAGE, one, 0).image, batch_of_step(STAGE, one, 1).image
    assert len({image.numpy().tobytes() for image in (*first, *second)}) == 8


def test_seeds_of_steps_and_ranks_differ_and_suit_torch() -> None:
    seeds = {step_seed(0, step, rank) for step in range(-1, 50) for rank in range(4)}
    assert len(seeds) == 51 * 4
    for seed in seeds:
        torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class Awkward(TinyStage):
    """Cannot vary the samples of one case: it raises, or never answers."""

    hangs: bool = False

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        if sample.place.case == "p7":
            if self.hangs:
                threading.Event().wait(60)
            raise ValueError("no such thing")
        return super().augment(sample, rng)


NAMED = [replace(sample, place=replace(sample.place, case=f"p{at}")) for at, sample in enumerate(EXAMPLES)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_worker_that_fails_names_the_case(workers: int) -> None:
    with pytest.raises(WorkerFailed, match="case p7: no such thing"):
        list(batches_ahead(Awkward(STAGE.fit), NAMED, 0, 12, 0, 1, workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_hangs_ends_the_run_and_names_what_it_held(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "PATIENCE_S", 1)
    began = time.monotonic()
    with pytest.raises(WorkerFailed, match=r"it holds .*p7"):
        list(batches_ahead(Awkward(STAGE.fit, hangs=True), NAMED, 0, 12, 0, 1, workers))
    assert time.monotonic() - began < 10


def test_nobody_waits_a_minute_for_a_worker() -> None:
    assert batches.PATIENCE_S < 60


def test_no_thread_is_left_when_the_batches_are_no_longer_wanted() -> None:
    before = threading.active_count()
    wanted = batches_ahead(STAGE, EXAMPLES, 0, 12, 0, 1, workers=2)
    next(wanted)
    wanted.close()  # pyright: ignore[reportAttributeAccessIssue]
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
