"""Training a method: what is written, what is refused, how it goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shortaxis.core.errors import BadConfiguration, CannotResume, LeakingSplit, OutputExists
from shortaxis.core.labels import ACDC
from shortaxis.files.bundle import load_bundle, save_bundle
from shortaxis.jobs.train_method import TrainOptions, chosen_folds, image_hashes, train_method
from shortaxis.jobs.training_cases import training_cases
from shortaxis.pipeline import segment
from tests.jobs.conftest import TINY


def test_a_run_leaves_its_recipe_its_fold_its_record_and_a_model(trained: Path) -> None:
    fold = json.loads((trained / "fold-0/fold.json").read_text())
    assert len(fold["validation"]) == 2 and not set(fold["train"]) & set(fold["validation"])
    lines = [json.loads(line) for line in (trained / "fold-0/segment/record.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3]
    assert [line["step"] for line in lines if "validation" in line] == [2, 3]
    for stage in ("locate", "segment"):
        assert f"fold-0, stage {stage}" in (trained / "fold-0" / stage / "curves.html").read_text("utf-8")
    bundle = load_bundle(trained / "fold-0/model.safetensors")
    assert (bundle.method, bundle.recipe_name, set(bundle.members[0])) == ("unet", "tuned", {"locate", "segment"})
    seen, unseen = bundle.card["training_cases_sha256"], bundle.card["held_out_sha256"]
    assert len(set(seen)) == len(fold["train"]) and len(set(unseen)) == len(fold["validation"])
    assert not set(seen) & set(unseen)
    assert json.loads((trained / "recipe.json").read_text())["recipe"]["segment_fit"]["steps"] == 3


def test_a_scan_that_the_model_was_trained_on_is_said_to_be_one(acdc_tree: Path, trained: Path) -> None:
    fold = json.loads((trained / "fold-0/fold.json").read_text())
    for name, expected in ((fold["train"][0], True), (fold["validation"][0], False)):
        result = segment(acdc_tree / "training" / name, str(trained / "fold-0/model.safetensors"), device="cpu")
        assert ("SA-W110" in [note["code"] for note in result.measures["notes"]]) == expected


def test_a_known_copy_of_a_held_out_scan_is_named_as_left_out_and_is_not_on_the_card(
    acdc_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = TrainOptions(fold=0, folds=2, recipe="tuned", changes=TINY, device="cpu", workers=0)
    cases = training_cases(acdc_tree, "acdc", ACDC)
    (fold,) = chosen_folds(cases, options).values()
    held_out, twin, other = fold.validation[0], *fold.train
    monkeypatch.setattr("shortaxis.read.acdc.ONE_SCAN", {held_out: "one", twin: "one"})
    (model,) = train_method("unet", acdc_tree, "acdc", tmp_path, options)
    sides = json.loads((tmp_path / "fold-0/fold.json").read_text())
    assert sides == {"train": [other], "validation": list(fold.validation), "left_out": [twin]}
    card = load_bundle(model).card
    assert card["trained_on"] == "1 patients"
    assert card["training_cases_sha256"] == image_hashes(cases, [other])
    assert card["held_out_sha256"] == image_hashes(cases, fold.validation)


def test_a_folder_with_a_run_is_not_overwritten_and_another_recipe_does_not_resume_it(
    acdc_tree: Path, trained: Path
) -> None:
    again = TrainOptions(fold=0, folds=2, recipe="tuned", changes=TINY, device="cpu", workers=0)
    with pytest.raises(OutputExists, match="--resume"):
        train_method("unet", acdc_tree, "acdc", trained, again)
    other = {**TINY, "segment_fit": {**TINY["segment_fit"], "batch": 2}}
    with pytest.raises(CannotResume, match=r"found:    segment_fit\.batch 2 \(was 4\)\n"):
        resumed = TrainOptions(fold=0, folds=2, recipe="tuned", changes=other, resume=True, device="cpu")
        train_method("unet", acdc_tree, "acdc", trained, resumed)


def test_a_finished_run_resumed_is_the_same_model(acdc_tree: Path, trained: Path) -> None:
    before = load_bundle(trained / "fold-0/model.safetensors").sha256
    again = TrainOptions(fold=0, folds=2, recipe="tuned", changes=TINY, resume=True, device="cpu", workers=0)
    (model,) = train_method("unet", acdc_tree, "acdc", trained, again)
    assert load_bundle(model).sha256 == before


def test_a_setting_nobody_knows_is_refused_with_the_nearest_name(acdc_tree: Path, tmp_path: Path) -> None:
    wrong = TrainOptions(recipe="tuned", changes={"segment_fit": {"step": 3}}, device="cpu")
    with pytest.raises(BadConfiguration, match="steps"):
        train_method("unet", acdc_tree, "acdc", tmp_path, wrong)


def test_all_folds_end_in_an_ensemble_that_holds_every_member(acdc_tree: Path, tmp_path: Path) -> None:
    options = TrainOptions(fold="all", folds=2, recipe="tuned", changes=TINY, device="cpu", workers=0)
    models = train_method("unet", acdc_tree, "acdc", tmp_path, options)
    assert [model.relative_to(tmp_path).as_posix() for model in models] == [
        "fold-0/model.safetensors",
        "fold-1/model.safetensors",
        "model.safetensors",
    ]
    assert len(load_bundle(models[-1]).members) == 2


def test_one_stage_is_trained_beside_those_of_another_model(acdc_tree: Path, trained: Path, tmp_path: Path) -> None:
    init = trained / "fold-0/model.safetensors"
    options = TrainOptions(
        fold="none", recipe="tuned", changes=TINY, init=init, stage="segment", device="cpu", workers=0
    )
    (model,) = train_method("unet", acdc_tree, "acdc", tmp_path, options)
    old, new = load_bundle(init).members[0], load_bundle(model).members[0]
    assert all((old["locate"][name] == new["locate"][name]).all() for name in old["locate"])
    assert any((old["segment"][name] != new["segment"][name]).any() for name in old["segment"])


def test_the_card_counts_what_the_initial_weights_have_seen_and_keeps_their_terms(
    acdc_tree: Path, trained: Path, tmp_path: Path
) -> None:
    init = trained / "fold-0/model.safetensors"
    changes = {
        **TINY,
        "locate_fit": {**TINY["locate_fit"], "steps": 1},
        "segment_fit": {**TINY["segment_fit"], "steps": 1},
    }
    one = TrainOptions(fold=0, folds=2, recipe="tuned", changes=changes, init=init, device="cpu", workers=0)
    (model,) = train_method("unet", acdc_tree, "acdc", tmp_path / "same", one)
    before, card = load_bundle(init).card, load_bundle(model).card
    assert card["training_cases_sha256"] == before["training_cases_sha256"]
    assert card["trained_on"] == "2 patients, from weights trained on 2 patients"
    assert card["licence"].endswith("and those of the weights it began from: the terms of the training data")
    other = load_bundle(init)
    elsewhere = replace(other, card={**before, "training_cases_sha256": ["another scan"], "licence": "mine"})
    save_bundle(tmp_path / "elsewhere.safetensors", elsewhere)
    (model,) = train_method(
        "unet", acdc_tree, "acdc", tmp_path / "tuned", replace(one, init=tmp_path / "elsewhere.safetensors")
    )
    seen = load_bundle(model).card["training_cases_sha256"]
    assert set(seen) == {*before["training_cases_sha256"], "another scan"}


def test_weights_that_have_seen_a_held_out_scan_are_not_started_from(
    acdc_tree: Path, trained: Path, tmp_path: Path
) -> None:
    init = trained / "fold-0/model.safetensors"
    options = TrainOptions(fold=1, folds=2, recipe="tuned", changes=TINY, init=init, device="cpu", workers=0)
    with pytest.raises(LeakingSplit, match="2 of 2 held-out scans"):
        train_method("unet", acdc_tree, "acdc", tmp_path, options)
