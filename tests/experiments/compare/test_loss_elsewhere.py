"""A model's own loss on cases of another data set: as in validation, or a reason why there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shortaxis.core.compute import Compute
from shortaxis.core.labels import LEFT_VENTRICLE, Labels
from shortaxis.core.study import Study
from shortaxis.experiments.compare.loss_elsewhere import loss_of
from shortaxis.experiments.compare.patients import drawn_frames_alone, plan_cases
from shortaxis.experiments.compare.plan import Entry, Plan
from shortaxis.experiments.compare.quick import quickened
from shortaxis.jobs.models import Model, ready_model
from shortaxis.train.run import TrainingCase

CPU = Compute("cpu", False)


def trained(quick: Path, entry: str) -> Model:
    return ready_model(quick / "results" / entry / "fold-0" / "model.safetensors", CPU)


def held_out(quick: Path) -> list[TrainingCase]:
    cases, _ = plan_cases(quickened(Plan((Entry("unet", "unet"),), Path(), "phantom", quick)))
    (first, _) = json.loads((quick / "folds.json").read_text("utf-8"))["folds"]
    return [case for case in cases if case.patient in first["validation"]]


def never() -> bool:
    return False


@pytest.mark.parametrize("entry", ["unet", "uncertainty-unet"])
def test_on_the_held_out_patients_it_is_the_loss_that_the_training_recorded_of_them(quick: Path, entry: str) -> None:
    row = loss_of(trained(quick, entry), held_out(quick), CPU, never, drawn_frames_alone)
    recorded = json.loads((quick / "results" / entry / "fold-0" / "scores.json").read_text("utf-8"))
    assert row is not None and row["why_none"] is None and row["n"] > 0
    assert row["loss"] == pytest.approx(
        recorded["stages"][-1]["validation_loss"], rel=5e-3
    )  # weights are kept in float16


def without_right_ventricle(study: Study) -> Study:
    assert study.labels is not None
    left = (study.labels.array > 1).astype("uint8")
    return replace(drawn_frames_alone(study), labels=Labels.complete(left, LEFT_VENTRICLE))


def test_where_a_structure_was_never_drawn_there_is_none_and_the_reason_names_it(quick: Path) -> None:
    row = loss_of(trained(quick, "unet"), held_out(quick), CPU, never, without_right_ventricle)
    assert row is not None and row["loss"] is None and row["n"] == 0
    assert "lack rv_cavity" in row["why_none"]


def test_a_signal_stops_it_between_two_cases(quick: Path) -> None:
    assert loss_of(trained(quick, "unet"), held_out(quick), CPU, lambda: True, drawn_frames_alone) is None
