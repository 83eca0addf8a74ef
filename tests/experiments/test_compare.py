"""`shortaxis compare` on phantoms: what it leaves, what it shares, how it goes on, and what it refuses."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import CannotResume, LeakingSplit, OutputExists
from shortaxis.experiments import run
from shortaxis.experiments.panels import AGREEMENT, agreement_picture
from shortaxis.experiments.plan import Entry, Plan
from shortaxis.experiments.publish import publish
from shortaxis.experiments.quick import quickened
from shortaxis.experiments.run import compare
from shortaxis.files.bundle import load_bundle
from shortaxis.train.record import read_record
from tests.experiments.conftest import compared

TABLES = ("summary", "structures", "tests", "learning", "outliers", "positions", "by_step", "elsewhere", "stages")


def plan_of(out: Path, *labels: str, **changes: object) -> Plan:
    entries = tuple(Entry(label, label) for label in labels)
    plan = Plan(entries, Path(), "phantom", out, mc_samples=2, by_epoch=2, device="cpu")
    return replace(quickened(plan), **changes)


def table(out: Path, name: str) -> list[dict[str, str]]:
    with (out / "tables" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def scores(out: Path, entry: str) -> dict:
    return json.loads((out / "results" / entry / "fold-0" / "scores.json").read_text("utf-8"))


def test_every_entry_leaves_its_model_its_scores_and_masks_on_one_split(quick: Path) -> None:
    (first, _) = json.loads((quick / "folds.json").read_text())["folds"]
    for entry in ("unet", "uncertainty-unet"):
        held = scores(quick, entry)
        assert {row["case"] for row in held["rows"]} == set(first["validation"])
        assert len(held["rows"]) == 3 * 2 * 3  # patients, phases, structures
        assert held["cost"]["parameters"].keys() == {"locate", "segment"}
        assert held["cost"]["memory"]["peak_mib"] is None or held["cost"]["memory"]["peak_mib"] > 50
        assert load_bundle(quick / "results" / entry / "fold-0" / "model.safetensors").method == entry
        for case in first["validation"]:
            with np.load(quick / "results" / entry / "fold-0" / "masks" / f"{case}.npz") as masks:
                assert masks["labels"].dtype == np.uint8
                assert ("variance" in masks) == (entry == "uncertainty-unet")


def test_the_budget_is_spent_to_the_step_and_the_locator_is_trained_once_for_both(quick: Path) -> None:
    folders = sorted((quick / "stages").iterdir())
    assert [re.sub("-.*", "", folder.name) for folder in folders] == ["locate", "segment", "segment"]
    steps = [max(line["step"] for line in read_record(folder / "record.jsonl")) for folder in folders]
    assert steps == [60, 40, 40]
    assert {row["shared by"] for row in table(quick, "stages") if row["stage"] == "locate"} == {"2"}
    budgets = {row["entry"]: row["budget"] for row in table(quick, "summary")}
    assert budgets["unet"].endswith("segment: 40 steps x 8 slices")
    assert budgets["uncertainty-unet"].endswith("segment: 40 steps x 1 block of 6 slices")


def test_every_table_is_there_as_csv_and_in_the_markdown_and_the_page(quick: Path) -> None:
    page, markdown = (quick / "index.html").read_text("utf-8"), (quick / "tables.md").read_text("utf-8")
    for name in TABLES:
        assert (quick / "tables" / f"{name}.csv").is_file()
        assert f'id="{name}"' in page
    assert markdown.count("\n## ") == len(TABLES)
    assert "never evidence" in page and "never evidence" in markdown


def test_the_page_is_whole_by_itself_and_holds_every_figure(quick: Path) -> None:
    page = (quick / "index.html").read_text("utf-8")
    figures = {path.stem for path in (quick / "figures").glob("*.png")}
    assert figures == {"box_dsc", "box_hd95", "grid_ed", "grid_es", "worst_unet", "worst_uncertainty-unet"}
    assert page.count("data:image/png;base64,") == len(figures)
    assert not re.search(r"(src|href)=\"https?:", page)


def test_the_summary_is_the_mean_of_the_rows(quick: Path) -> None:
    for line in table(quick, "summary"):
        dice = [row["dice"] for row in scores(quick, line["entry"])["rows"]]
        assert float(line["DSC"]) == pytest.approx(sum(dice) / len(dice))
        assert float(line["DSC low"]) <= float(line["DSC"]) <= float(line["DSC high"])


def test_certainty_stands_where_a_method_samples_and_nowhere_else(quick: Path) -> None:
    told: dict[str, list[str]] = {"unet": [], "uncertainty-unet": []}
    for line in table(quick, "positions"):
        told[line["entry"]] += [line[f"certainty {third}"] for third in ("base", "middle", "apex")]
    assert not any(told["unet"])
    assert any(told["uncertainty-unet"]) and all(0 <= float(cell) <= 1 for cell in told["uncertainty-unet"] if cell)


def test_scores_in_the_course_of_training_end_in_the_result(quick: Path) -> None:
    lines = [line for line in table(quick, "by_step") if line["entry"] == "unet"]
    assert [line["step"] for line in lines] == ["20", "end (40 steps x 8 slices)"]
    rows = [r for r in scores(quick, "unet")["rows"] if (r["phase"], r["structure"]) == ("ED", "lv_cavity")]
    assert float(lines[-1]["ED DSC LV"]) == pytest.approx(sum(r["dice"] for r in rows) / len(rows))


def test_other_data_sets_that_were_not_given_say_so(quick: Path) -> None:
    lines = table(quick, "elsewhere")
    assert {line["structure"] for line in lines if line["tested on"] == "emidec"} == {"data not available"}


def test_a_finished_comparison_trains_and_scores_nothing_again(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "train_contender", lambda *_: pytest.fail("trained again"))
    monkeypatch.setattr(run, "score_cases", lambda *_: pytest.fail("scored again"))
    before = (quick / "tables.md").read_text("utf-8")
    plan = plan_of(quick, "unet", "uncertainty-unet")
    assert compare(plan)
    publish(plan)
    assert (quick / "tables.md").read_text("utf-8") == before


def test_a_stopped_comparison_goes_on_to_the_same_weights(quick: Path, tmp_path: Path) -> None:
    import os
    import signal

    def report(what: str, step: int, steps: int, loss: float) -> None:
        if "segment" in what and step == 25:
            os.kill(os.getpid(), signal.SIGTERM)

    plan = plan_of(tmp_path, "unet")
    assert not compare(plan, report)
    assert not (tmp_path / "results" / "unet" / "fold-0" / "scores.json").exists()
    assert compare(plan)
    again, once = (load_bundle(out / "results/unet/fold-0/model.safetensors") for out in (tmp_path, quick))
    assert all((again.members[0]["segment"][key] == value).all() for key, value in once.members[0]["segment"].items())


def test_a_label_with_another_recipe_and_a_strange_folder_are_refused(quick: Path, tmp_path: Path) -> None:
    other = Entry("unet", "unet", "tuned", {"segment": {"widths": [4, 6]}})
    with pytest.raises(CannotResume, match="unet"):
        compare(quickened(replace(plan_of(quick, "unet"), entries=(other,))))
    (tmp_path / "index.html").write_text("somebody's")
    with pytest.raises(OutputExists):
        compare(plan_of(tmp_path, "unet"))


def test_a_model_trained_on_the_split_stands_in_the_table_and_one_trained_on_another_is_refused(
    quick: Path, tmp_path: Path
) -> None:
    model = quick / "results" / "unet" / "fold-0" / "model.safetensors"
    shutil.copy(model, tmp_path / "mine.safetensors")
    mine = Entry("mine", models=(tmp_path / "mine.safetensors",))
    plan = replace(plan_of(tmp_path / "out", "unet"), entries=(mine,), mc_samples=None)
    assert compare(plan)
    publish(plan)
    (line,) = table(plan.out, "summary")
    assert (line["entry"], line["n"]) == ("mine", "3") and line["budget"].startswith("trained elsewhere")
    ours = {(r["case"], r["phase"], r["structure"]): r["dice"] for r in scores(quick, "unet")["rows"]}
    assert {(r["case"], r["phase"], r["structure"]): r["dice"] for r in scores(plan.out, "mine")["rows"]} == ours
    with pytest.raises(LeakingSplit, match=r"3 held out, 3 of the fold's trained on"):
        compare(replace(plan, which=1, out=tmp_path / "other"))


def test_another_labelled_data_set_is_scored_and_its_patients_are_counted(quick: Path, tmp_path: Path) -> None:
    from tests.lookalike.acdc_tree import make_acdc_tree

    make_acdc_tree(tmp_path, 2)
    out = tmp_path / "out"
    shutil.copytree(quick, out)
    plan = plan_of(out, "unet", "uncertainty-unet", tests=(("acdc", tmp_path),))
    assert compare(plan)
    publish(plan)
    lines = [line for line in table(out, "elsewhere") if line["tested on"] == "acdc"]
    assert {(line["entry"], line["structure"], line["n"]) for line in lines} == {
        (entry, structure, "2") for entry in ("unet", "uncertainty-unet") for structure in ("LV", "RV", "MYO")
    }


def test_pixels_are_right_missed_invented_or_of_another_structure() -> None:
    picture = agreement_picture(np.array([[1, 1, 0, 0, 2]], np.uint8), np.array([[1, 0, 3, 0, 1]], np.uint8))
    colours = ["#" + "".join(f"{round(255 * part):02x}" for part in pixel[:3]) for pixel in picture[0]]
    assert colours[:3] == [AGREEMENT["right"], AGREEMENT["missed"], AGREEMENT["invented"]]
    assert picture[0, 3, 3] == 0.0  # background that is background shows the image
    assert colours[4] == AGREEMENT["wrong structure"]


def test_without_data_or_with_an_unknown_method_nothing_is_begun(tmp_path: Path) -> None:
    status, told = compared("unet", "--out", tmp_path / "out")
    assert status == 2 and "--data" in told
    status, told = compared("unett", "--quick", "--out", tmp_path / "out")
    assert status == 2 and "SA-E060" in told
    assert not (tmp_path / "out").exists()
