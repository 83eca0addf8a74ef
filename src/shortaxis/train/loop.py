"""The training loop: one function from examples to a fitted state, resumable at every step.

Everything random at a step is a function of the recipe's seed and the step's number (`batches.py`), and the learning
rate of the step and the validations so far (`schedule.py`). So a state is weights, the optimiser's moments and a
counter, and a resumed run takes the same steps, bit for bit on a CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadConfiguration, CannotResume, LossNotFinite, MemoryExhausted, ShortaxisError
from shortaxis.core.exhausted import memory_named
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch, Sample, collate
from shortaxis.train.batches import batches_ahead, step_seed, varied
from shortaxis.train.distributed import any_process, of_first_process, rank_and_world, shared
from shortaxis.train.record import Record
from shortaxis.train.schedule import learning_rate
from shortaxis.train.state import State, load_state, optimiser_tensors, restore_optimiser, save_state


@dataclass(frozen=True)
class FitRun:
    """Where and how a stage is fitted, beside its recipe.

    Attributes:
        folder: holds the state and the record.
        compute: device and precision.
        identity: what must be equal on resuming (recipe, cases, scheme).
        save_every: optimiser steps between states.
        workers: threads that prepare batches ahead.
        stop: asked after every step; true saves and returns.
        report: told (step, steps, loss) after every step.
        until: steps at which to stop this time, with the state saved; None: the recipe's.
        hurry: asked between cases that are read and batches that are validated; true leaves off there and then. What was
            left off is made up for on resuming.
    """

    folder: Path
    compute: Compute
    identity: Mapping[str, Any]
    save_every: int = 100
    workers: int = 1
    stop: Callable[[], bool] = lambda: False
    report: Callable[[int, int, float], None] = lambda step, steps, loss: None
    hurry: Callable[[], bool] = lambda: False
    until: int | None = None


class _HurriedAway(Exception):  # noqa: N818 - no error: somebody wants the program to end
    """Validation was left off."""


def fit(
    stage: Stage,
    scheme: LabelScheme,
    examples: Sequence[Sample],
    validation: Sequence[Sample],
    run: FitRun,
    initial: Mapping[str, Tensor] | None = None,
) -> State:
    """Train `stage` on `examples`, resuming from what `run.folder` holds.

    Args:
        stage: the stage with its recipe.
        scheme: the structures the network learns.
        examples: the stage's training samples.
        validation: samples of held-out patients; empty means no validation, and the last state is the result.
        run: where and how.
        initial: weights to start from instead of a random draw.

    Returns:
        The final state; `result_weights` picks what to keep, and `is_whole` says whether nothing of its last step is
        left to do. `state.step < stage.fit.steps` where it was stopped.

    Raises:
        LossNotFinite: the loss became NaN or infinite; the last good state stays on disk.
        MemoryExhausted: the device's memory ran out; the last saved state stays on disk.
        WorkerFailed: a batch could not be prepared; the last whole step is saved.
        CannotResume: the folder holds another run, or one of another version's network.
        DamagedFile: it holds states of which none is whole.
    """
    recipe = stage.fit
    torch.manual_seed(step_seed(recipe.seed, -1, 0) % 2**31)
    net = run.compute.place(stage.build(scheme))
    if initial is not None:
        net.load_state_dict(dict(initial))
    optimiser = build_optimiser(net, recipe)
    state = load_state(run.folder, run.identity) or State()
    _take_up(state, net, optimiser, recipe)
    rank, world = _processes(recipe)
    at = _Fitting(stage, net, shared(net, run.compute.device), optimiser, validation, run, state)
    known = len(state.validation_losses)
    with closing(Record(run.folder / "record.jsonl", state.step, known, active=rank == 0)) as record:
        if not is_whole(state, recipe, validation):  # a stop came before its validation
            whole = _validated(at, record)
            _snapshot(at)
            if not whole:
                return state
        until = min(recipe.steps, run.until or recipe.steps)
        first = until if _out_of_patience(state, recipe) else state.step  # stopped early: nothing is left to do
        batches = batches_ahead(stage, examples, first, until, rank, world, run.workers)
        _go_on(at, _or_saved(batches, at), until, record)
    return state


@dataclass(frozen=True, eq=False)
class _Fitting:
    """What a run works on; `trained` is `net`, shared with other processes where there are any."""

    stage: Stage
    net: nn.Module
    trained: nn.Module
    optimiser: torch.optim.Optimizer
    validation: Sequence[Sample]
    run: FitRun
    state: State


def _go_on(at: _Fitting, batches: Iterable[Batch], until: int, record: Record) -> None:
    """Step after step, from where the state is until `until` or until somebody asks to stop, with the state saved."""
    state, run, recipe = at.state, at.run, at.stage.fit
    for batch in batches:
        loss = _take_step(at, batch)
        state.step += 1
        if recipe.average_decay is not None:
            _average(state.average, at.net, recipe.average_decay, state.step - 1)
        if rank_and_world()[0] == 0:
            run.report(state.step, recipe.steps, loss)
        record.step(state.step, loss, at.optimiser.param_groups[0]["lr"])
        whole = is_whole(state, recipe, at.validation) or _validated(at, record)
        last = state.step == until or not whole
        ends = last or _out_of_patience(state, recipe) or any_process(run.stop(), run.compute.device)
        if ends or state.step % run.save_every == 0:
            _snapshot(at)
        if ends:
            break


def is_whole(state: State, recipe: FitRecipe, validation: Sequence[Sample]) -> bool:
    """Whether the validation that belongs to the state's step was made; a stop may have come before it."""
    past_the_end = state.step == recipe.steps and state.step % recipe.validate_every > 0
    return not validation or len(state.validation_losses) >= state.step // recipe.validate_every + past_the_end


def _or_saved(batches: Iterable[Batch], at: _Fitting) -> Iterator[Batch]:
    """The batches; where one cannot be prepared, the last whole step is saved before that is told."""
    try:
        yield from batches
    except ShortaxisError:
        _snapshot(at)
        raise


def _take_up(state: State, net: nn.Module, optimiser: torch.optim.Optimizer, recipe: FitRecipe) -> None:
    """Bring the network and the optimiser to where the state is; at the very start, the state to where they are."""
    if state.step:
        try:
            net.load_state_dict(state.net)
            restore_optimiser(optimiser, state.optimiser)
        except (RuntimeError, ValueError, KeyError) as problem:  # the same settings build another network
            raise CannotResume(
                "the network that the run began with", str(problem)[:300],
                "resume with the version that began it, or train into another folder",
            ) from problem  # fmt: skip
    else:
        state.net = {name: value.detach().cpu() for name, value in net.state_dict().items()}
    if recipe.average_decay is not None:  # on the network's device and in its memory order, also after a load from disk
        fresh = _floats(net)
        state.average = {name: value.copy_(state.average.get(name, value)) for name, value in fresh.items()}


def _processes(recipe: FitRecipe) -> tuple[int, int]:
    """This process's number and how many there are. Raises BadConfiguration where one would get no sample of a batch."""
    rank, world = rank_and_world()
    if recipe.batch < world:
        raise BadConfiguration(
            f"at least one sample of a batch for each of {world} processes", f"batch = {recipe.batch}",
            "raise `batch`, or start fewer processes",
        )  # fmt: skip
    return rank, world


def _take_step(at: _Fitting, batch: Batch) -> float:
    """One optimiser step; the loss as a number."""
    recipe, step, device = at.stage.fit, at.state.step, at.run.compute.device
    seed = step_seed(recipe.seed, step, rank_and_world()[0])
    torch.manual_seed(seed)
    generator = torch.Generator(device).manual_seed(seed)
    for group in at.optimiser.param_groups:
        group["lr"] = learning_rate(recipe, step, at.state.validation_losses)
    at.trained.train()
    what = f"memory for step {step + 1} on {device}"
    with memory_named(lambda found: MemoryExhausted(f"{what}{_held_in(batch)}", found, _SMALLER)):
        return _stepped(at, batch, generator)


_SMALLER = (
    "the last saved state is kept: free memory and go on with --resume, or begin anew with a smaller `batch` or window"
)


def _held_in(batch: Batch) -> str:
    named = sorted({case for case in batch.cases if case})
    return f"; in the batch: {', '.join(named)}" if named else ""


def _stepped(at: _Fitting, batch: Batch, generator: torch.Generator) -> float:
    """Forward, backward and the optimiser's step; the loss as a number."""
    compute, clip_norm = at.run.compute, at.stage.fit.clip_norm
    batch = _on_device(batch, compute)
    with compute.autocast():
        loss = at.stage.loss(at.trained, batch, generator)
    value = float(loss.total.detach())
    if any_process(not math.isfinite(value), compute.device):
        terms = ", ".join(f"{name}={float(term.detach()):g}" for name, term in loss.terms.items())
        found = f"{value} at step {at.state.step + 1} (terms: {terms}){_held_in(batch)}"
        raise _diverged("a finite loss", found, at.run)
    at.optimiser.zero_grad(set_to_none=True)
    loss.total.backward()
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(at.trained.parameters(), clip_norm)
    at.optimiser.step()
    return value


def _diverged(expected: str, found: str, run: FitRun) -> LossNotFinite:
    return LossNotFinite(
        expected, found, "the last good state is kept: lower `learning_rate`, or set `clip_norm`", run.folder
    )


def build_optimiser(net: nn.Module, recipe: FitRecipe) -> torch.optim.Optimizer:
    """The recipe's optimiser over all of the network's parameters."""
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(
            parameters, recipe.learning_rate, recipe.momentum, 0.0, recipe.weight_decay, recipe.nesterov
        )
    kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    return kind(parameters, recipe.learning_rate, recipe.betas, recipe.epsilon, recipe.weight_decay)


def result_weights(state: State, recipe: FitRecipe) -> dict[str, Tensor]:
    """The weights a finished run stands for: the best validated ones or the last, averaged where the recipe averages."""
    if recipe.keep == "best" and state.best:
        return state.best
    return _with_average(state.net, state.average)


def _on_device(batch: Batch, compute: Compute) -> Batch:
    moved = batch.to(compute.device)
    return replace(moved, image=compute.image(moved.image))


def _floats(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in net.state_dict().items() if value.is_floating_point()}


def _with_average(weights: Mapping[str, Tensor], average: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: average.get(name, value) for name, value in weights.items()}


@torch.no_grad()
def _average(average: dict[str, Tensor], net: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average, shorter in the first steps so that the random start is forgotten."""
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for name, value in net.state_dict().items():
        if name in average:
            average[name].lerp_(value, weight)


def _validated(at: _Fitting, record: Record) -> bool:
    """Validate the weights that would be kept now; note the loss and the best weights in the state.

    False where somebody was in a hurry: then nothing is noted, and resuming validates first. Several processes never
    leave off, for all would have to at the same batch.
    """
    net, state, run = at.net, at.state, at.run
    kept = {name: value.detach().clone() for name, value in net.state_dict().items()}
    net.load_state_dict(_with_average(kept, state.average))
    hurry = run.hurry if rank_and_world()[1] == 1 else (lambda: False)
    broken: list[Batch] = []
    try:
        terms = validate(at.stage, net, at.validation, run.compute, hurry, state.step, broken)
        loss = of_first_process(terms.pop("watched", terms["loss"]), run.compute.device)
        record.validation(state.step, terms)
        if not math.isfinite(loss):
            held = "".join(map(_held_in, broken[:1]))  # none here where another process met it
            raise _diverged("a finite validation loss", f"{loss} after step {state.step}{held}", run)
        state.validation_losses.append(loss)
        if state.best_loss is None or loss < state.best_loss:
            state.best_loss = loss
            state.best = {name: value.detach().clone() for name, value in net.state_dict().items()}
    except _HurriedAway:
        return False
    finally:
        net.load_state_dict(kept)
    return True


@torch.no_grad()
def validate(
    stage: Stage,
    net: nn.Module,
    validation: Sequence[Sample],
    compute: Compute,
    hurry: Callable[[], bool] = lambda: False,
    number: int = 0,
    broken: list[Batch] | None = None,
) -> dict[str, float]:
    """Mean loss and terms over unvaried validation samples, the network in eval mode.

    `watched` repeats the term that is followed where that is not the whole loss. `number` is of the step it follows, for
    refusals; `broken` gets the batches whose loss is no number.
    """
    net.eval()
    sums: dict[str, float] = {}
    for start in range(0, len(validation), stage.fit.batch):
        if hurry():
            raise _HurriedAway
        chosen = [varied(stage, sample, None, number) for sample in validation[start : start + stage.fit.batch]]
        batch = collate(chosen)
        what = f"memory for validation on {compute.device}{_held_in(batch)}"
        with memory_named(lambda found, what=what: MemoryExhausted(what, found, _SMALLER)):
            values = _values(stage, net, batch, compute)
        if broken is not None and not math.isfinite(float(values.get("watched", values["loss"]))):
            broken.append(batch)
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(chosen)
    return {name: value / len(validation) for name, value in sums.items()}


def _values(stage: Stage, net: nn.Module, batch: Batch, compute: Compute) -> dict[str, Tensor]:
    with compute.autocast():
        loss = stage.loss(net, _on_device(batch, compute), torch.Generator(compute.device).manual_seed(0))
    values = {"loss": loss.total, **loss.terms}
    return {**values, "watched": values[loss.watched]} if loss.watched != "loss" else values


def _out_of_patience(state: State, recipe: FitRecipe) -> bool:
    if recipe.patience is None or not state.validation_losses:
        return False
    losses = state.validation_losses
    return len(losses) - 1 - losses.index(min(losses)) >= recipe.patience


def _snapshot(at: _Fitting) -> None:
    """Note the weights in the state; the first process writes it. Raises LossNotFinite rather than keep broken weights."""
    net, state, run = at.net, at.state, at.run
    broken = [name for name, value in net.named_parameters() if not bool(torch.isfinite(value).all())]
    if broken:  # a finite loss may have a gradient that is not
        raise _diverged("finite weights", f"{broken[0]} is not finite after step {state.step}", run)
    state.net = {name: value.detach().cpu() for name, value in net.state_dict().items()}
    state.optimiser = optimiser_tensors(at.optimiser)
    if rank_and_world()[0] == 0:
        save_state(run.folder, state, run.identity)
