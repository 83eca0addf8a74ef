"""Every method's every stage goes on from a kill as if nothing had happened, to the last bit on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from shortaxis.core.labels import ACDC
from shortaxis.core.method import Stage
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Sample
from shortaxis.methods import method_named, method_names
from shortaxis.train.loop import FitRun, fit
from shortaxis.train.state import State, load_state
from tests.contract.test_methods import CASES, CPU
from tests.lookalike.ring_study import ring_study

# Six examples in batches of four: step 2 lies across two epochs, and the cut after it in the midst of the second.
FIT = FitRecipe(
    steps=4, batch=4, learning_rate=1e-2, validate_every=3, schedule="plateau", plateau_patience=0, average_decay=0.9
)
CUT, SAVED = 3, 2
QUICK = (
    "unet",
    "halsrnet-locate",
    "foanet-segment",
    "uncertainty-unet",
)  # dropout, several passes, two stages; seconds
EXAMPLES = 6


class Killed(BaseException):
    """Ends a run at once, as SIGKILL does: nothing of ours catches it, so that nothing more is saved."""


def dies_at(step: int) -> Callable[[int, int, float], None]:
    def report(done: int, steps: int, loss: float) -> None:
        if done == step:
            raise Killed

    return report


def samples_of(stage: Stage) -> tuple[list[Sample], list[Sample]]:
    examples = [sample for seed in (0, 1, 2) for sample in stage.examples(ring_study(seed=seed), ACDC, None)]
    return examples[:EXAMPLES], examples[:2]


def same(one: State, other: State) -> bool:
    return (one.step, one.validation_losses, one.best_loss) == (
        other.step,
        other.validation_losses,
        other.best_loss,
    ) and all(
        set(getattr(one, group)) == set(getattr(other, group))
        and all(torch.equal(value, getattr(other, group)[name]) for name, value in getattr(one, group).items())
        for group in ("net", "optimiser", "average", "best")
    )


def with_fit(stage: Stage) -> Stage:
    return replace(stage, fit=FIT)  # pyright: ignore[reportArgumentType] - stages are dataclasses


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_a_stage_killed_in_mid_epoch_resumes_bit_for_bit_with_other_workers(name: str, tmp_path: Path) -> None:
    stage = with_fit(CASES[name].stage)
    examples, validation = samples_of(stage)
    whole = fit(stage, ACDC, examples, validation, FitRun(tmp_path / "whole", CPU, {}, workers=0))
    run = FitRun(tmp_path / "cut", CPU, {}, save_every=SAVED, workers=2)
    with pytest.raises(Killed):
        fit(stage, ACDC, examples, validation, replace(run, report=dies_at(CUT)))
    held = load_state(tmp_path / "cut", {})
    assert held is not None and held.step == SAVED
    assert same(fit(stage, ACDC, examples, validation, run), whole)


def kind_of(stage: Stage) -> tuple[str, Any]:
    """What makes it another network to train: its class, and for a baseline which network it wraps."""
    return type(stage).__name__, getattr(getattr(stage, "network", None), "build", None)


@dataclass(frozen=True)
class Named:
    method: str
    stage: Stage


def every_stage() -> list[Named]:
    """The stages of every method's two recipes."""
    methods = [method_named(name) for name in method_names()]
    return [Named(m.name, stage) for m in methods for recipe in m.recipes.values() for stage in m.stages(recipe)]


def test_the_stages_above_are_those_of_every_method() -> None:
    tried = {kind_of(case.stage) for case in CASES.values()}
    missing = {(named.method, kind_of(named.stage)) for named in every_stage() if kind_of(named.stage) not in tried}
    assert missing == set()
