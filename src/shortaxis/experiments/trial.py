"""The first steps of a recipe, as many as there is time for, and what the whole of it would take."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from shortaxis.core.compute import Compute
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.core.study import Study
from shortaxis.experiments.compare.cost import high_water_mib, step_seconds
from shortaxis.jobs.train_stage import RECORD
from shortaxis.read.phantom import PhantomRecipe, make_phantom
from shortaxis.train.folds import Fold
from shortaxis.train.loop import FitRun
from shortaxis.train.record import read_record
from shortaxis.train.run import TrainingCase, fit_stage

COUNTED_FIRST = 2  # steps after which the number of examples, and so an epoch's length, is known


@dataclass(frozen=True)
class Trial:
    """What the first steps of a stage's recipe showed; its settings are those of the recipe, which goes on from there.

    Attributes:
        steps_done: of the recipe's `steps`, in this run and those it went on from.
        steps, batch, validate_every: the recipe's.
        examples: samples in the training part of the fold.
        first_loss, last_loss: of the steps recorded.
        per_step: median seconds of a step; None before there are two.
        per_validation: median seconds of a validation; None before there is one.
        peak_mib: highest memory of the process so far, on a GPU the GPU's; None where the system does not tell.
    """

    steps_done: int
    steps: int
    batch: int
    validate_every: int
    examples: int
    first_loss: float
    last_loss: float
    per_step: float | None
    per_validation: float | None
    peak_mib: float | None

    @property
    def steps_per_epoch(self) -> int:
        """Steps it takes to see every example once."""
        return math.ceil(self.examples / self.batch)

    @property
    def epochs(self) -> float:
        """Epochs of the whole recipe on these data."""
        return self.steps * self.batch / self.examples

    @property
    def projected_hours(self) -> float | None:
        """The whole recipe on this machine, with its validations where one was seen; None without a measured step."""
        if self.per_step is None:
            return None
        validations = self.steps // self.validate_every
        return (self.steps * self.per_step + validations * (self.per_validation or 0.0)) / 3600


def try_stage(
    stage: Stage,
    scheme: LabelScheme,
    cases: Sequence[TrainingCase],
    fold: Fold,
    folder: Path,
    compute: Compute,
    steps: int | None = None,
    epochs: float | None = None,
) -> Trial:
    """Go on with a stage's recipe from what `folder` holds, until it has `steps` steps or `epochs` epochs behind it.

    The recipe is untouched: the same folder can be gone on with later, up to its end.

    Raises what `train.run.fit_stage` raises.
    """
    wanted = steps if steps is not None else COUNTED_FIRST
    examples = _up_to(wanted, stage, scheme, cases, fold, folder, compute)
    if epochs is not None:
        wanted = math.ceil(epochs * math.ceil(examples / stage.fit.batch))
        _up_to(wanted, stage, scheme, cases, fold, folder, compute)
    record = read_record(folder / RECORD)
    losses = [line for line in record if "loss" in line]
    return Trial(
        steps_done=losses[-1]["step"],
        steps=stage.fit.steps,
        batch=stage.fit.batch,
        validate_every=stage.fit.validate_every,
        examples=examples,
        first_loss=losses[0]["loss"],
        last_loss=losses[-1]["loss"],
        per_step=step_seconds(record),
        per_validation=validation_seconds(record),
        peak_mib=_peak_mib(compute),
    )


def validation_seconds(record: Sequence[Mapping[str, Any]]) -> float | None:
    """The median time from a step's line to the validation's after it; None where there is no such pair."""
    gaps = [
        float(line["seconds"]) - float(before["seconds"])
        for before, line in pairwise(record)
        if "validation" in line and "loss" in before and line["seconds"] >= before["seconds"]
    ]
    return statistics.median(gaps) if gaps else None


def phantom_cases(count: int, recipe: PhantomRecipe) -> list[TrainingCase]:
    """Phantoms of different ejection fractions as labelled cases, for trials where there are no patients."""
    share = 30.0 / max(count - 1, 1)  # other seeds too: an end-diastole does not depend on the ejection fraction
    ways = [replace(recipe, ef_percent=35.0 + share * index, seed=recipe.seed + index) for index in range(count)]
    return [TrainingCase(f"phantom-{i}", f"phantom-{i}", partial(_phantom, way)) for i, way in enumerate(ways)]


def _phantom(recipe: PhantomRecipe) -> Study:
    return make_phantom(recipe).study


def _up_to(
    wanted: int,
    stage: Stage,
    scheme: LabelScheme,
    cases: Sequence[TrainingCase],
    fold: Fold,
    folder: Path,
    compute: Compute,
) -> int:
    """Train until `wanted` steps are done; how many examples there are."""
    reached: list[int] = [0]

    def report(step: int, steps: int, loss: float) -> None:
        reached[0] = step

    run = FitRun(folder, compute, {}, stop=lambda: reached[0] >= wanted, report=report)
    return fit_stage(stage, scheme, cases, fold, run).examples


def _peak_mib(compute: Compute) -> float | None:
    if compute.device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    return high_water_mib()
