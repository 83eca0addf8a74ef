"""`shortaxis split-effect`: the same slices split by patient and at random by slice, all else the same."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shortaxis.cli.main import status_of
from shortaxis.core.errors import BadConfiguration, BadWeights, CannotResume, LabelsMissing, LeakingSplit, OutputExists
from shortaxis.core.labels import ACDC, Labels
from shortaxis.experiments.compare import quick
from shortaxis.experiments.compare.folds import made_folds
from shortaxis.experiments.compare.patients import phantom_cases
from shortaxis.experiments.compare.plan import Budget, Entry, Plan
from shortaxis.experiments.compare.quick import quickened
from shortaxis.experiments.split_effect import run as experiment
from shortaxis.experiments.split_effect.run import both_arms, split_effect
from shortaxis.experiments.split_effect.slice_split import (
    Arm,
    SliceKey,
    arm_by_patient,
    arm_by_slice,
    drawn_slices,
    restricted,
)
from shortaxis.experiments.split_effect.tables import publish_split, same_slices_table, split_tables
from shortaxis.experiments.statistics import Interval, clustered_interval, separate_difference
from shortaxis.files.bundle import load_bundle, save_bundle
from shortaxis.files.tensors import load_tensors
from shortaxis.jobs.train_method import trained_bundle
from shortaxis.methods.baselines.unet import METHOD
from shortaxis.train.folds import Fold
from shortaxis.train.record import read_record
from tests.lookalike.ring_study import ring_study

SLICES = [SliceKey(who, who, frame, index) for who in "abcd" for frame in (0, 1) for index in range(5)]
FOLD = Fold(("a", "b", "c"), ("d",))


# --- the two splits ---------------------------------------------------------------------------------------------------
def test_by_patient_no_patient_stands_on_both_sides() -> None:
    arm = arm_by_patient(SLICES, FOLD)
    assert {key.patient for key in arm.train} == {"a", "b", "c"} and {key.patient for key in arm.held_out} == {"d"}
    assert arm.held_out_of_known_patients == 0


def test_by_slice_as_many_of_the_same_slices_are_held_out_whoever_they_are_of() -> None:
    by_patient = arm_by_patient(SLICES, FOLD)
    arm = arm_by_slice(by_patient, seed=0)
    assert len(arm.held_out) == 10 and len(arm.train) == 30 and not arm.held_out & arm.train
    assert arm.held_out | arm.train == set(SLICES)
    assert len({key.patient for key in arm.held_out}) > 1
    assert arm.held_out_of_known_patients == 10
    assert arm_by_slice(by_patient, seed=0) == arm and arm_by_slice(by_patient, seed=1) != arm


def test_by_slice_every_slice_is_as_likely_as_any_other_to_be_held_out() -> None:
    by_patient = arm_by_patient(SLICES, FOLD)
    times = dict.fromkeys(SLICES, 0)
    for seed in range(400):
        for key in arm_by_slice(by_patient, seed).held_out:
            times[key] += 1
    assert min(times.values()) > 60 and max(times.values()) < 145  # 100 expected, standard deviation 9


def test_only_slices_on_which_everything_was_drawn_count() -> None:
    study = ring_study(name="a", n_frames=2, slices=3)
    assert study.labels is not None
    annotated = study.labels.annotated.copy()
    annotated[1, 2, 0] = False
    partly = replace(study, labels=Labels(study.labels.array, ACDC, annotated))
    assert drawn_slices(partly, "p") == [SliceKey("p", "a", f, i) for f in (0, 1) for i in range(3) if (f, i) != (1, 2)]


def test_a_scan_under_two_names_is_refused_since_the_split_by_patient_would_be_none() -> None:
    cases = phantom_cases(2)
    twin = [replace(cases[0], name="twin", patient="twin", read=cases[0].read), cases[0]]
    with pytest.raises(LeakingSplit, match="twin"):
        both_arms(twin, Fold(("twin",), (cases[0].patient,)))
    first, second = both_arms(cases, Fold((cases[0].patient,), (cases[1].patient,)))
    assert len(first.train) == len(second.train) == 12


def test_a_restricted_study_has_its_whole_image_and_of_the_labels_the_named_slices_alone() -> None:
    study = ring_study(name="a", n_frames=2, slices=3)
    part = restricted(study, [SliceKey("p", "a", 1, 0), SliceKey("q", "b", 0, 1)])
    assert part is not None and part.labels is not None and study.labels is not None
    assert part.image is study.image
    assert list(map(tuple, np.argwhere(part.labels.annotated.all(axis=2)))) == [(1, 0)]
    np.testing.assert_array_equal(part.labels.array[1, 0], study.labels.array[1, 0])
    assert part.labels.array.sum() == study.labels.array[1, 0].sum()
    assert restricted(study, [SliceKey("q", "b", 0, 1)]) is None
    with pytest.raises(LabelsMissing):
        restricted(replace(study, labels=None), SLICES)


# --- intervals over patients with all their slices --------------------------------------------------------------------
def test_the_mean_is_over_slices_and_the_interval_over_patients() -> None:
    found = clustered_interval({"a": [0.0, 0.0, 0.0], "b": [1.0], "none": []})
    assert (found.n, found.mean, found.low, found.high) == (2, 0.25, 0.0, 1.0)  # a twice, or b twice, in 2.5 % and more
    one = clustered_interval({"a": [1.0, 0.0]})
    assert (one.n, one.mean, one.low, one.high) == (1, 0.5, None, None) and one.reason
    assert clustered_interval({}).mean is None


def test_twenty_alike_slices_of_a_patient_do_not_narrow_the_interval() -> None:
    one = clustered_interval({str(number): [float(number)] for number in range(6)})
    many = clustered_interval({str(number): [float(number)] * 20 for number in range(6)})
    assert many == one


def test_unlike_slices_are_compared_with_each_sides_patients_drawn_apart() -> None:
    found = separate_difference({"a": [3.0], "b": [3.0, 3.0]}, {"c": [1.0], "d": [1.0]})
    assert (found.n, found.mean, found.low, found.high) == (2, 2.0, 2.0, 2.0)
    assert separate_difference({"a": [3.0]}, {}).mean is None


# --- the tables -------------------------------------------------------------------------------------------------------
def row(case: str, slice_number: int, dice: float | None, hd_mm: float | None = None) -> dict:
    place = {"patient": case, "case": case, "frame_index": 0, "slice_number": slice_number, "structure": "lv_cavity"}
    return {**place, "dice": dice, "hd_mm": hd_mm, "hd_px": None, "assd_mm": None, "outcome": "both"}


SIZES = dict.fromkeys(
    ("n_train", "n_held_out", "n_train_patients", "n_held_out_patients", "n_held_out_of_known_patients"), 0
)
HAND = {
    "by patient": {
        **SIZES,
        "slices": [row("d", 1, 0.6), row("d", 2, 0.9), row("d", 3, 0.0)],
        "stacks": [],
        "stages": [],
    },
    "by slice": {**SIZES, "slices": [row("a", 1, 1.0), row("d", 1, 0.8), row("d", 2, 1.0)], "stacks": [], "stages": []},
}


def test_the_same_slices_are_those_held_out_by_both_splits() -> None:
    line = same_slices_table(HAND).rows[0]
    assert (line["measure"], line["structure"], line["n slices"], line["n patients"]) == ("DSC", "LV", 2, 1)
    cells = [line[name] for name in ("split by patient", "split by slice", "difference")]
    means = [cell.mean for cell in cells if isinstance(cell, Interval)]
    assert means == pytest.approx([0.75, 0.9, 0.15])
    assert line["error explained %"] == pytest.approx(60.0)  # 0.15 of the 0.25 that lack


def test_a_slice_without_the_measure_under_one_split_is_left_out_of_both() -> None:
    arms = {**HAND, "by slice": {**HAND["by slice"], "slices": [row("d", 1, 0.8), row("d", 2, None)]}}
    assert same_slices_table(arms).rows[0]["n slices"] == 1


def test_each_splits_own_slices_are_what_a_paper_with_it_would_print() -> None:
    line = split_tables(HAND)[1].rows[0]
    assert (line["n slices, by patient"], line["n slices, by slice"]) == (3, 3)
    assert isinstance(line["difference"], Interval) and line["difference"].mean == pytest.approx(2.8 / 3 - 0.5)


def test_with_one_arm_there_is_no_difference_yet() -> None:
    assert [table.name for table in split_tables({"by patient": HAND["by patient"]})] == ["arms"]


# --- the experiment on phantoms ---------------------------------------------------------------------------------------
@pytest.fixture(scope="module", autouse=True)
def budget() -> Iterator[None]:
    """`--quick` in a tenth of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick, "BUDGET", Budget(steps=8, slices=4, locator_steps=6))
        yield


def plan_of(out: Path, method: str = "unet", **changes: object) -> Plan:
    return replace(quickened(Plan((Entry(method, method),), Path(), "phantom", out, device="cpu")), **changes)


def shown(*words: object) -> tuple[int, str]:
    out, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        status = status_of(["split-effect", *map(str, words)])
    return status, out.getvalue() + told.getvalue()


@pytest.fixture(scope="module")
def done(budget: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    del budget
    out = tmp_path_factory.mktemp("split")
    status, told = shown("unet", "--quick", "--device", "cpu", "--out", out)
    assert status == 0, told
    assert "DSC LV: by patient" in told
    return out


def scores(out: Path, arm: str) -> dict:
    return json.loads((out / arm / "scores.json").read_text("utf-8"))


def test_both_arms_train_on_as_many_slices_for_as_many_steps(done: Path) -> None:
    first, second = scores(done, "by-patient"), scores(done, "by-slice")
    assert first["n_train"] == second["n_train"] == 3 * 2 * 6 and first["n_held_out"] == second["n_held_out"] == 36
    assert first["n_held_out_of_known_patients"] == 0 and second["n_held_out_of_known_patients"] > 30
    for scored in (first, second):
        assert [stage["examples"] for stage in scored["stages"]][-1] == 36
    steps = [max(line["step"] for line in read_record(path)) for path in sorted(done.glob("by-*/*/record.jsonl"))]
    assert steps == [6, 8, 6, 8]


def test_every_held_out_slice_is_scored_and_no_other(done: Path) -> None:
    split = json.loads((done / "split.json").read_text("utf-8"))["arms"]
    for arm in ("by patient", "by slice"):
        rows = scores(done, arm.replace(" ", "-"))["slices"]
        found = {(r["case"], r["frame_index"], r["slice_number"] - 1) for r in rows}
        assert found == {(case, frame, index) for _, case, frame, index in split[arm]["held_out"]}
        assert len(rows) == 3 * len(found)  # structures


def test_a_stack_is_scored_whole_where_it_was_held_out_whole(done: Path) -> None:
    assert len(scores(done, "by-patient")["stacks"]) == 3 * 2 * 3  # patients, phases, structures
    assert scores(done, "by-slice")["stacks"] == []


def test_the_tables_and_the_page_are_written_and_no_model(done: Path) -> None:
    assert {path.stem for path in (done / "tables").glob("*.csv")} == {"same_slices", "own_slices", "stacks", "arms"}
    assert "refused everywhere else" in (done / "index.html").read_text("utf-8")
    with (done / "tables" / "same_slices.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["structure"] for line in lines} == {"LV", "RV", "MYO", "all"}
    assert all(float(line["difference low"]) <= float(line["difference"]) <= float(line["difference high"])
               for line in lines if line["difference low"])  # fmt: skip
    assert not list(done.rglob("model.safetensors"))


def test_a_finished_experiment_does_nothing_again_and_another_one_is_refused(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "fit", lambda *_: pytest.fail("trained again"))
    assert split_effect(plan_of(done))
    before = (done / "tables.md").read_text("utf-8")
    publish_split(plan_of(done))
    assert (done / "tables.md").read_text("utf-8") == before
    with pytest.raises(CannotResume):
        split_effect(plan_of(done, "halsrnet"))
    (tmp_path / "index.html").write_text("somebody's")
    with pytest.raises(OutputExists):
        split_effect(plan_of(tmp_path))


def test_a_stopped_experiment_goes_on_to_the_same_weights(done: Path, tmp_path: Path) -> None:
    def report(what: str, step: int, steps: int, loss: float) -> None:
        if "segment" in what and step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    assert not split_effect(plan_of(tmp_path), report=report)
    assert not (tmp_path / "by-patient" / "scores.json").exists()
    assert "Not finished" in publish_split(plan_of(tmp_path)).read_text("utf-8")
    shutil.copytree(done / "by-slice", tmp_path / "by-slice")  # the other arm need not be trained for this
    assert split_effect(plan_of(tmp_path))
    again, once = (load_tensors(out / "by-patient" / "segment" / "weights.safetensors") for out in (tmp_path, done))
    assert all((again[name] == value).all() for name, value in once.items())


@pytest.fixture
def model(done: Path, tmp_path: Path) -> Path:
    """A model of fold 0's patients, as `train` would write it."""
    plan, cases = plan_of(done), phantom_cases()
    member = {name: load_tensors(done / "by-patient" / name / "weights.safetensors") for name in ("locate", "segment")}
    recipe = METHOD.recipes["tuned"].overlaid(plan.entries[0].changes)
    path = tmp_path / "model.safetensors"
    fold = made_folds(cases, plan.folds)[0]
    save_bundle(path, trained_bundle(METHOD, "tuned", recipe, ACDC, [member], cases, fold))
    return path


def test_both_arms_can_use_one_locator_that_knows_none_of_the_held_out(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    whole = experiment._trained

    def counted(stage, arm: Arm, work, folder: Path):
        trained.append(f"{arm.name}: {stage.name}")
        return whole(stage, arm, work, folder)

    monkeypatch.setattr(experiment, "_trained", counted)
    assert split_effect(plan_of(tmp_path / "out"), model)
    assert trained == ["by patient: segment", "by slice: segment"]
    with pytest.raises(LeakingSplit, match="3 of their scans"):
        split_effect(plan_of(tmp_path / "other", which=1), model)


def test_3d_methods_all_folds_and_strange_locators_are_refused_before_anything_is_trained(
    model: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadConfiguration, match="blocks of 6 slices"):
        split_effect(plan_of(tmp_path / "a", "uncertainty-unet"))
    with pytest.raises(BadConfiguration, match="one fold"):
        split_effect(plan_of(tmp_path / "b", which="all"))
    bare = Entry("unet", "unet", "tuned", {**quickened(plan_of(tmp_path)).entries[0].changes, "locate": None})
    with pytest.raises(BadConfiguration, match="without one"):
        split_effect(plan_of(tmp_path / "c", entries=(bare,)), model)
    one = load_bundle(model)
    save_bundle(tmp_path / "bare.safetensors", replace(one, members=[{"segment": one.members[0]["segment"]}]))
    with pytest.raises(BadWeights, match="without one"):
        split_effect(plan_of(tmp_path / "d"), tmp_path / "bare.safetensors")
    assert not list(tmp_path.rglob("record.jsonl"))


@pytest.mark.parametrize("method", ["halsrnet", "dadu", "foanet"])
def test_other_2d_methods_give_samples_of_the_named_slices_alone(method: str, tmp_path: Path) -> None:
    from shortaxis.core.compute import Compute
    from shortaxis.experiments.compare.contender import contender
    from shortaxis.experiments.compare.pieces import Bench
    from shortaxis.train.run import labelled_samples

    plan, cases = plan_of(tmp_path, method), phantom_cases(1)
    study = replace(cases[0].read(), name="a")
    who = contender(plan.entries[0], plan.budget, study, Bench(tmp_path, cases, ACDC, Compute("cpu", False)))
    wanted = [SliceKey("a", "a", 0, 2), SliceKey("a", "a", 1, 3)]
    part = restricted(study, wanted)
    assert part is not None
    for stage in who.stages:
        places = [sample.place for sample in labelled_samples(stage, ACDC, "a", part)]
        assert [(place.frame, place.slices) for place in places] == [(0, (2,)), (1, (3,))]


def test_without_data_nothing_is_begun(tmp_path: Path) -> None:
    status, told = shown("unet", "--out", tmp_path / "out")
    assert status == 2 and "--data" in told and not (tmp_path / "out").exists()
