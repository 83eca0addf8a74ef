"""nnU-Net gets our split in its own layout, and its masks come back into our scores."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from shortaxis.cli.main import status_of
from shortaxis.core.errors import (
    BadSpacing,
    CannotResume,
    GridMismatch,
    LabelsMissing,
    LeakingSplit,
    PackageMissing,
    ProgramFailed,
)
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE, Labels
from shortaxis.core.study import Study
from shortaxis.experiments.nnunet import RawDataset, commands, plain_grid, read_back, run_nnunet, write_raw
from shortaxis.train.folds import Fold
from shortaxis.train.run import TrainingCase
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.lookalike.ring_study import ring_study

FOLDS = [Fold(("b",), ("a",)), Fold(("a",), ("b",))]


def case(name: str, study: Study | None = None) -> TrainingCase:
    held = study or ring_study(name=name, n_frames=2, slices=3)
    return TrainingCase(name, name, lambda: held)


CASES = [case("a"), case("b")]


def voxels(path: Path) -> np.ndarray:
    """[slice, row, col] of a file."""
    return np.asarray(nib.load(path).dataobj).T  # type: ignore[attr-defined]


def test_every_labelled_frame_is_one_case_in_nnunets_layout(tmp_path: Path) -> None:
    dataset = RawDataset(tmp_path)
    write_raw(dataset, CASES, FOLDS, ACDC)
    raw = tmp_path / "nnUNet_raw" / "Dataset501_Shortaxis"
    names = ["a_f001", "a_f002", "b_f001", "b_f002"]
    assert sorted(path.name for path in (raw / "imagesTr").iterdir()) == [f"{name}_0000.nii.gz" for name in names]
    assert sorted(path.name for path in (raw / "labelsTr").iterdir()) == [f"{name}.nii.gz" for name in names]
    described = json.loads((raw / "dataset.json").read_text("utf-8"))
    assert described == {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, "rv_cavity": 1, "myocardium": 2, "lv_cavity": 3},
        "numTraining": 4,
        "file_ending": ".nii.gz",
    }
    study = CASES[0].read()
    assert study.labels is not None
    np.testing.assert_array_equal(voxels(raw / "imagesTr" / "a_f002_0000.nii.gz"), study.image[1])
    np.testing.assert_array_equal(voxels(raw / "labelsTr" / "a_f002.nii.gz"), study.labels.array[1])


def test_the_folds_are_ours_by_patient(tmp_path: Path) -> None:
    write_raw(RawDataset(tmp_path), CASES, FOLDS, ACDC)
    written = tmp_path / "nnUNet_preprocessed" / "Dataset501_Shortaxis" / "splits_final.json"
    assert json.loads(written.read_text("utf-8")) == [
        {"train": ["b_f001", "b_f002"], "val": ["a_f001", "a_f002"]},
        {"train": ["a_f001", "a_f002"], "val": ["b_f001", "b_f002"]},
    ]


def test_a_slice_nobody_drew_is_ignored_and_a_frame_nobody_drew_is_no_case(tmp_path: Path) -> None:
    study = ring_study(name="a", n_frames=2, slices=3)
    assert study.labels is not None
    annotated = study.labels.annotated.copy()
    annotated[0, 2] = False
    annotated[1] = False
    partly = replace(study, labels=Labels(study.labels.array, ACDC, annotated))
    dataset = RawDataset(tmp_path)
    write_raw(dataset, [case("a", partly), case("b")], FOLDS, ACDC)
    assert not (dataset.raw / "labelsTr" / "a_f002.nii.gz").exists()
    labels = voxels(dataset.raw / "labelsTr" / "a_f001.nii.gz")
    assert (labels[2] == 4).all() and labels[:2].max() == 3
    assert json.loads((dataset.raw / "dataset.json").read_text("utf-8"))["labels"]["ignore"] == 4


def test_labels_are_renumbered_for_the_scheme_asked_for(tmp_path: Path) -> None:
    dataset = RawDataset(tmp_path)
    write_raw(dataset, CASES, FOLDS, LEFT_VENTRICLE)
    assert voxels(dataset.raw / "labelsTr" / "a_f001.nii.gz").max() == 2


def test_the_spacing_is_true_where_the_sources_affine_has_unit_columns(tmp_path: Path) -> None:
    """Both the pixdim and the affine say it, as every reader then finds it."""
    from shortaxis.read.acdc import read_acdc_labelled

    (folder,) = make_acdc_tree(tmp_path / "acdc", 1)
    study = read_acdc_labelled(folder)
    assert np.allclose(np.linalg.norm(study.grid.affine[:3, :3], axis=0), 1)
    dataset = RawDataset(tmp_path / "out")
    write_raw(dataset, [case("a", study)], [Fold((), ("a",))], ACDC)
    written = nib.load(next((dataset.raw / "imagesTr").iterdir()))
    assert np.allclose(written.header.get_zooms(), (1.5625, 1.5625, 10.0))  # type: ignore[attr-defined]
    assert np.allclose(np.linalg.norm(written.affine[:3, :3], axis=0), (1.5625, 1.5625, 10.0))  # type: ignore[attr-defined]


def test_what_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsMissing):
        write_raw(RawDataset(tmp_path), [case("a", replace(ring_study(), labels=None))], FOLDS, ACDC)
    with pytest.raises(BadSpacing, match="none in a"):
        write_raw(RawDataset(tmp_path), [case("a", ring_study(spacing_mm=None))], FOLDS, ACDC)
    with pytest.raises(LeakingSplit):
        write_raw(RawDataset(tmp_path), CASES, [Fold(("a", "b"), ("a",))], ACDC)


def test_another_split_in_the_same_folder_is_refused_and_the_same_one_is_not_written_again(tmp_path: Path) -> None:
    dataset = RawDataset(tmp_path)
    write_raw(dataset, CASES, FOLDS, ACDC)
    (dataset.raw / "dataset.json").unlink()
    write_raw(dataset, CASES, FOLDS, ACDC)
    assert not (dataset.raw / "dataset.json").exists()
    with pytest.raises(CannotResume):
        write_raw(dataset, CASES, FOLDS[::-1], ACDC)


def leave_masks(dataset: RawDataset, cases: list[TrainingCase], change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """What nnU-Net leaves of fold 0: the reference, changed."""
    folder = dataset.predictions("2d", 0)
    folder.mkdir(parents=True)
    for path in (dataset.raw / "labelsTr").glob("*.nii.gz"):
        if path.name.startswith(tuple(f"{case.name}_f" for case in cases)):
            image = nib.load(path)
            array = change(np.asarray(image.dataobj)).astype(np.uint8)  # type: ignore[attr-defined]
            nib.save(nib.Nifti1Image(array, image.affine), folder / path.name)  # type: ignore[attr-defined]
    return folder


def test_perfect_masks_come_back_with_a_dice_of_one(tmp_path: Path) -> None:
    dataset = RawDataset(tmp_path)
    write_raw(dataset, CASES, FOLDS, ACDC)
    leave_masks(dataset, CASES[:1], lambda array: array)
    summary = read_back(dataset, "2d", 0, CASES[:1], ACDC, tmp_path / "scored")
    assert summary["n_cases"] == 1 and summary["dice"]["mean"] == 1 and summary["without_prediction"] == []
    assert (tmp_path / "scored" / "scores.csv").is_file()
    mask = nib.load(tmp_path / "scored" / "masks" / "a_labels.nii.gz")
    assert mask.shape == (44, 48, 3, 2)  # type: ignore[attr-defined]


def test_a_shifted_mask_scores_what_the_shift_costs(tmp_path: Path) -> None:
    dataset = RawDataset(tmp_path)
    write_raw(dataset, CASES, FOLDS, ACDC)
    leave_masks(dataset, CASES[:1], lambda array: np.roll(array, 2, axis=0))  # columns of 2 mm
    summary = read_back(dataset, "2d", 0, CASES[:1], ACDC, tmp_path / "scored")
    study = CASES[0].read()
    assert study.labels is not None
    ours = study.labels.array[0] == 3
    theirs = np.roll(ours, 2, axis=2)
    expected = 2 * (ours & theirs).sum() / (ours.sum() + theirs.sum())
    rows = (tmp_path / "scored" / "scores.csv").read_text("utf-8").splitlines()
    columns = rows[0].split(",")
    row = next(
        dict(zip(columns, line.split(","), strict=True))
        for line in rows[1:]
        if ",lv_cavity," in line and ",0,1," in line
    )
    assert float(row["dice"]) == pytest.approx(expected) and float(row["hd_mm"]) == pytest.approx(4.0)
    assert summary["dice"]["mean"] < 1


def test_a_mask_that_is_missing_counts_as_empty_and_is_named(tmp_path: Path) -> None:
    dataset = RawDataset(tmp_path)
    write_raw(dataset, CASES, FOLDS, ACDC)
    folder = leave_masks(dataset, CASES[:1], lambda array: array)
    (folder / "a_f002.nii.gz").unlink()
    summary = read_back(dataset, "2d", 0, CASES[:1], ACDC, tmp_path / "scored")
    assert summary["without_prediction"] == ["a_f002.nii.gz"]
    assert summary["dice"]["mean"] == pytest.approx(0.5)  # one frame of two


def test_a_mask_on_another_grid_is_refused(tmp_path: Path) -> None:
    dataset = RawDataset(tmp_path)
    write_raw(dataset, CASES, FOLDS, ACDC)
    leave_masks(dataset, CASES[:1], lambda array: array[:-1])
    with pytest.raises(GridMismatch):
        read_back(dataset, "2d", 0, CASES[:1], ACDC, tmp_path / "scored")


def test_a_plain_grid_lies_where_the_study_lies() -> None:
    grid = ring_study(spacing_mm=(8.0, 1.2, 2.4)).grid
    assert plain_grid(grid, "a").nifti is None
    np.testing.assert_allclose(plain_grid(grid, "a").affine, grid.affine)


# A fake nnU-Net: planning leaves a mark, training copies the reference labels of the fold's validation cases.
FAKE = """#!{python}
import json, os, pathlib, shutil, sys
raw = next(pathlib.Path(os.environ["nnUNet_raw"]).iterdir())
prepared = pathlib.Path(os.environ["nnUNet_preprocessed"]) / raw.name
if sys.argv[0].endswith("preprocess"):
    (prepared / "planned").write_text(" ".join(sys.argv[1:]))
    sys.exit({status})
_, number, configuration, fold = sys.argv
assert (prepared / "planned").is_file() and raw.name.startswith("Dataset" + number)
results = pathlib.Path(os.environ["nnUNet_results"]) / raw.name / ("nnUNetTrainer__nnUNetPlans__" + configuration)
target = results / ("fold_" + fold) / "validation"
target.mkdir(parents=True)
for name in json.loads((prepared / "splits_final.json").read_text())[int(fold)]["val"]:
    shutil.copy(raw / "labelsTr" / (name + ".nii.gz"), target)
"""


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> None:
    folder.mkdir()
    for name in ("nnUNetv2_plan_and_preprocess", "nnUNetv2_train"):
        (folder / name).write_text(FAKE.format(python=sys.executable, status=status), "utf-8")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_its_commands_run_one_after_the_other_with_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(tmp_path / "bin", monkeypatch)
    dataset = RawDataset(tmp_path / "out")
    write_raw(dataset, CASES, FOLDS, ACDC)
    run_nnunet(dataset, "2d", 1)
    assert (dataset.splits.parent / "planned").read_text("utf-8") == "-d 501 -c 2d --verify_dataset_integrity"
    summary = read_back(dataset, "2d", 1, CASES[1:], ACDC, tmp_path / "scored")
    assert summary["dice"]["mean"] == 1


def test_a_failing_command_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(tmp_path / "bin", monkeypatch, status=3)
    dataset = RawDataset(tmp_path / "out")
    write_raw(dataset, CASES, FOLDS, ACDC)
    with pytest.raises(ProgramFailed, match="nnUNetv2_plan_and_preprocess(.|\n)*3"):
        run_nnunet(dataset, "2d", 0)
    assert not dataset.predictions("2d", 0).exists()


def test_without_nnunet_the_refusal_shows_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageMissing, match="nnUNetv2_train 501 3d_fullres 2"):
        run_nnunet(RawDataset(tmp_path), "3d_fullres", 2)


def test_the_commands_are_nnunets_own() -> None:
    assert commands(RawDataset(Path("out")), "2d", 4)[1] == ["nnUNetv2_train", "501", "2d", "4"]


def test_the_command_line_writes_prints_runs_and_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_acdc_tree(tmp_path / "acdc", 3)
    line = ["nnunet", "--data", str(tmp_path / "acdc"), "--dataset", "acdc", "--out", str(tmp_path / "out")]
    line += ["--folds", "3", "--fold", "1"]
    assert status_of(line) == 0
    shown = capsys.readouterr().out
    assert "nnUNetv2_train 501 2d 1" in shown and "export nnUNet_raw=" in shown
    put_on_path(tmp_path / "bin", monkeypatch)
    assert status_of([*line, "--run"]) == 0
    assert "1 case" in capsys.readouterr().out
    scored = tmp_path / "out" / "2d-fold-1"
    assert json.loads((scored / "summary.json").read_text("utf-8"))["dice"]["mean"] == 1
    assert len(list((scored / "masks").glob("patient*_frame*_labels.nii.gz"))) == 2


def test_a_fold_that_is_not_there_is_refused(tmp_path: Path) -> None:
    line = ["nnunet", "--data", str(tmp_path), "--dataset", "acdc", "--out", str(tmp_path / "o"), "--fold", "5"]
    assert status_of(line) == 2


def compared(tmp_path: Path, *words: str) -> int:
    data = ["--data", str(tmp_path / "acdc"), "--dataset", "acdc", "--folds", "3", "--device", "cpu"]
    return status_of(["compare", *data, "--out", str(tmp_path / "compared"), "--nnunet", str(tmp_path / "out"), *words])


def test_its_masks_stand_in_the_table_of_a_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_acdc_tree(tmp_path / "acdc", 3)
    assert compared(tmp_path, "--fold", "1") != 0 and "shortaxis nnunet" in capsys.readouterr().err
    put_on_path(tmp_path / "bin", monkeypatch)
    line = ["nnunet", "--data", str(tmp_path / "acdc"), "--dataset", "acdc", "--out", str(tmp_path / "out")]
    assert status_of([*line, "--folds", "3", "--fold", "1", "--run"]) == 0
    assert compared(tmp_path, "--fold", "1") == 0, capsys.readouterr().err
    (row,), (cost,) = (
        list(csv.DictReader((tmp_path / "compared" / "tables" / f"{name}.csv").read_text("utf-8").splitlines()))
        for name in ("summary", "costs")
    )
    assert (row["entry"], row["n"], float(row["DSC"]), cost["recipe"]) == ("nnU-Net 2d", "1", 1.0, "its own")
    row = cost
    assert row["budget"].startswith("trained elsewhere") and row["params M"] == "" and row["s/case"] == ""
    assert "Trained elsewhere" in (tmp_path / "compared" / "tables.md").read_text("utf-8")


def test_it_is_refused_where_it_was_trained_on_another_fold_or_not_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_acdc_tree(tmp_path / "acdc", 3)
    put_on_path(tmp_path / "bin", monkeypatch)
    line = ["nnunet", "--data", str(tmp_path / "acdc"), "--dataset", "acdc", "--out", str(tmp_path / "out")]
    assert status_of([*line, "--folds", "3", "--fold", "1", "--run"]) == 0
    assert compared(tmp_path, "--fold", "0") != 0 and "--fold 0" in capsys.readouterr().err
    splits = json.loads((tmp_path / "out" / "folds.json").read_text("utf-8"))
    (tmp_path / "out" / "folds.json").write_text(json.dumps(splits[:1]), "utf-8")
    shutil.rmtree(tmp_path / "compared")
    assert compared(tmp_path, "--fold", "1") != 0 and "SA-E064" in capsys.readouterr().err
