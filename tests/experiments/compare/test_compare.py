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
from shortaxis.experiments.compare import run
from shortaxis.experiments.compare.ablations import with_and_without_roi
from shortaxis.experiments.compare.plan import Entry, Plan
from shortaxis.experiments.compare.quick import quickened
from shortaxis.experiments.compare.run import compare
from shortaxis.experiments.show.figures import colours_of
from shortaxis.experiments.show.panels import AGREEMENT, agreement_picture
from shortaxis.experiments.show.publish import publish
from shortaxis.files.bundle import load_bundle
from shortaxis.train.record import read_record
from tests.experiments.conftest import compared

TABLES = ("summary", "structures", "slices", "tests", "learning", "outliers", "positions", "calibration", "located")
TABLES = (*TABLES, "by_step", "elsewhere", "costs", "stages")


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
    budgets = {row["entry"]: row["budget"] for row in table(quick, "costs")}
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
    pictures = {"grid_ed", "grid_es", "worst_unet", "worst_uncertainty-unet"}
    assert figures == {"box_dsc", "box_hd95", "reliability", *pictures}
    assert page.count("data:image/png;base64,") == len(figures)
    assert not re.search(r"(src|href)=\"https?:", page)


def test_the_summary_is_the_mean_of_the_rows(quick: Path) -> None:
    for line in table(quick, "summary"):
        dice = [row["dice"] for row in scores(quick, line["entry"])["rows"]]
        assert float(line["DSC"]) == pytest.approx(sum(dice) / len(dice))
        assert float(line["DSC low"]) <= float(line["DSC"]) <= float(line["DSC high"])


def missing(rows: list[dict], place: tuple[str, str, str]) -> list[dict]:
    """The rows with the structure at (case, phase, structure) missed by the prediction."""
    gone = {"outcome": "missed", "dice": 0.0, "hd_mm": None, "hd95_mm": None, "assd_mm": None}
    return [row | gone if (row["case"], row["phase"], row["structure"]) == place else row for row in rows]


def test_a_mean_tells_what_was_missed_over_how_many_it_is_and_what_the_misses_would_cost(
    quick: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(quick, out)
    held = scores(out, "unet")
    first = next(row for row in held["rows"] if (row["phase"], row["structure"]) == ("ED", "lv_cavity"))
    for row in held["rows"]:
        row |= {"outcome": "both", "hd95_mm": 6.0, "hd_mm": 6.0, "diagonal_mm": 60.0}
    held["rows"] = missing(held["rows"], (first["case"], "ED", "lv_cavity"))
    (out / "results" / "unet" / "fold-0" / "scores.json").write_text(json.dumps(held))
    publish(plan_of(out, "unet", "uncertainty-unet"))
    line = next(line for line in table(out, "summary") if line["entry"] == "unet")
    assert (line["missed"], line["invented"], float(line["HD95 mm"])) == ("1", "0", 6.0)
    assert float(line["HD95 charged mm"]) == pytest.approx(((5 * 6 + 60) / 6 + 6 + 6) / 3)
    place = {"entry": "unet", "structure": "LV", "phase": "ED"}
    line = next(line for line in table(out, "structures") if place.items() <= line.items())
    assert (line["n"], line["missed"], line["HD95 mm n"], float(line["HD95 charged mm"])) == ("3", "1", "2", 24.0)
    (shown,) = (line for line in (out / "tables.md").read_text("utf-8").splitlines() if "| LV | ED | unet |" in line)
    assert shown.count("(n 2)") == 3  # HD, HD95 and ASSD are over two of three patients
    assert [line["missed"] for line in table(out, "by_step") if line["entry"] == "unet"][-1] == "1"


def test_certainty_stands_where_a_method_samples_and_nowhere_else(quick: Path) -> None:
    told: dict[str, list[str]] = {"unet": [], "uncertainty-unet": []}
    for line in table(quick, "positions"):
        told[line["entry"]] += [line[f"certainty {third}"] for third in ("base", "middle", "apex", "whole")]
    assert not any(told["unet"])
    assert any(told["uncertainty-unet"]) and all(0 <= float(cell) <= 1 for cell in told["uncertainty-unet"] if cell)


def test_probabilities_are_judged_per_structure_and_of_all_classes(quick: Path) -> None:
    lines = table(quick, "calibration")
    assert [(line["structure"], line["entry"]) for line in lines] == [
        (structure, entry) for structure in ("LV", "RV", "MYO", "all classes") for entry in ("unet", "uncertainty-unet")
    ]
    for line in lines:
        assert 0 <= float(line["Brier"]) <= float(line["Brier heart"]) <= 1  # what is left out is certain background
        assert 0 <= float(line["ECE"]) <= 1 and 0 <= float(line["MCE"]) <= 1
    row = scores(quick, "unet")["rows"][0]
    judged = [
        held["brier"] for held in scores(quick, "unet")["calibration"]
        if all(held[key] == row[key] for key in ("case", "frame_index", "structure"))
    ]  # fmt: skip
    assert judged == [row["brier"]]


def test_the_samples_agreement_stands_in_the_rows_of_a_method_that_samples(quick: Path) -> None:
    assert {row["dice_within_samples"] for row in scores(quick, "unet")["rows"]} == {None}
    found = [row["dice_within_samples"] for row in scores(quick, "uncertainty-unet")["rows"]]
    assert any(value is not None and 0 <= value <= 1 for value in found)


def test_slices_and_boxes_are_scored_one_by_one(quick: Path) -> None:
    held = scores(quick, "unet")
    assert len(held["slices"]) == 3 * 2 * 3 * 6  # patients, phases, structures, slices
    for line in table(quick, "slices"):
        mm, px = float(line["HD mm"] or 0), float(line["HD px"] or 0)
        assert mm == pytest.approx(3.0 * px)  # the phantom's pixels
    by_slice, by_study = (line for line in table(quick, "located") if line["entry"] == "unet")
    assert (by_slice["box"], by_study["box"], by_study["n"]) == ("per slice", "per study", "3")
    assert float(by_slice["RMSE mm"]) > 0


def test_what_training_took_is_measured_where_the_system_tells(quick: Path) -> None:
    for line in table(quick, "costs"):
        assert not line["training MiB"] or float(line["training MiB"]) > 50
        assert float(line["s/case"]) > 0


def test_what_an_earlier_version_scored_is_scored_again_and_not_trained_again(
    quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(quick, out)
    path = out / "results" / "unet" / "fold-0" / "scores.json"
    held = json.loads(path.read_text("utf-8"))
    older = {key: value for key, value in held.items() if key not in ("slices", "calibration", "located")}
    del older["evaluated"]["scored"]
    path.write_text(json.dumps(older))
    plan = plan_of(out, "unet", by_epoch=0)
    publish(plan)  # what is there is shown, what is not says so
    assert "of an earlier version" in (out / "tables.md").read_text("utf-8")
    steps = []
    assert compare(plan, lambda what, step, steps_, loss: steps.append(step) if "stage" in what else None)
    assert not any(steps)
    assert json.loads(path.read_text("utf-8"))["slices"] == held["slices"]


def test_with_and_without_roi_stand_beside_each_other() -> None:
    entries = with_and_without_roi([Entry("halsrnet", "halsrnet"), Entry("attention-mnet", "attention-mnet")])
    assert [entry.label for entry in entries] == ["halsrnet", "halsrnet without ROI", "attention-mnet"]
    assert entries[1].changes == {"locate": None}
    assert len({*colours_of([entry.label for entry in entries]).values()}) == 2
    named = Entry("HALSR-Net with ROI", "halsrnet", "paper")
    assert [entry.label for entry in with_and_without_roi([named])] == ["HALSR-Net with ROI", "HALSR-Net without ROI"]
    alone = (Entry("mine", models=(Path("mine.safetensors"),)), Entry("none", "halsrnet", changes={"locate": None}))
    assert with_and_without_roi(alone) == alone


def test_scores_in_the_course_of_training_end_in_the_result(quick: Path) -> None:
    lines = [line for line in table(quick, "by_step") if line["entry"] == "unet"]
    assert [line["step"] for line in lines] == ["20", "end (40 steps x 8 slices)"]
    rows = [r for r in scores(quick, "unet")["rows"] if (r["phase"], r["structure"]) == ("ED", "lv_cavity")]
    assert float(lines[-1]["ED DSC LV"]) == pytest.approx(sum(r["dice"] for r in rows) / len(rows))


def test_other_data_sets_that_were_not_given_say_so(quick: Path) -> None:
    lines = table(quick, "elsewhere")
    assert {line["structure"] for line in lines if line["tested on"] == "emidec"} == {"data not available"}
    assert {line["tested on"] for line in lines if line["structure"] == "data not available"} >= {"lvquan", "in-house"}


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
    with pytest.raises(CannotResume, match=r"segment\.widths \[4, 6\] \(was \[\d"):
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
    (line,), (cost,) = table(plan.out, "summary"), table(plan.out, "costs")
    assert (line["entry"], line["n"]) == ("mine", "3") and cost["budget"].startswith("trained elsewhere")
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
    for line in table(out, "learning"):
        assert float(line["test loss, acdc"]) > 0 and 0 < float(line["test accuracy, acdc"]) <= 1


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
