"""A loss may name the term that validation follows: the best weights, the plateau and early stopping go by it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from shortaxis.core.labels import ACDC
from shortaxis.core.method import Loss
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch
from shortaxis.train.loop import fit, result_weights, validate
from shortaxis.train.record import read_record
from tests.train.runs import CPU, EXAMPLES, VALIDATION, run_in
from tests.train.tiny import TinyStage


@dataclass(frozen=True)
class Told(TinyStage):
    """Trains as `TinyStage`; in validation its term `told` is the next of a list, and its total falls by one each time."""

    values: list[float] = field(default_factory=list)
    watched: str = "told"

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        if net.training:
            return super().loss(net, batch, generator)
        told = torch.tensor(self.values.pop(0))
        return Loss(torch.tensor(float(len(self.values))), {"told": told}, watched=self.watched)


def recipe(**changes: object) -> FitRecipe:
    plain = {"steps": 4, "batch": 4, "learning_rate": 0.02, "validate_every": 1, "keep": "best"}
    return FitRecipe.model_validate({**plain, **changes})


def test_the_best_weights_are_those_of_the_lowest_watched_term(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    state = fit(Told(recipe(), values=[3.0, 1.0, 2.0, 1.5]), ACDC, EXAMPLES, VALIDATION, run)
    assert state.validation_losses == [3.0, 1.0, 2.0, 1.5] and state.best_loss == 1.0
    two = fit(TinyStage(recipe(steps=2, keep="last")), ACDC, EXAMPLES, [], replace(run, folder=tmp_path / "two"))
    for name, value in result_weights(state, recipe()).items():
        assert torch.equal(value, two.net[name])  # those after the second step


def test_without_a_watched_term_the_whole_loss_is_followed(tmp_path: Path) -> None:
    stage = Told(recipe(), values=[3.0, 1.0, 2.0, 1.5], watched="loss")
    assert fit(stage, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path)).validation_losses == [3.0, 2.0, 1.0, 0.0]


def test_the_plateau_goes_by_the_watched_term(tmp_path: Path) -> None:
    plateau = recipe(schedule="plateau", plateau_patience=0, plateau_factor=0.5)
    fit(Told(plateau, values=[1.0, 2.0, 0.5, 0.4]), ACDC, EXAMPLES, VALIDATION, run_in(tmp_path))
    rates = [line["learning_rate"] for line in read_record(tmp_path / "record.jsonl") if "loss" in line]
    assert rates == pytest.approx([0.02, 0.02, 0.01, 0.01])  # halved once, after 2.0, though the total always fell


def test_patience_goes_by_the_watched_term(tmp_path: Path) -> None:
    stage = Told(recipe(steps=9, patience=2), values=[1.0, 2.0, 3.0, 0.0])
    assert fit(stage, ACDC, EXAMPLES, VALIDATION, run_in(tmp_path)).step == 3


def test_the_record_names_the_term_and_repeats_it_as_watched() -> None:
    stage = Told(recipe(), values=[0.25])
    assert validate(stage, stage.build(ACDC), VALIDATION, CPU) == {"loss": 0.0, "told": 0.25, "watched": 0.25}
