"""Challenges' own folders, made up, scored in one call; masks that are no prediction of them refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from shortaxis.cli.main import status_of
from shortaxis.core.errors import BadConfiguration, OutputExists, UnknownLabel
from shortaxis.files.writer import write_labels
from shortaxis.pipeline import evaluate_protocol
from shortaxis.read.lvquan import LvquanCase, read_lvquan_labelled
from tests.lookalike.acdc_tree import add_cine, make_acdc_tree, save
from tests.lookalike.emidec_tree import make_emidec_tree
from tests.lookalike.lvquan_files import ES, make_lvquan19
from tests.lookalike.mnms_tree import make_mnms2_tree, make_mnms_tree


def test_acdc_s_folders_against_themselves_agree(tmp_path: Path) -> None:
    make_acdc_tree(tmp_path / "acdc", 3)
    found = evaluate_protocol("acdc", tmp_path / "acdc", tmp_path / "acdc", tmp_path / "out")
    assert (found["n_cases"], found["without_prediction"]) == (3, [])
    assert {(row["dice_mean"], row["hd_mm_mean"], row["n"]) for row in found["tables"]["structures"]} == {(1.0, 0.0, 3)}
    indices = {row["index"]: row for row in found["tables"]["indices"]}
    assert (indices["lv_ef_percent"]["n"], indices["lv_ef_percent"]["bias"]) == (3, 0.0)
    assert set(indices) >= {"lv_edv_ml", "lv_esv_ml", "rv_ef_percent", "myocardium_mass_g", "myocardium_volume_es_ml"}


def test_a_table_a_page_and_a_row_per_case_are_written_with_their_definitions(tmp_path: Path) -> None:
    make_acdc_tree(tmp_path / "acdc", 1)
    (tmp_path / "none").mkdir()
    found = evaluate_protocol("acdc", tmp_path / "acdc", tmp_path / "none", tmp_path / "out")
    assert found["without_prediction"] == ["patient001_frame01", "patient001_frame04"]
    rows = list(csv.DictReader((tmp_path / "out" / "acdc_cases.csv").open()))
    assert {(row["outcome"], row["dice"], row["hd_mm"], row["hd_mm_script"]) for row in rows} == {
        ("missed", "0.0", "", "1.0")
    }
    assert len(list(csv.DictReader((tmp_path / "out" / "acdc_indices.csv").open()))) == 8
    page = (tmp_path / "out" / "acdc.md").read_text("utf-8")
    assert "patient001_frame04" in page
    assert "- `loa_low`: lower limit of agreement, bias - 1.96 SD" in page
    held = json.loads((tmp_path / "out" / "acdc.json").read_text("utf-8"))
    assert held["definitions"]["cases"]["hd_mm"].startswith("Hausdorff distance between surface voxels")
    with pytest.raises(OutputExists):
        evaluate_protocol("acdc", tmp_path / "acdc", tmp_path / "none", tmp_path / "out")


@pytest.mark.parametrize("make", [make_mnms_tree, make_mnms2_tree], ids=["mnms", "mnms-2"])
def test_mnms_folders_bring_their_numbers_and_phases(make, tmp_path: Path) -> None:
    make(tmp_path / "data")
    found = evaluate_protocol("mnms", tmp_path / "data", tmp_path / "data", tmp_path / "out")
    rows = {(row["structure"], row["phase"]): row["dice_mean"] for row in found["tables"]["structures"]}
    assert len(rows) == 6
    assert set(rows.values()) == {1.0}


def test_emidec_folders_are_scored_as_code_and_page_say(tmp_path: Path) -> None:
    make_emidec_tree(tmp_path / "emidec")
    contours = tmp_path / "predicted"
    for folder in (tmp_path / "emidec").glob("Case_*"):
        if folder.is_dir():
            (contours / folder.name).mkdir(parents=True)
            (folder / "Contours" / f"{folder.name}.nii.gz").rename(contours / folder.name / f"{folder.name}.nii.gz")
            (folder / "Contours" / f"{folder.name}.nii.gz").write_bytes(
                (contours / folder.name / f"{folder.name}.nii.gz").read_bytes()
            )
    found = evaluate_protocol("emidec", tmp_path / "emidec", contours, tmp_path / "out")
    rows = {row["structure"]: row for row in found["tables"]["structures"]}
    assert [rows[name]["dice_code_mean"] for name in ("myocardium", "infarct", "no_reflow")] == [1.0, 1.0, 1.0]
    assert (rows["myocardium"]["n"], rows["infarct"]["n_in_neither"], rows["myocardium"]["hd_page_mm_mean"]) == (
        2,
        1,
        0,
    )


def test_lvquan_s_stated_indices_are_scored_beside_those_of_its_masks(tmp_path: Path) -> None:
    path = make_lvquan19(tmp_path / "data" / "patient1.mat", length_unit=1.5625)
    study = read_lvquan_labelled(LvquanCase("patient1", path))
    assert study.labels is not None
    write_labels(tmp_path / "masks" / "patient1_labels.nii.gz", study.labels.array, study.grid, is_4d=True)
    found = evaluate_protocol("lvquan", tmp_path / "data", tmp_path / "masks", tmp_path / "out")
    rows = {(row["against"], row["index"]): row for row in found["tables"]["indices"]}
    assert rows["reference masks", "rwt_is_mm"]["mae"] == 0.0
    assert rows["stated values", "a1_cavity_mm2"]["mae"] == pytest.approx(0.0)  # stated as counted pixels
    assert 0 < rows["stated values", "rwt_is_mm"]["mae"] < 1.5625  # stated as drawn, 3 pixels; ours along rays
    rates = {row["against"]: row["error_rate_percent"] for row in found["tables"]["phases"]}
    # The file calls frame 1 systole, ours is end-diastole: 1 of 20. The masks judge themselves right.
    assert rates == {"stated values": pytest.approx(100 / 20), "reference masks": 0.0}
    assert ES == 8


def test_predictions_may_be_handed_in_as_the_challenges_ask_for_them(tmp_path: Path) -> None:
    (folder,) = make_acdc_tree(tmp_path / "acdc", 1)
    ed, es = (folder / f"patient001_frame{number}_gt.nii.gz" for number in ("01", "04"))
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "patient001_ED.nii.gz").write_bytes(ed.read_bytes())
    half = evaluate_protocol("acdc", tmp_path / "acdc", tmp_path / "masks", tmp_path / "half")
    assert half["without_prediction"] == ["patient001_frame04"]
    (tmp_path / "masks" / "patient001_ES.nii.gz").write_bytes(es.read_bytes())
    add_cine(folder)  # the reference is then one cine of eight frames, of which two are drawn
    whole = evaluate_protocol("acdc", tmp_path / "acdc", tmp_path / "masks", tmp_path / "whole")
    assert whole["without_prediction"] == []
    assert {row["dice_mean"] for row in whole["tables"]["structures"]} == {1.0}


def test_masks_of_fewer_structures_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="--prediction-scheme acdc"):
        evaluate_protocol("acdc", tmp_path / "no", tmp_path / "no", tmp_path / "out", prediction_scheme="lv")


def test_numbers_of_another_scheme_are_refused(tmp_path: Path) -> None:
    make_acdc_tree(tmp_path / "acdc", 1)
    (tmp_path / "masks").mkdir()
    no_reflow = np.full((6, 64, 56), 4, np.uint8)  # EMIDEC's 4 is no number of ACDC's
    save(tmp_path / "masks" / "patient001_frame01_seg.nii.gz", no_reflow)
    with pytest.raises(UnknownLabel):
        evaluate_protocol("acdc", tmp_path / "acdc", tmp_path / "masks", tmp_path / "out")


def test_the_command_line_prints_markdown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_acdc_tree(tmp_path / "acdc", 1)
    folders = [
        "--reference",
        str(tmp_path / "acdc"),
        "--prediction",
        str(tmp_path / "acdc"),
        "--out",
        str(tmp_path / "o"),
    ]
    assert status_of(["evaluate", *folders, "--protocol", "acdc"]) == 0
    assert "| lv_cavity | ED | 1 | 0 | 0 | 0 | 1.000 |" in capsys.readouterr().out
    assert status_of(["evaluate", *folders, "--protocol", "brats"]) == 2
    assert np.all([name.suffix in {".csv", ".md", ".json"} for name in (tmp_path / "o").iterdir()])
