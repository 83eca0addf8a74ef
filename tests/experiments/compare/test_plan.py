"""Plans, budgets and splits: what is asked for, and what is refused before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shortaxis.core.errors import BadConfiguration, CannotResume, LeakingSplit, MissingFile, UnknownName
from shortaxis.core.labels import ACDC
from shortaxis.experiments.compare.ablations import ABLATIONS, SWEEPS, ablation_entries
from shortaxis.experiments.compare.budget import budgeted, slices_in_sample, told
from shortaxis.experiments.compare.folds import FOLDS, agreed_folds, chosen, read_split
from shortaxis.experiments.compare.patients import drawn_frames_alone, phantom_cases
from shortaxis.experiments.compare.plan import Budget, Entry, Plan, entries_of, other_sets_of, read_plan_file
from shortaxis.experiments.compare.quick import quickened
from shortaxis.methods import method_named
from shortaxis.train.folds import split_by_patient


def plan(out: Path, **changes: object) -> Plan:
    return Plan(**{"entries": (Entry("unet", "unet"),), "data": out, "dataset": "phantom", "out": out, **changes})  # pyright: ignore[reportArgumentType]


def test_every_method_gets_the_same_steps_and_in_3d_as_many_blocks_as_slices_fill() -> None:
    study = phantom_cases(1)[0].read()
    for name, expected in (("unet", (70, 24, 1)), ("uncertainty-unet", (70, 2, 12))):
        method = method_named(name)
        recipe = budgeted(method, method.recipes["tuned"], Budget(70, 24), study, ACDC)
        locate, segment = method.stages(recipe)
        depth = slices_in_sample(segment, study, ACDC)
        assert (segment.fit.steps, segment.fit.batch, depth) == expected
        assert (locate.fit.steps, locate.fit.batch) == (70, method.recipes["tuned"].locate_fit.batch)  # pyright: ignore
        assert (segment.fit.patience, segment.fit.keep, segment.fit.warmup_steps) == (None, "last", 7)
    assert told(segment, depth) == "70 steps x 2 blocks of 12 slices"


def test_a_method_that_takes_one_image_at_a_time_sees_as_many_slices() -> None:
    study = phantom_cases(1)[0].read()
    method = method_named("foanet")
    _, segment = method.stages(budgeted(method, method.recipes["paper"], Budget(10, 4), study, ACDC))
    assert (segment.fit.steps, segment.fit.batch) == (40, 1)


def test_a_locator_takes_at_most_its_own_budget() -> None:
    study = phantom_cases(1)[0].read()
    method = method_named("unet")
    locate, _ = method.stages(budgeted(method, method.recipes["tuned"], Budget(5000, 12, 300), study, ACDC))
    assert locate.fit.steps == 300
    locate, _ = method.stages(budgeted(method, method.recipes["tuned"], Budget(5000, 12), study, ACDC))
    assert locate.fit.steps == 800  # its recipe's own, which is less


def test_a_plan_file_names_entries_and_a_budget(tmp_path: Path) -> None:
    path = tmp_path / "compare.toml"
    path.write_text(
        'steps = 300\nfold = "all"\n[[entry]]\nmethod = "unet"\n[[entry]]\nlabel = "wide"\nmethod = "unet"\n'
        'recipe = "paper"\nchanges.segment.widths = [4, 8]\n[[entry]]\nlabel = "mine"\nmodel = "mine.safetensors"\n'
    )
    read, entries = read_plan_file(path, "tuned")
    assert (read.steps, read.slices, read.fold) == (300, 12, "all")
    assert [(e.label, e.method, e.recipe) for e in entries[:2]] == [
        ("unet", "unet", "tuned"),
        ("wide", "unet", "paper"),
    ]
    assert entries[1].changes == {"segment": {"widths": [4, 8]}}
    assert entries[2].models == (tmp_path / "mine.safetensors",)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("stepps = 3", "steps"), ("[[entry]]\nmethd = 'unet'", "methd"), ("[[entry]]\nlabel = 'a'", "either")],
)
def test_what_a_plan_file_cannot_mean_is_refused(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "compare.toml"
    path.write_text(text)
    with pytest.raises(BadConfiguration, match=hint):
        read_plan_file(path, "tuned")


def test_models_of_one_label_are_one_entry(tmp_path: Path) -> None:
    one, two = entries_of(["dadu"], ["u=a.safetensors", "u=b.safetensors"], "tuned")
    assert (one.method, two.label, [path.name for path in two.models]) == (
        "dadu",
        "u",
        ["a.safetensors", "b.safetensors"],
    )
    with pytest.raises(BadConfiguration, match="LABEL=FILE"):
        entries_of([], ["a.safetensors"], "tuned")
    with pytest.raises(BadConfiguration, match="DATASET=DIR"):
        other_sets_of(["sunnybrook"])


def test_two_entries_of_one_name_and_an_unknown_reference_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="more than once"):
        plan(tmp_path, entries=(Entry("unet", "unet"), Entry("unet", "dadu")))
    with pytest.raises(UnknownName):
        plan(tmp_path, reference="dadu")
    with pytest.raises(BadConfiguration):
        plan(tmp_path, entries=())


def test_the_split_is_written_once_and_another_is_refused(tmp_path: Path) -> None:
    cases = phantom_cases(6)
    folds = agreed_folds(plan(tmp_path, folds=3), cases)
    assert sorted(p for fold in folds for p in fold.validation) == sorted(case.patient for case in cases)
    again = agreed_folds(plan(tmp_path / "other", split=str(tmp_path / FOLDS)), cases)
    assert again == folds
    with pytest.raises(CannotResume):
        agreed_folds(plan(tmp_path, folds=2), cases)


def test_acdcs_five_folds_come_along_and_are_those_of_train() -> None:
    folds = read_split("acdc-5")
    patients = [f"patient{number:03d}" for number in range(1, 101)]
    assert sorted(p for fold in folds for p in fold.validation) == patients
    assert all(len(fold.train) == 80 and set(fold.train).isdisjoint(fold.validation) for fold in folds)


@pytest.mark.realdata
def test_acdcs_five_folds_are_made_again_from_its_patients(data_root: Path) -> None:
    from shortaxis.jobs.training_cases import training_cases

    cases = training_cases(data_root / "acdc" / "training", "acdc", ACDC)
    groups = {case.patient: case.group for case in cases}
    assert split_by_patient(sorted(groups), groups, 5, seed=0) == read_split("acdc-5")


def test_a_split_that_leaks_or_names_strangers_or_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"folds": [{"train": ["a", "b"], "validation": ["b"]}]}))
    with pytest.raises(LeakingSplit):
        read_split(str(path))
    path.write_text(
        json.dumps({"folds": [{"train": ["b"], "validation": ["a"]}, {"train": ["b"], "validation": ["a"]}]})
    )
    with pytest.raises(LeakingSplit, match="more than once"):
        read_split(str(path))
    path.write_text(json.dumps({"folds": [{"train": ["b"], "validation": ["a"]}]}))
    with pytest.raises(BadConfiguration, match="no case of a, b"):
        agreed_folds(plan(tmp_path, split=str(path)), phantom_cases(2))
    path.write_text("{}")
    with pytest.raises(BadConfiguration):
        read_split(str(path))
    with pytest.raises(MissingFile, match="acdc-5"):
        read_split("no-such-split")


def test_a_fold_that_is_not_there_is_refused() -> None:
    folds = read_split("acdc-5")
    assert list(chosen(folds, "all")) == [0, 1, 2, 3, 4]
    assert chosen(folds, 2) == {2: folds[2]}
    with pytest.raises(BadConfiguration, match="0 to 4"):
        chosen(folds, 5)


@pytest.mark.parametrize("name", [*ABLATIONS, *SWEEPS, "foanet", "uncertainty"])
@pytest.mark.parametrize("recipe", ["paper", "tuned"])
def test_every_ablation_makes_stages_that_differ(name: str, recipe: str) -> None:
    entries = ablation_entries(name, recipe)  # pyright: ignore[reportArgumentType]
    made, study = set(), phantom_cases(1)[0].read()
    for entry in entries:
        method = method_named(entry.method)
        resolved = method.recipes[entry.recipe].overlaid(entry.changes)
        made.add(resolved.model_dump_json())
        assert method.stages(budgeted(method, resolved, Budget(10, 4), study, ACDC))
    assert len(made) == len(entries) >= 2


def test_the_sweep_of_alpha_holds_the_ablations_own_rows() -> None:
    swept = {entry.label: entry for entry in ablation_entries("uncertainty-alpha", "tuned")}
    alphas = [entry.changes["segment"]["alpha"] for entry in swept.values()]
    assert alphas == [0, 1, 3, 5]
    assert all(swept[entry.label] == entry for entry in ablation_entries("uncertainty-unet", "tuned"))


def test_an_ablation_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownName, match="halsrnet"):
        ablation_entries("unet", "tuned")


def test_a_quick_plan_keeps_what_an_entry_changes_and_makes_the_rest_small(tmp_path: Path) -> None:
    changes = {"segment": {"attention": "none"}}
    small = quickened(plan(tmp_path, entries=(Entry("a", "dadu", "paper", changes),))).entries[0]
    assert (small.changes["segment"]["attention"], small.changes["segment"]["widths"]) == ("none", [4, 6, 8])


def test_frames_that_nobody_drew_are_left_out() -> None:
    from dataclasses import replace

    from shortaxis.core.labels import Labels

    study = phantom_cases(1)[0].read()
    labels = study.labels
    assert labels is not None
    annotated = labels.annotated.copy()
    annotated[0] = False
    kept = drawn_frames_alone(replace(study, labels=Labels(labels.array, labels.scheme, annotated)))
    assert (kept.n_frames, kept.facts.ed_index, kept.facts.es_index) == (1, None, 0)
    assert (kept.image[0] == study.image[1]).all()
