"""Training: resumed to the last bit, stopped in good order, never silently diverged."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shortaxis.core.errors import BadConfiguration, CannotResume, LossNotFinite, MemoryExhausted, WorkerFailed
from shortaxis.core.labels import ACDC
from shortaxis.core.method import Loss
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch, Sample
from shortaxis.losses.dice_ce import dice_ce_loss
from shortaxis.train import loop
from shortaxis.train.batches import indices_of_step
from shortaxis.train.loop import FitRun, fit, is_whole, result_weights, validate
from shortaxis.train.state import State, load_state
from tests.train.runs import CPU, EXAMPLES, FULL, VALIDATION, run_in
from tests.train.tiny import TinyStage

ROOT = Path(__file__).parents[2]


def recipe(**changes: object) -> FitRecipe:
    return FitRecipe.model_validate({"steps": 6, "batch": 4, "learning_rate": 0.02, **changes})


def stop_at(step: int) -> Callable[[], bool]:
    asked = iter(range(1, 1000))
    return lambda: next(asked) == step


def same_state(one: State, other: State) -> bool:
    facts = ("step", "validation_losses", "best_loss")
    groups = ("net", "optimiser", "average", "best")
    return all(getattr(one, name) == getattr(other, name) for name in facts) and all(
        set(getattr(one, group)) == set(getattr(other, group))
        and all(torch.equal(value, getattr(other, group)[name]) for name, value in getattr(one, group).items())
        for group in groups
    )


def lines(folder: Path) -> list[dict[str, object]]:
    read = [json.loads(line) for line in (folder / "record.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in read]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[State, Path]:
    folder = tmp_path_factory.mktemp("whole")
    return fit(FULL, ACDC, EXAMPLES, VALIDATION, run_in(folder)), folder


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("cut", [1, 3, 6])  # in the warm-up, across two epochs, right after a validation
def test_a_stopped_run_resumes_bit_for_bit(
    cut: int, workers: int, tmp_path: Path, uninterrupted: tuple[State, Path]
) -> None:
    run = replace(run_in(tmp_path), workers=workers)
    stopped = fit(FULL, ACDC, EXAMPLES, VALIDATION, replace(run, stop=stop_at(cut)))
    assert stopped.step == cut
    resumed = fit(FULL, ACDC, EXAMPLES, VALIDATION, run)
    whole, folder = uninterrupted
    assert len(whole.validation_losses) == 5 and len({line.get("learning_rate") for line in lines(folder)}) >= 4
    assert same_state(resumed, whole)
    assert lines(tmp_path) == lines(folder)


def test_a_killed_run_resumes_bit_for_bit(tmp_path: Path, uninterrupted: tuple[State, Path]) -> None:
    command = [sys.executable, "-m", "tests.train.runs", "killed", str(tmp_path), "5"]
    done = subprocess.run(command, cwd=ROOT, timeout=300)
    assert done.returncode == -signal.SIGKILL
    held = load_state(tmp_path, {"run": "test"})
    assert held is not None and held.step == 4  # saved every two steps
    with (tmp_path / "record.jsonl").open("a") as record:
        record.write('{"step": 5, "lo')  # a line cut short
    resumed = fit(FULL, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path))
    assert same_state(resumed, uninterrupted[0])
    assert lines(tmp_path) == lines(uninterrupted[1])


def test_a_finished_run_asked_again_changes_nothing(tmp_path: Path) -> None:
    stage = TinyStage(recipe(steps=3))
    one = fit(stage, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path))
    before = lines(tmp_path)
    two = fit(stage, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path))
    assert same_state(one, two) and lines(tmp_path) == before


def test_the_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    stage = TinyStage(recipe(steps=1))
    fit(stage, ACDC, EXAMPLES, [], run_in(tmp_path))
    with pytest.raises(CannotResume):
        fit(stage, ACDC, EXAMPLES, [], replace(run_in(tmp_path), identity={"run": "another"}))


def test_another_seed_trains_another_network(tmp_path: Path) -> None:
    one = fit(TinyStage(recipe(steps=1)), ACDC, EXAMPLES, [], run_in(tmp_path / "a"))
    two = fit(TinyStage(recipe(steps=1, seed=1)), ACDC, EXAMPLES, [], run_in(tmp_path / "b"))
    assert not torch.equal(one.net["first.weight"], two.net["first.weight"])


@dataclass(frozen=True)
class Poisoned(TinyStage):
    """Breaks at step 4: the loss itself, or only its gradient."""

    only_gradient: bool = False

    def loss(self, net: torch.nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        total, terms = dice_ce_loss(net(batch.image), batch.fields["labels"])
        if generator.initial_seed() == loop.step_seed(self.fit.seed, 3, 0):
            total = total + (total - total.detach()).sqrt() if self.only_gradient else total * float("nan")
        return Loss(total, terms)


def test_a_loss_that_is_no_number_stops_with_the_last_good_state_on_disk(tmp_path: Path) -> None:
    with pytest.raises(LossNotFinite, match="step 4") as refusal:
        fit(Poisoned(recipe()), ACDC, EXAMPLES, [], run_in(tmp_path))
    assert refusal.value.path == tmp_path and "cross_entropy=" in refusal.value.found
    held = load_state(tmp_path, {"run": "test"})
    assert held is not None and held.step == 2
    assert all(torch.isfinite(value).all() for value in held.net.values())
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3]


def test_weights_that_are_no_numbers_are_never_saved(tmp_path: Path) -> None:
    """The loss of step 4 is finite, its gradient is not, and a state is due right after it."""
    with pytest.raises(LossNotFinite, match="finite weights"):
        fit(Poisoned(recipe(), only_gradient=True), ACDC, EXAMPLES, [], run_in(tmp_path))
    held = load_state(tmp_path, {"run": "test"})
    assert held is not None and held.step == 2


def test_a_validation_loss_that_is_no_number_is_not_taken_for_the_best(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Blind(TinyStage):
        def loss(self, net: torch.nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
            held = super().loss(net, batch, generator)
            return Loss(held.total * float("nan"), held.terms) if "worst" in batch.cases and not net.training else held

    last = [replace(sample, place=replace(sample.place, case="worst" if at else "first")) for at, sample in
            enumerate(VALIDATION)]  # fmt: skip
    with pytest.raises(LossNotFinite, match=r"(?s)validation.*after step 3; in the batch: .*worst"):
        fit(Blind(recipe(validate_every=3)), ACDC, EXAMPLES, last, run_in(tmp_path))


def scripted(monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    said = iter(losses)
    monkeypatch.setattr(loop, "validate", lambda *all: {"loss": next(said)})


def test_training_ends_early_after_patience_validations_without_gain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = TinyStage(recipe(steps=50, validate_every=1, patience=3))
    scripted(monkeypatch, [5.0, 4.0, 4.5, 4.0, 4.2])
    state = fit(stage, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path))
    assert (state.step, state.best_loss) == (5, 4.0)  # the best is the second; three more did not beat it
    again = fit(stage, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path))
    assert same_state(state, again)  # asked again, it takes no further step


@pytest.mark.parametrize(("keep", "at"), [("best", 2), ("last", 4)])
def test_the_best_or_the_last_weights_are_the_result(
    keep: str, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = TinyStage(recipe(steps=4, validate_every=1, keep=keep))
    scripted(monkeypatch, [3.0, 1.0, 2.0, 2.5])
    weights = result_weights(fit(stage, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path)), stage.fit)
    monkeypatch.undo()
    shorter = fit(TinyStage(recipe(steps=4)), ACDC, EXAMPLES, [], replace(run_in(tmp_path / "b"), stop=stop_at(at)))
    assert all(torch.equal(weights[name], value) for name, value in shorter.net.items())


def test_the_average_is_what_is_validated_and_kept(tmp_path: Path) -> None:
    stage = TinyStage(recipe(steps=3, validate_every=3, average_decay=0.5, keep="best"), dropout=0.0)
    state = fit(stage, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path))
    weights = result_weights(state, stage.fit)
    assert all(torch.equal(weights[name], value) for name, value in state.average.items())
    assert not torch.equal(weights["first.weight"], state.net["first.weight"])
    net = stage.build(ACDC)
    net.load_state_dict(weights)
    assert validate(stage, net, VALIDATION, CPU)["loss"] == pytest.approx(state.validation_losses[-1], rel=1e-6)


def test_the_average_of_two_steps_by_hand(tmp_path: Path) -> None:
    stage = TinyStage(recipe(steps=2, average_decay=0.999, keep="last"))
    start = fit(replace(stage, fit=recipe(steps=0)), ACDC, EXAMPLES, [], run_in(tmp_path / "0")).net
    one = fit(stage, ACDC, EXAMPLES, [], replace(run_in(tmp_path / "1"), stop=stop_at(1))).net
    two = fit(stage, ACDC, EXAMPLES, [], run_in(tmp_path / "2"))
    name = "last.weight"
    # decay in the first steps is (1 + step) / (10 + step): 1/10, then 2/11
    expected = 2 / 11 * (0.1 * start[name] + 0.9 * one[name]) + 9 / 11 * two.net[name]
    torch.testing.assert_close(two.average[name], expected)


def test_validation_is_a_mean_over_samples_and_changes_nothing(tmp_path: Path) -> None:
    stage = TinyStage(recipe(batch=3))
    net = stage.build(ACDC).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    terms = validate(stage, net, VALIDATION, CPU)  # batches of 3 and 1
    one, other = (
        stage.loss(net.eval(), loop.collate(part), torch.Generator()) for part in (VALIDATION[:3], VALIDATION[3:])
    )
    assert terms["loss"] == pytest.approx((3 * one.total.item() + other.total.item()) / 4, rel=1e-6)
    assert terms["loss"] == pytest.approx(terms["dice"] + terms["cross_entropy"], rel=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_given_weights_are_where_training_starts(tmp_path: Path) -> None:
    stage = TinyStage(recipe(steps=1, learning_rate=0.0))
    torch.manual_seed(99)
    given = {name: value.clone() for name, value in stage.build(ACDC).state_dict().items()}
    state = fit(stage, ACDC, EXAMPLES, [], run_in(tmp_path), initial=given)
    assert all(torch.equal(state.net[name], given[name]) for name in ("first.weight", "last.bias"))


def test_a_recipe_of_no_steps_gives_the_weights_it_starts_from(tmp_path: Path) -> None:
    stage = TinyStage(recipe(steps=0))
    state = fit(stage, ACDC, EXAMPLES, [], run_in(tmp_path))
    assert set(result_weights(state, stage.fit)) == set(stage.build(ACDC).state_dict())


def test_training_learns_what_is_there_to_learn(tmp_path: Path) -> None:
    stage = TinyStage(recipe(steps=60, learning_rate=0.05), dropout=0.0)
    losses: list[float] = []
    run = FitRun(tmp_path, CPU, {}, workers=0, report=lambda step, steps, loss: losses.append(loss))
    fit(stage, ACDC, EXAMPLES, [], run)
    assert losses[-1] < 0.6 * losses[0] and len(losses) == 60


def test_gradients_are_clipped_to_the_norm_asked_for(tmp_path: Path) -> None:
    start = fit(TinyStage(recipe(steps=0)), ACDC, EXAMPLES, [], run_in(tmp_path / "0")).net
    stage = TinyStage(recipe(steps=1, optimiser="sgd", learning_rate=1.0, clip_norm=0.01))
    after = fit(stage, ACDC, EXAMPLES, [], run_in(tmp_path / "1")).net
    moved = sum(
        float((after[n] - start[n]).square().sum()) for n in start if not n.startswith(("norm.run", "norm.num"))
    )
    assert moved**0.5 == pytest.approx(0.01, rel=1e-3)


def test_more_processes_than_samples_in_a_batch_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "rank_and_world", lambda: (4, 5))
    with pytest.raises(BadConfiguration, match="5 processes"):
        fit(TinyStage(recipe()), ACDC, EXAMPLES, [], run_in(tmp_path))


@dataclass(frozen=True)
class Exhausting(TinyStage):
    """Runs out of memory at step 4, in the way given."""

    problem: Exception = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand more")
    in_validation: bool = False

    def loss(self, net: torch.nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        if not net.training if self.in_validation else generator.initial_seed() == loop.step_seed(0, 3, 0):
            raise self.problem
        return super().loss(net, batch, generator)


NAMED = [replace(sample, place=replace(sample.place, case=f"p{at}")) for at, sample in enumerate(EXAMPLES)]
HELD_OUT = [replace(sample, place=replace(sample.place, case="held-out")) for sample in VALIDATION]


@pytest.mark.parametrize(
    "problem",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ],
)
def test_memory_that_runs_out_names_the_cases_and_keeps_the_last_state(problem: Exception, tmp_path: Path) -> None:
    with pytest.raises(MemoryExhausted, match=r"step 4 on cpu; in the batch: p\d, p\d, p\d, p\d") as refusal:
        fit(Exhausting(recipe(), problem=problem), ACDC, NAMED, [], run_in(tmp_path))
    assert "smaller `batch`" in refusal.value.way_out and "\n" not in refusal.value.found
    held = load_state(tmp_path, {"run": "test"})
    assert held is not None and held.step == 2
    assert same_state(
        fit(TinyStage(recipe()), ACDC, NAMED, [], run_in(tmp_path)),
        fit(TinyStage(recipe()), ACDC, NAMED, [], run_in(tmp_path / "whole")),
    )


def test_memory_that_runs_out_in_validation_is_named_too(tmp_path: Path) -> None:
    with pytest.raises(MemoryExhausted, match="validation on cpu; in the batch: held-out"):
        fit(Exhausting(recipe(validate_every=3), in_validation=True), ACDC, NAMED, HELD_OUT, run_in(tmp_path))


def test_another_fault_in_a_step_is_not_taken_for_memory(tmp_path: Path) -> None:
    stage = Exhausting(recipe(), problem=RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="mat1"):
        fit(stage, ACDC, NAMED, [], run_in(tmp_path))


LATE = indices_of_step(len(EXAMPLES), 4, 2, 0)[0]  # of those of which an epoch of ten has none before its third step


@dataclass(frozen=True)
class Awkward(TinyStage):
    """Cannot vary one case."""

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        if sample.place.case == f"p{LATE}":
            raise ValueError("no such thing")
        return super().augment(sample, rng)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_that_cannot_be_prepared_names_the_case_and_loses_no_step(workers: int, tmp_path: Path) -> None:
    run = replace(run_in(tmp_path), workers=workers, save_every=100)
    with pytest.raises(WorkerFailed, match=f"case p{LATE}:"):
        fit(Awkward(recipe()), ACDC, NAMED, [], run)
    held = load_state(tmp_path, {"run": "test"})
    assert held is not None and held.step == 2
    assert same_state(
        fit(TinyStage(recipe()), ACDC, NAMED, [], run),  # the case was mended
        fit(TinyStage(recipe()), ACDC, NAMED, [], run_in(tmp_path / "whole")),
    )


def test_a_held_out_case_that_cannot_be_prepared_is_named_too(tmp_path: Path) -> None:
    with pytest.raises(WorkerFailed, match=f"step 1, case p{LATE}: no such thing"):
        fit(Awkward(recipe(validate_every=1)), ACDC, EXAMPLES, [NAMED[LATE]], run_in(tmp_path))


@pytest.mark.parametrize("cut", [2, 4, 9])  # the last is the validation of the end
def test_a_stop_during_validation_does_not_wait_for_it_and_it_is_made_up_for(
    cut: int, tmp_path: Path, uninterrupted: tuple[State, Path]
) -> None:
    seen: list[int] = []
    hurry = replace(run_in(tmp_path), report=lambda done, steps, loss: seen.append(done), hurry=lambda: seen[-1] == cut)
    stopped = fit(FULL, ACDC, EXAMPLES, VALIDATION, hurry)
    assert stopped.step == cut and len(stopped.validation_losses) == (cut + 1) // 2 - 1
    assert not is_whole(stopped, FULL.fit, VALIDATION)
    resumed = fit(FULL, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path))
    assert same_state(resumed, uninterrupted[0])
    assert lines(tmp_path) == lines(uninterrupted[1])


@pytest.mark.parametrize("until", [1, 4, 9, 20])
def test_a_run_asked_to_go_so_far_goes_no_further_even_when_asked_again(
    until: int, tmp_path: Path, uninterrupted: tuple[State, Path]
) -> None:
    part = replace(run_in(tmp_path), until=until)
    assert fit(FULL, ACDC, EXAMPLES, VALIDATION, part).step == min(until, 9)
    assert fit(FULL, ACDC, EXAMPLES, VALIDATION, part).step == min(until, 9)
    assert same_state(fit(FULL, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path)), uninterrupted[0])


def test_a_state_of_another_network_is_refused_and_not_a_fault(tmp_path: Path) -> None:
    fit(TinyStage(recipe(steps=2)), ACDC, EXAMPLES, [], run_in(tmp_path))
    with pytest.raises(CannotResume, match="version"):
        fit(TinyStage(recipe(steps=2), norm=False), ACDC, EXAMPLES, [], run_in(tmp_path))
