"""`shortaxis reproduce`: a paper's rows find ours, ours stand by their definitions, and what differs is told."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from shortaxis.cli.main import status_of
from shortaxis.core.errors import BadConfiguration, MissingFile, UnknownName
from shortaxis.core.method import RecipeName
from shortaxis.experiments.compare.plan import Entry, Plan
from shortaxis.experiments.published.paper import paper_named, paper_names
from shortaxis.experiments.reproduce.beside import Beside, run_command, set_beside
from shortaxis.experiments.reproduce.held import read_held
from shortaxis.experiments.reproduce.in_comparison import published_of, published_tables
from shortaxis.experiments.reproduce.plan import table_entries
from shortaxis.experiments.reproduce.quantities import QUANTITIES
from shortaxis.methods import method_named


def reproduced(*words: object) -> tuple[int, str]:
    """The exit status of `shortaxis reproduce ...` and what it printed."""
    out, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        status = status_of(["reproduce", *map(str, words)])
    return status, " ".join((out.getvalue() + told.getvalue()).split())


def row(case: str, structure: str, phase: str = "ED", **values: object) -> dict[str, Any]:
    """A row of scores as `compare` writes it, of a structure that both masks have."""
    found = {"case": case, "structure": structure, "phase": phase, "outcome": "both", "dice": 0.9, "hd_mm": 5.0}
    return {**found, "hd_one_sided_mm": 4.0, "assd_mm": 1.0, **values}


def made(
    out: Path, method: str, rows: Sequence[Mapping[str, Any]], changes: Mapping[str, Any] | None = None, **facts: object
) -> Path:
    """A comparison's folder with one entry, as `compare` leaves it."""
    recipe = method_named(method).recipes["tuned"].overlaid(changes or {})
    trained = {"method": method, "recipe_name": "tuned", "recipe": json.loads(recipe.model_dump_json())}
    scores = {
        "trained": trained, "label": f"our {method}", "fold": 0, "method": method, "recipe": "tuned", "dataset": "acdc",
        "budget": "20 steps", "stages": [], "rows": list(rows), "cases": [], "by_step": [], **facts,
    }  # fmt: skip
    folder = out / "results" / f"our-{method}" / "fold-0"
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text(json.dumps(scores))
    folds = {"made": "acdc-5", "folds": [{"train": ["a"], "validation": ["b"]}] * 5}
    (out / "folds.json").write_text(json.dumps(folds))
    return out


def beside(paper: str, table: str, *results: object, dataset: str | None = None) -> Beside:
    source = paper_named(paper)
    return set_beside(source, source.table_named(table), read_held([str(path) for path in results], dataset))


def ours(found: Beside, name: str, at: int = 0) -> dict[str, float | None]:
    """The figures of ours beside a row, by column."""
    line = next(line for line in found.lines if line.row.name == name)
    figures = zip(found.columns, line.ours[at].figures, strict=True)
    return {column.name: None if figure is None else figure.value for column, figure in figures}


def placed(found: Beside) -> list[str]:
    """The rows that ours stand beside."""
    return [line.row.name for line in found.lines if line.ours]


def test_every_column_that_has_one_of_ours_has_a_known_one() -> None:
    for name in paper_names():
        paper = paper_named(name)
        for table in paper.table:
            assert {column.ours for column in paper.columns_of(table)} <= {*QUANTITIES, ""}


@pytest.mark.parametrize("name", paper_names())
def test_every_row_that_can_be_run_is_an_entry_of_a_comparison(name: str) -> None:
    paper = paper_named(name)
    for table in paper.table:
        if any(line.method for line in table.row):
            for recipe in ("paper", "tuned"):
                entries = table_entries(paper, table, recipe)
                assert len({entry.folder for entry in entries}) == len(entries)  # UNet++ is not UNet
                for entry in entries:
                    method_named(entry.method).recipes[recipe].overlaid(entry.changes)


@pytest.mark.parametrize("recipe", ["paper", "tuned"])
@pytest.mark.parametrize(
    ("name", "tables", "widths"),
    [("halsrnet", ("4", "5", "7", "9"), "halsr_table_9"), ("attention-mnet", ("I",), "mnet_table_1")],
)
def test_a_network_whose_parameters_the_paper_states_is_run_with_as_many(
    name: str, tables: Sequence[str], widths: str, recipe: RecipeName
) -> None:
    paper, known = paper_named(name), dict[str, int]()
    for table in tables:
        for entry in table_entries(paper, paper.table_named(table), recipe):
            chosen = method_named(entry.method).recipes[recipe].overlaid(entry.changes).model_dump()["segment"]
            if chosen.get("widths") == widths:
                known[entry.method] = known.get(entry.method, 0) + 1
    of_halsr = ("basic-unet", "unet-plus-plus", "attention-unet", "non-local-unet", "resunet-plus-plus")
    of_mnet = ("basic-unet", "unet-3d", "deepmedic", "fcn-3d")
    assert known == dict.fromkeys(of_halsr if name == "halsrnet" else of_mnet, len(tables))


def test_a_row_of_ours_is_the_mean_over_patients_by_its_definition(tmp_path: Path) -> None:
    rows = [
        row("a", "lv_cavity", dice=0.9, hd_mm=4.0), row("a", "myocardium", dice=0.8, hd_mm=6.0),
        row("b", "lv_cavity", dice=0.7, hd_mm=9.0),
        row("b", "myocardium", dice=0.0, hd_mm=None, assd_mm=None, outcome="missed"),
        row("a", "rv_cavity", dice=0.1, hd_mm=99.0),
    ]  # fmt: skip
    found = beside("halsrnet", "6", made(tmp_path, "halsrnet", rows))
    assert placed(found) == ["HALSR-Net"]
    assert ours(found, "HALSR-Net")["Dice"] == pytest.approx((0.85 + 0.35) / 2)  # the right ventricle is not theirs
    assert ours(found, "HALSR-Net")["HD"] == pytest.approx((5 + 9) / 2)  # the miss has no distance


def test_a_phase_of_the_paper_is_that_phase_of_ours(tmp_path: Path) -> None:
    rows = [row("a", "lv_cavity", phase, dice=dice) for phase, dice in (("ED", 0.9), ("ES", 0.5))]
    found = beside("dadu", "1", made(tmp_path, "dadu", rows))
    assert [ours(found, name)["DSC LV"] for name in ("End-diastole", "End-systole")] == [0.9, 0.5]
    assert ours(found, "End-diastole")["DSC RV"] is None


def test_dadus_distance_is_held_against_our_one_sided_one(tmp_path: Path) -> None:
    rows = [row("a", "lv_cavity", hd_mm=9.0, hd_one_sided_mm=3.0)]
    assert ours(beside("dadu", "3", made(tmp_path, "dadu", rows)), "DADU")["LV HD ED"] == 3.0


def test_what_differs_is_told_for_every_row_of_ours(tmp_path: Path) -> None:
    (line,) = (
        line for line in beside("halsrnet", "6", made(tmp_path, "halsrnet", [row("a", "lv_cavity")])).lines if line.ours
    )
    told = {difference.what: difference for difference in line.ours[0].differs}
    assert list(told) == ["data", "split", "budget", "recipe"]
    assert told["data"].ours == "acdc, 1 patient" and "1062 test images" in told["data"].paper
    assert told["split"].ours == "fold 0 of 5, acdc-5" and "by image" in told["split"].paper
    assert told["budget"].ours == "20 steps" and "epochs and steps not stated" in told["budget"].paper
    assert "tuned recipe, ours and not the paper's" in told["recipe"].ours


def test_an_ablation_is_its_own_row_and_never_the_whole_method(tmp_path: Path) -> None:
    rows = [row("a", "myocardium")]
    without = made(tmp_path / "without", "attention-mnet", rows, {"segment": {"distance_weight": 0.0}})
    whole = made(tmp_path / "whole", "attention-mnet", rows)
    assert placed(beside("attention-mnet", "I", without)) == ["3D Att-Mnet (w/o distance loss)"]
    assert placed(beside("attention-mnet", "I", whole)) == ["3D Att-Mnet (w/ distance loss)"]


def test_without_roi_halsrnet_is_not_the_papers_row(tmp_path: Path) -> None:
    found = beside("halsrnet", "6", made(tmp_path, "halsrnet", [row("a", "lv_cavity")], {"locate": None}))
    assert placed(found) == [] and [held.result.label for held in found.unplaced] == ["our halsrnet"]


def test_each_configuration_of_foanet_finds_its_own_row(tmp_path: Path) -> None:
    for entry in table_entries(paper_named("foanet"), paper_named("foanet").table_named("I"), "tuned"):
        if entry.method == "foanet":
            folder = made(tmp_path / entry.folder, "foanet", [row("a", "myocardium")], entry.changes)
            (name,) = placed(beside("foanet", "I", folder))
            assert name[0] == entry.label[0]


def test_nnunet_itself_is_nnunets_row_and_our_network_of_its_plan_says_that_it_is_not(tmp_path: Path) -> None:
    accurate = {"cases": [{"case": "a", "pixel_accuracy": 0.99, "seconds": None}]}
    itself = made(tmp_path / "itself", "unet", [row("a", "lv_cavity")], **accurate)
    path = itself / "results" / "our-unet" / "fold-0" / "scores.json"
    scores = json.loads(path.read_text())
    del scores["trained"]
    cost = {"parameters": {}, "memory": {"gpu_peak_mib": None}}
    path.write_text(json.dumps({**scores, "method": "nnunet", "recipe": "its own", "cost": cost}))
    found = beside("halsrnet", "5", itself)
    assert placed(found) == ["nnU-Net"] and ours(found, "nnU-Net")["Acc val"] == 0.99
    assert ours(beside("halsrnet", "9", itself), "nnU-Net")["Parameters"] is None
    plan = made(tmp_path / "plan", "nnunet-plan-2d", [row("a", "lv_cavity")])
    told = {
        folder.name: line.ours[0].differs[-1].ours
        for folder in (itself, plan)
        for line in beside("halsrnet", "5", folder).lines
        if line.ours
    }
    assert "the network nnU-Net plans" in told["plan"] and "the network nnU-Net plans" not in told["itself"]


def test_a_model_trained_elsewhere_stands_for_its_row_by_its_own_settings(tmp_path: Path) -> None:
    folder = made(tmp_path, "attention-mnet", [row("a", "myocardium")], {"segment": {"distance_weight": 0.0}})
    path = folder / "results" / "our-attention-mnet" / "fold-0" / "scores.json"
    scores = json.loads(path.read_text())
    path.write_text(json.dumps({**scores, "settings": scores["trained"]["recipe"], "trained": {"model": "abc"}}))
    assert placed(beside("attention-mnet", "I", folder)) == ["3D Att-Mnet (w/o distance loss)"]
    mine = table_entries(paper_named("dadu"), paper_named("dadu").table_named("3"), "paper", ["DADU"], ["DADU=m.st"])
    assert [(entry.label, entry.models) for entry in mine] == [("DADU", (Path("m.st"),))]


def test_other_settings_do_not_hide_a_row_but_are_told(tmp_path: Path) -> None:
    folder = made(tmp_path, "unet", [row("a", "myocardium")], {"segment": {"widths": [4, 8]}})
    (line,) = (line for line in beside("attention-mnet", "I", folder).lines if line.ours)
    assert "segment.widths is [4, 8], the row's would be mnet_table_1" in line.ours[0].differs[-1].ours


def test_trained_on_one_set_and_tested_on_another_stands_in_that_column_alone(tmp_path: Path) -> None:
    folder = made(tmp_path, "halsrnet", [row("a", "lv_cavity", dice=0.9)])
    elsewhere = {"rows": [row("x", "lv_cavity", dice=0.6)]}
    (folder / "results" / "our-halsrnet" / "fold-0" / "test-lvquan.json").write_text(json.dumps(elsewhere))
    found = beside("halsrnet", "8", folder)
    assert placed(found) == ["HALSR-Net trained on ACDC"]
    figures = ours(found, "HALSR-Net trained on ACDC")
    assert (figures["ACDC Dice"], figures["LVQuan19 Dice"], figures["In-house Dice"]) == (0.9, 0.6, None)
    line = next(line for line in found.lines if line.ours)
    reasons = {
        column.name: figure.reason for column, figure in zip(found.columns, line.ours[0].figures, strict=True) if figure
    }
    assert reasons["In-house Dice"] == "data not available: in-house set of the HALSR-Net paper"


def test_an_epoch_of_the_paper_is_that_share_of_our_training(tmp_path: Path) -> None:
    steps = method_named("dadu").recipes["tuned"].model_dump()["segment_fit"]["steps"]
    by_step = [{"step": round(steps * part), "rows": [row("a", "lv_cavity", dice=part)]} for part in (0.2, 0.4)]
    stages = [{"stage": "segment"}]
    folder = made(tmp_path, "dadu", [row("a", "lv_cavity", dice=0.95)], by_step=by_step, stages=stages)
    found = beside("dadu", "2", folder)
    assert [ours(found, f"epoch {n}")["ED DSC LV"] for n in (20, 40, 60, 100)] == [0.2, 0.4, None, 0.95]


def test_infarcts_are_in_percent_and_shares_of_the_myocardium(tmp_path: Path) -> None:
    voxels = {"myocardium": (1050, 1000), "infarct": (80, 120)}

    def figures(of: str, ml: float | None) -> dict[str, float | None]:
        rows = [
            row("a", name, voxels=v, reference_voxels=r, volume_error_ml=None if ml is None else (v - r) * ml, dice=0.5)
            for name, (v, r) in voxels.items()
        ]
        return ours(beside("uncertainty-unet", "2", made(tmp_path / of, "uncertainty-unet", rows)), "Proposed")

    found = figures("spacing known", 0.1)
    assert found["Inf DSC"] == 50 and found["Inf VD"] == pytest.approx(4) and found["Inf PD"] == pytest.approx(4.0)
    assert found["Myo VD"] == pytest.approx(5) and found["NoR DSC"] is None
    pictures = figures("spacing unknown", None)
    assert pictures["Inf VD"] is None and pictures["Inf PD"] == pytest.approx(4.0)  # a share needs no spacing


def test_medians_of_a_paper_on_images_are_ours_over_slices(tmp_path: Path) -> None:
    def line(structure: str, dice: float | None, px: float | None) -> dict[str, object]:
        return {"case": "a", "phase": "ED", "structure": structure, "dice": dice, "hd_px": px, "assd_px": px}

    slices = [line("lv_cavity", 0.9, 2.0), line("myocardium", 0.7, 4.0), line("lv_cavity", 0.0, None)]
    slices += [line("rv_cavity", 0.1, 99.0), line("lv_cavity", None, None)]  # not theirs, and in neither mask
    folder = made(tmp_path / "ours", "unet-plus-plus", [row("a", "lv_cavity")], slices=slices)
    figures = ours(beside("halsrnet", "9-text", folder), "UNet++")
    assert figures == {"DC median": 0.7, "HD median": 3.0, "ASSD median": 3.0}
    older = made(tmp_path / "older", "unet-plus-plus", [row("a", "lv_cavity")])
    assert set(ours(beside("halsrnet", "9-text", older), "UNet++").values()) == {None}


def test_slices_of_scored_masks_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("case,structure,phase,outcome,dice\na,lv_cavity,ED,both,0.5\n")
    head = "case,structure,phase,outcome,slice_number,dice,hd_px,assd_px"
    (tmp_path / "slices.csv").write_text(f"{head}\na,lv_cavity,ED,both,1,0.8,2.0,1.0\na,lv_cavity,ED,missed,2,0.0,,\n")
    found = beside("halsrnet", "9-text", f"UNet++={tmp_path}", dataset="acdc")
    assert ours(found, "UNet++") == {"DC median": 0.4, "HD median": 2.0, "ASSD median": 1.0}


def test_the_regressed_boxes_stand_beside_table_3_for_the_data_they_are_of(tmp_path: Path) -> None:
    boxes = [{"case": "a", "per": "slice", "error_mm": mm} for mm in (3.0, 4.0)]
    boxes.append({"case": "a", "per": "study", "error_mm": 99.0})
    folder = made(tmp_path, "halsrnet", [row("a", "lv_cavity")], located=boxes)
    found = beside("halsrnet", "3", folder)
    assert placed(found) == ["ACDC"]
    assert ours(found, "ACDC") == pytest.approx({"RMSE": 12.5**0.5, "SD": 0.5**0.5, "Outlier rate": 0.0})


def test_brier_scores_are_in_hundredths_and_certainty_is_of_its_third(tmp_path: Path) -> None:
    rows = [row("a", "myocardium", brier=0.02), row("b", "myocardium", brier=0.04), row("a", "infarct", brier=None)]
    thirds = [
        {
            "case": "a",
            "phase": None,
            "structure": "myocardium",
            "third": third,
            "dice": dice,
            "certainty": sure,
            "outcome": "",
        }
        for third, dice, sure in (("apex", 0.6, 0.5), ("middle", 0.9, 0.8), ("base", 0.8, None))
    ]
    folder = made(tmp_path, "uncertainty-unet", rows, thirds=thirds)
    figures = ours(beside("uncertainty-unet", "1", folder), "Proposed")
    assert figures["Myo BS"] == pytest.approx(3.0) and figures["Myo BS SD"] == pytest.approx(2**0.5)
    assert figures["Inf BS"] is None
    drawn = ours(beside("uncertainty-unet", "figure-2", folder), "Proposed")
    assert (drawn["Myo DSC apex"], drawn["Myo DSC middle"]) == pytest.approx((60.0, 90.0))
    assert (drawn["Myo certainty apex"], drawn["Myo certainty base"]) == (50.0, None)
    assert drawn["Inf DSC apex"] is None


def test_memory_of_training_is_the_gpu_s_alone(tmp_path: Path) -> None:
    def of(gpu_mib: float | None) -> float | None:
        memory = {"peak_mib": 900.0, "gpu_peak_mib": gpu_mib}
        stages = [{"stage": "segment", "seconds_per_step": None, "training_memory": memory}]
        folder = made(tmp_path / str(gpu_mib), "dadu", [row("a", "lv_cavity")], stages=stages)
        figures = ours(beside("dadu", "5-text", folder), paper_named("dadu").table_named("5-text").row[0].name)
        return figures["Training memory"]

    assert of(None) is None
    assert of(1000.0) == pytest.approx(1000 * 2**20 / 1e9)


def test_scored_masks_stand_beside_the_row_their_owner_names(tmp_path: Path) -> None:
    lines = [
        {k: "" if v is None else v for k, v in row(str(n), "lv_cavity", dice=0.5 + n / 10).items()} for n in (1, 2)
    ]
    with (tmp_path / "scores.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    found = beside("halsrnet", "6", f"CFNet={tmp_path}", dataset="acdc")
    assert placed(found) == ["CFNet"] and ours(found, "CFNet")["Dice"] == pytest.approx(0.65)
    with pytest.raises(BadConfiguration, match="ROW=DIR"):
        beside("halsrnet", "6", tmp_path)
    with pytest.raises(UnknownName, match="did you mean 'CFNet'"):
        beside("halsrnet", "6", f"CFnet={tmp_path}")


def test_emidecs_own_scores_stand_by_its_own_definitions(tmp_path: Path) -> None:
    names = "case,structure,outcome,dice_code,dice_page,hd_page_mm,volume_difference_ml,reference_volume_ml,pd_percent"
    (tmp_path / "emidec_cases.csv").write_text(f"{names}\n1,infarct,neither,1.0,1.0,,0.0,0.0,3.5\n")
    found = beside("uncertainty-unet", "2", f"Proposed={tmp_path}")
    assert (ours(found, "Proposed")["Inf DSC"], ours(found, "Proposed")["Inf PD"]) == (100, 3.5)
    (said,) = (line["ours"] for line in found.definitions() if line["column"] == "Inf DSC (%)")
    assert "1 where the structure is in neither mask" in said


def test_results_that_do_not_say_their_data_are_not_taken_for_the_papers(tmp_path: Path) -> None:
    folder = made(tmp_path, "halsrnet", [row("a", "lv_cavity")], dataset=None)
    path = folder / "results" / "our-halsrnet" / "fold-0" / "scores.json"
    scores = json.loads(path.read_text())
    del scores["dataset"]
    path.write_text(json.dumps(scores))
    assert placed(beside("halsrnet", "8", folder)) == []
    (line,) = (line for line in beside("halsrnet", "6", folder).lines if line.ours)
    assert line.ours[0].differs[0].ours == "not stated, 1 patient"
    assert placed(beside("halsrnet", "8", folder, dataset="acdc")) == ["HALSR-Net trained on ACDC"]


def test_a_command_that_is_shown_runs_that_row() -> None:
    paper = paper_named("dadu")
    table = paper.table_named("3")
    words = shlex.split(run_command(paper, table, table.row_named("U-Net [7]")))
    assert words[:6] == ["shortaxis", "reproduce", "dadu", "3", "--row", "U-Net [7]"]
    assert "--run" in words and words[words.index("--dataset") + 1] == "acdc"


def test_the_papers_tables_are_listed_with_their_data_and_what_can_be_run() -> None:
    status, told = reproduced("halsrnet")
    assert status == 0 and "LVQuan19" in told and "Not among them: Table 2 holds settings" in told
    status, told = reproduced()
    assert status == 0 and all(paper_named(name).citation[:12] in told for name in paper_names())


def test_without_results_the_figures_stand_with_the_command_and_the_missing_data() -> None:
    status, told = reproduced("attention-mnet", "I")
    assert status == 0 and "0.9072" in told and "data not available: private" in told
    assert "shortaxis reproduce attention-mnet I --run --data DIR --dataset mouse --results RESULTS" in told


def test_a_row_that_nobody_can_run_here_is_marked() -> None:
    status, told = reproduced("halsrnet", "6", "--row", "CFNet")
    assert status == 0 and "paper alone" in told and "--run" not in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("halsr-net", "5"), "did you mean 'halsrnet'"),
        (("halsrnet", "12"), "1, 3, 4, 5, 6, 7, 8, 9, 7-text, 9-text"),
        (("halsrnet", "5", "--row", "U-net"), "did you mean 'U-Net'"),
        (("halsrnet", "5", "--run", "--results", "out"), "--data"),
        (("halsrnet", "5", "--run", "--data", "here"), "--results"),
        (("halsrnet", "1", "--run", "--quick", "--results", "out"), "a count, nothing to run"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_way_out(words: Sequence[str], told: str) -> None:
    status, said = reproduced(*words)
    assert status != 0 and told in said.replace("│ ", "")


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="no such folder"):
        read_held([str(tmp_path / "none")])
    with pytest.raises(MissingFile, match=r"scores\.json"):
        read_held([str(tmp_path)])


def test_the_three_files_hold_the_table_and_are_not_replaced(tmp_path: Path) -> None:
    folder = made(tmp_path / "ours", "halsrnet", [row("a", "lv_cavity", dice=0.9)])
    words = ("halsrnet", "6", "--results", folder, "--out", tmp_path / "out")
    assert reproduced(*words)[0] == 0
    held = json.loads((tmp_path / "out" / "reproduce.json").read_text())
    last = held["rows"][-1]
    assert last["published"]["Dice"] == 0.978 and last["ours"][0]["figures"]["Dice"]["value"] == 0.9
    assert held["rows"][0]["status"] == "published only" and held["rows"][0]["published"]["ASSD"] == "-"
    with (tmp_path / "out" / "reproduce.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert len(cells) == 4 * 3
    (cell,) = (line for line in cells if line["row"] == "HALSR-Net" and line["column"] == "Dice")
    assert (cell["published"], cell["ours"], cell["split ours"]) == ("0.978", "0.9", "fold 0 of 5, acdc-5")
    assert "3D per patient" in cell["definition ours"] and cell["definition differs"]
    text = (tmp_path / "out" / "reproduce.md").read_text("utf-8")
    assert "| HALSR-Net | paper | 0.978 | 5.11 | 0.36 |" in text and "## What differs" in text
    status, told = reproduced(*words)
    assert status != 0 and "SA-E007" in told


def test_a_comparison_of_the_program_itself_is_set_beside_the_paper(quick: Path) -> None:
    status, told = reproduced("uncertainty-unet", "1", "--results", quick)
    assert status == 0 and "ours: uncertainty-unet" in told and "phantom, 3 patients" in told
    scores = json.loads((quick / "results" / "uncertainty-unet" / "fold-0" / "scores.json").read_text())
    dice: dict[str, list[float]] = {}
    for line in scores["rows"]:
        if line["structure"] == "myocardium":
            dice.setdefault(line["case"], []).append(line["dice"])
    expected = 100 * sum(sum(values) / len(values) for values in dice.values()) / len(dice)
    found = beside("uncertainty-unet", "1", quick)
    assert placed(found) == ["Proposed"]
    assert ours(found, "Proposed")["Myo DSC"] == pytest.approx(expected)


def test_what_is_not_there_yet_is_run_as_compare_does(quick: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    shutil.copytree(quick, out)  # the same network in the same training: its stages are there already
    words = ("dadu", "3", "--row", "U-Net [7]", "--run", "--quick", "--results", out, "--device", "cpu")
    status, told = reproduced(*words)
    assert status == 0, told
    scores = json.loads((out / "results" / "U-Net-7" / "fold-0" / "scores.json").read_text())
    assert (scores["label"], scores["dataset"]) == ("U-Net [7]", "phantom")
    assert "ours: U-Net [7]" in told and "ours: unet" in told


def test_a_comparisons_page_can_hold_a_papers_figures_beside_its_entries(quick: Path) -> None:
    published = published_of(["dadu/3", "attention-mnet/Table I"])
    plan = Plan((Entry("unet", "unet"),), Path(), "phantom", quick, published=published)
    dadu, mnet = published_tables(plan)
    assert (dadu.name, mnet.name) == ("published_dadu_3", "published_attention-mnet_I")
    beside = [line["whose"] for line in dadu.rows if line["row"] in ("U-Net [7]", "")]
    assert beside == ["paper", "ours: unet"]  # the other entry of the folder is not the plan's
    assert [line["whose"] for line in dadu.rows if line["row"] == "MRF [14]"] == ["paper alone"]
    assert any("phantom, 3 patients" in note for note in dadu.notes)


def test_what_is_asked_for_in_a_comparison_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(BadConfiguration, match="PAPER/TABLE"):
        published_of(["dadu"])
    with pytest.raises(UnknownName, match="a table of DADU"):
        published_of(["dadu/9"])
