"""Two readings of made-up patients, folder against folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shortaxis.cli.main import status_of
from shortaxis.core.errors import BadConfiguration, DamagedFile, NoStudy, OutputExists
from shortaxis.core.study import Grid
from shortaxis.files.writer import write_json, write_labels
from shortaxis.pipeline import agree_folders
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.lookalike.ring_study import ring_labels

GRID = Grid((4, 40, 36), np.diag([-1.5, -1.5, 8.0, 1.0]), (8.0, 1.5, 1.5))


def hearts(shift: int = 0) -> NDArray[np.uint8]:
    """[frame, slice, row, col] in ACDC's numbers, ED first and ES last, moved by `shift` columns."""
    return np.roll(ring_labels(2, 4, 40, 36, (20.0, 18.0)), shift, axis=-1)


def draw(folder: Path, case: str, labels: NDArray[np.uint8], grid: Grid = GRID) -> None:
    """`case`_ed_seg and `case`_es_seg."""
    for index, phase in enumerate(("ed", "es")):
        write_labels(folder / f"{case}_{phase}_seg.nii.gz", labels[[index]], grid, is_4d=False)


def segmented(
    folder: Path, case: str, labels: NDArray[np.uint8] | None, ef_percent: float, species: str = "human"
) -> None:
    """A case's folder as `segment` writes it: measures, and a 4D mask with copies of its phases."""
    phases = {"ed_index": 0, "es_index": 1}
    lv = {"ef_percent": ef_percent, "edv_ml": 100.0, "edv_index_ml_m2": 50.0, "wall": {"aha": {"ed_mm": [1.0]}}}
    patient = {"species": species}
    write_json(folder / case / "measures.json", {"case": case, "patient": patient, "phases": phases, "lv": lv})
    if labels is not None:
        write_labels(folder / case / "x_labels.nii.gz", labels, GRID, is_4d=True)
        write_labels(folder / case / "x_ed_labels.nii.gz", labels[:1], GRID, is_4d=False)


def test_equal_masks_agree_wholly(tmp_path: Path) -> None:
    for case, shift in (("p1", 0), ("p2", 1)):
        draw(tmp_path / "a", case, hearts(shift))
        draw(tmp_path / "b", case, hearts(shift))
    found = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert (found["n_cases"], found["n_on_one_grid"], found["off_grid"]) == (2, 2, {})
    assert found["indices"]["lv.ef_percent"]["bias"] == 0.0
    assert found["indices"]["lv.edv_ml"]["cv_percent"] == 0.0
    assert found["overlap"]["lv_cavity"]["ED"]["dice"]["mean"] == 1.0
    assert found["ef_categories"]["n_changed"] == 0


def test_masks_moved_by_two_columns_are_two_columns_apart(tmp_path: Path) -> None:
    draw(tmp_path / "a", "p1", hearts())
    draw(tmp_path / "b", "p1", hearts(2))
    found = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert found["overlap"]["lv_cavity"]["ED"]["hd_mm"]["mean"] == pytest.approx(3.0)
    rows = list(csv.DictReader((tmp_path / "out" / "overlap.csv").open()))
    assert {(row["case"], row["in"]) for row in rows} == {("p1", "both")}
    assert {row["phase"] for row in rows} == {"ED", "ES"}
    assert found["indices"]["lv.edv_ml"]["bias"] == 0.0  # as large, elsewhere


def test_cases_are_paired_by_name_and_the_others_named(tmp_path: Path) -> None:
    for folder, cases in (("a", ("p1", "p2")), ("b", ("p2", "p3"))):
        for case in cases:
            draw(tmp_path / folder, case, hearts())
    found = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert (found["n_cases"], found["only_in_a"], found["only_in_b"]) == (1, ["p1"], ["p3"])


def test_on_different_grids_the_indices_alone_are_compared(tmp_path: Path) -> None:
    draw(tmp_path / "a", "p1", hearts())
    draw(
        tmp_path / "b",
        "p1",
        np.pad(hearts(), ((0, 0), (0, 0), (0, 0), (2, 2))),
        Grid((4, 40, 40), GRID.affine, GRID.spacing_mm),
    )
    found = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert (found["n_on_one_grid"], found["overlap"]) == (0, {})
    assert "40" in found["off_grid"]["p1"]
    assert found["indices"]["lv.edv_ml"]["n"] == 1


def test_what_segment_wrote_brings_its_own_measures_and_its_masks(tmp_path: Path) -> None:
    for case, ours, theirs in (("p1", 39.0, 41.0), ("p2", 55.0, 55.0), ("p3", 60.0, 58.0)):
        segmented(tmp_path / "a", case, hearts(), ours)
        segmented(tmp_path / "b", case, hearts(), theirs)
    found = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out", name_a="Old", name_b="New")
    assert set(found["indices"]) == {"lv.ef_percent", "lv.edv_ml"}  # nothing per body surface or segment
    ef = found["indices"]["lv.ef_percent"]
    assert (ef["n"], ef["bias"], ef["mae"]) == pytest.approx((3, 0.0, 4 / 3))
    assert found["ef_categories"]["changed"] == {"p1": ("<40", "40-49")}
    assert found["overlap"]["rv_cavity"]["ES"]["dice"]["mean"] == 1.0
    table = list(csv.DictReader((tmp_path / "out" / "ef_categories.csv").open()))
    assert [list(row.values()) for row in table] == [
        ["<40", "0", "1", "0"],
        ["40-49", "0", "0", "0"],
        [">=50", "0", "0", "2"],
    ]
    assert "<title>Old and New" in (tmp_path / "out" / "agreement.html").read_text("utf-8")


def test_a_mouse_is_in_no_category_of_mans_heart_failure(tmp_path: Path) -> None:
    for folder, ef in (("a", 38.0), ("b", 55.0)):
        segmented(tmp_path / folder, "m1", None, ef, "mouse")
    found = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert found["indices"]["lv.ef_percent"]["bias"] == -17.0 and found["ef_categories"]["n"] == 0
    written = (tmp_path / "out" / name for name in ("ef_categories.csv", "agreement.html"))
    assert not any("40-49" in path.read_text("utf-8") or "40–49" in path.read_text("utf-8") for path in written)


def test_measures_without_masks_and_masks_can_stand_against_each_other(tmp_path: Path) -> None:
    segmented(tmp_path / "a", "p1", None, 50.0)
    draw(tmp_path / "b", "p1", hearts())
    found = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    assert found["off_grid"] == {"p1": "no masks beside the measures"}
    assert found["indices"]["lv.ef_percent"]["n"] == 1


def test_of_two_whole_cines_the_same_frames_are_compared(tmp_path: Path) -> None:
    cine = np.concatenate([hearts()[:1], hearts()[1:], hearts()[1:]])
    for folder, es_index in (("a", 1), ("b", 2)):
        segmented(tmp_path / folder, "p1", cine, 50.0)
        phases = {"ed_index": 0, "es_index": es_index}
        write_json(tmp_path / folder / "p1" / "measures.json", {"case": "p1", "phases": phases, "lv": {"edv_ml": 1.0}})
    found = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out")
    rows = list(csv.DictReader((tmp_path / "out" / "overlap.csv").open()))
    assert {row["frames"] for row in rows} == {
        "the same frames, A's end-diastole and end-systole: both hold the same cine"
    }
    assert found["overlap"]["lv_cavity"]["ES"]["dice"]["n"] == 1


def test_acdc_s_folders_are_a_reading_and_numbers_may_differ(tmp_path: Path) -> None:
    make_acdc_tree(tmp_path / "acdc", 2)
    found = agree_folders(tmp_path / "acdc", tmp_path / "acdc", tmp_path / "out")
    assert (found["n_cases"], found["indices"]["rv.edv_ml"]["bias"]) == (2, 0.0)
    draw(tmp_path / "a", "p1", hearts())
    draw(tmp_path / "b", "p1", np.array([0, 3, 2, 1], np.uint8)[hearts()])
    swapped = agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "swapped", scheme_b="mnms")
    assert swapped["overlap"]["lv_cavity"]["ED"]["dice"]["mean"] == 1.0


def test_the_numbers_are_in_one_file_and_earlier_ones_are_kept(tmp_path: Path) -> None:
    draw(tmp_path / "a", "p1", hearts())
    agree_folders(tmp_path / "a", tmp_path / "a", tmp_path / "out")
    held = json.loads((tmp_path / "out" / "agreement.json").read_text("utf-8"))
    assert held["definitions"]["cv_percent"].startswith("within-subject")
    with pytest.raises(OutputExists, match="--overwrite"):
        agree_folders(tmp_path / "a", tmp_path / "a", tmp_path / "out")
    assert agree_folders(tmp_path / "a", tmp_path / "a", tmp_path / "out", overwrite=True)["n_cases"] == 1


def test_folders_without_a_common_case_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "a", "p1", hearts())
    draw(tmp_path / "b", "p2", hearts())
    with pytest.raises(NoStudy, match="p1 against p2"):
        agree_folders(tmp_path / "a", tmp_path / "b", tmp_path / "out")


def test_two_cases_of_one_name_and_damaged_measures_are_refused(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "one", "p1", hearts())
    draw(tmp_path / "a" / "two", "p1", hearts())
    with pytest.raises(BadConfiguration, match="p1"):
        agree_folders(tmp_path / "a", tmp_path / "a", tmp_path / "out")
    (tmp_path / "b" / "p1").mkdir(parents=True)
    (tmp_path / "b" / "p1" / "measures.json").write_text("{", "utf-8")
    with pytest.raises(DamagedFile):
        agree_folders(tmp_path / "b", tmp_path / "b", tmp_path / "out")


def test_the_command_line_says_where_the_report_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(tmp_path / "a", "p1", hearts())
    assert status_of(["agree", str(tmp_path / "a"), str(tmp_path / "a"), "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "1 cases in both" not in shown and "1 case in both" in shown
    assert "agreement.html" in shown.replace("\n", "")
