"""Masks against reference masks, folder against folder."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import NoStudy, OutputExists
from shortaxis.core.study import Grid
from shortaxis.files.writer import write_labels
from shortaxis.pipeline import evaluate_folders, write_phantom
from shortaxis.read.phantom import PhantomRecipe
from tests.lookalike.acdc_tree import make_acdc_tree

SMALL = PhantomRecipe(frames=4, slices=4, rows=96, cols=96)


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the 4D reference masks of one phantom, `phantom_gt.nii.gz`."""
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(SMALL, folder)
    return folder


def test_earlier_scores_are_kept_unless_told_otherwise(masks: Path, tmp_path: Path) -> None:
    evaluate_folders(masks, masks, tmp_path)
    with pytest.raises(OutputExists, match="--overwrite"):
        evaluate_folders(masks, masks, tmp_path)
    assert evaluate_folders(masks, masks, tmp_path, overwrite=True)["n_cases"] == 1


def test_a_cine_s_phases_come_from_the_reference_s_own_volume_curve(masks: Path, tmp_path: Path) -> None:
    summary = evaluate_folders(masks, masks, tmp_path)
    assert summary["phases"] == "from the reference's volume curve"
    assert json.loads((tmp_path / "summary.json").read_text())["phases"] == summary["phases"]
    assert summary["agreement"]["lv"]["ef_percent"]["n"] == 1
    assert summary["agreement"]["lv"]["ef_percent"]["bias"] == 0
    rows = list(csv.DictReader((tmp_path / "scores.csv").open()))
    phases = {int(row["frame_number"]): row["phase"] for row in rows}
    assert phases == {1: "ED", SMALL.es_index + 1: "ES", 3: "", 4: ""}  # the phantom's own end diastole is frame 1


def test_every_slice_is_scored_in_a_table_of_its_own(masks: Path, tmp_path: Path) -> None:
    summary = evaluate_folders(masks, masks, tmp_path)
    rows = list(csv.DictReader((tmp_path / "slices.csv").open()))
    assert len(rows) == SMALL.frames * SMALL.slices * 3 == summary["by_slice"]["n_rows"]
    assert {row["hd_px"] for row in rows} <= {"0.0", "0", ""}
    assert summary["by_slice"]["dice"]["mean"] == 1.0


def test_masks_beside_acdc_patients_are_scored_too(masks: Path, tmp_path: Path) -> None:
    make_acdc_tree(tmp_path / "both", n_patients=1)
    shutil.copy(masks / "phantom_gt.nii.gz", tmp_path / "both")
    summary = evaluate_folders(tmp_path / "both", tmp_path / "both", tmp_path / "out")
    assert summary["n_cases"] == 2
    assert summary["without_prediction"] == []


def test_a_single_frame_that_states_no_phase_has_none(tmp_path: Path) -> None:
    labels = np.zeros((1, 3, 8, 8), np.uint8)
    labels[..., 3:5, 3:5] = 3
    grid = Grid((3, 8, 8), np.diag([1.0, 1.0, 8.0, 1.0]), (8.0, 1.0, 1.0))
    write_labels(tmp_path / "a" / "x_gt.nii.gz", labels, grid, is_4d=False)
    write_labels(tmp_path / "b" / "y_ed_gt.nii.gz", labels, grid, is_4d=False)
    alone = evaluate_folders(tmp_path / "a", tmp_path / "a", tmp_path / "out-a")
    assert alone["phases"] == "not known"
    assert alone["agreement"]["lv"]["ef_percent"]["n"] == 0
    assert evaluate_folders(tmp_path / "b", tmp_path / "b", tmp_path / "out-b")["phases"] == "stated by the reference"


def test_an_earlier_phantom_is_kept_unless_told_otherwise(masks: Path) -> None:
    before = (masks / "phantom.nii.gz").read_bytes()
    with pytest.raises(OutputExists, match="--overwrite"):
        write_phantom(PhantomRecipe(frames=2, slices=4, rows=96, cols=96), masks)
    assert (masks / "phantom.nii.gz").read_bytes() == before


@pytest.mark.parametrize("held", ["other", "nothing"])
def test_a_folder_of_which_no_mask_bears_a_references_name_is_refused(masks: Path, tmp_path: Path, held: str) -> None:
    prediction = tmp_path / "prediction"
    prediction.mkdir()
    if held == "other":
        shutil.copy(masks / "phantom_gt.nii.gz", prediction / "somebody_labels.nii.gz")
    with pytest.raises(NoStudy, match=r"phantom_labels\.nii\.gz") as refused:
        evaluate_folders(masks, prediction, tmp_path / "out")
    assert refused.value.path == prediction
    assert ("somebody_labels.nii.gz" in str(refused.value)) == (held == "other")
    assert not (tmp_path / "out").exists()
