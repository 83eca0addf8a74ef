"""Measuring labels that somebody drew or corrected, beside the scan they belong to."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image

from shortaxis import __version__
from shortaxis.core.errors import GridMismatch, LabelsMissing, OutputExists
from shortaxis.pipeline import measure_files, write_phantom
from shortaxis.read.phantom import PhantomRecipe

SMALL = PhantomRecipe(frames=4, slices=5, rows=64, cols=64, pixel_mm=4.0)


@pytest.fixture
def case_folder(acdc_tree: Path, tmp_path: Path) -> Path:
    """A case's folder as `segment` leaves it, with the reference for masks."""
    folder = tmp_path / "results" / "patient001"
    folder.mkdir(parents=True)
    for path in (acdc_tree / "training/patient001").glob("*_gt.nii.gz"):
        shutil.copy(path, folder / path.name.replace("_gt", "_labels"))
    return folder


def test_a_cine_and_its_labels_give_the_true_volumes(tmp_path: Path) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    truth = json.loads((tmp_path / "scan/truth.json").read_text())
    measures = measure_files(cine, tmp_path / "scan/phantom_gt.nii.gz", tmp_path / "out")
    assert measures["lv"]["edv_ml"] == pytest.approx(truth["lv"]["edv_ml"])
    assert json.loads((tmp_path / "out/measures.json").read_text()) == measures
    page = (tmp_path / "out/report.html").read_text("utf-8")
    drawn = hashlib.sha256((tmp_path / "scan/phantom_gt.nii.gz").read_bytes()).hexdigest()
    scan = hashlib.sha256(cine.read_bytes()).hexdigest()
    assert __version__ in page and drawn in page and scan in page


def test_two_frame_files_of_a_patient_are_measured_as_one_heart(
    acdc_tree: Path, case_folder: Path, tmp_path: Path
) -> None:
    before = measure_files(acdc_tree / "training/patient001", case_folder, tmp_path / "before")["lv"]
    assert before["ef_percent"] == pytest.approx(100 * (1 - before["esv_ml"] / before["edv_ml"]))
    mask = sorted(case_folder.glob("*_labels.nii.gz"))[0]  # end diastole
    image = Nifti1Image.from_filename(mask)
    corrected = np.asarray(image.dataobj).copy()
    corrected[corrected == 3] = 2
    corrected[0, 0, 0] = 3
    Nifti1Image(corrected, image.affine, image.header).to_filename(mask)
    after = measure_files(acdc_tree / "training/patient001", case_folder, tmp_path / "after")["lv"]
    assert after["edv_ml"] == pytest.approx(float(np.prod(image.header.get_zooms())) / 1000)
    assert after["esv_ml"] == before["esv_ml"]


def test_a_segmented_case_keeps_its_name(acdc_tree: Path, case_folder: Path, tmp_path: Path) -> None:
    named = case_folder.rename(case_folder.with_name("case-007"))
    (named / "manifest.json").write_text("{}")
    assert measure_files(acdc_tree / "training/patient001", named, tmp_path / "out")["case"] == "case-007"


def test_a_frame_without_labels_is_named(acdc_tree: Path, case_folder: Path, tmp_path: Path) -> None:
    missing = sorted(case_folder.glob("*_labels.nii.gz"))[1]
    missing.unlink()
    with pytest.raises(LabelsMissing, match=missing.name):
        measure_files(acdc_tree / "training/patient001", case_folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_labels_of_one_frame_are_no_labels_of_a_cine(tmp_path: Path) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    image = Nifti1Image.from_filename(tmp_path / "scan/phantom_gt.nii.gz")
    one = tmp_path / "one_labels.nii.gz"
    Nifti1Image(np.asarray(image.dataobj)[..., 0], image.affine).to_filename(one)
    with pytest.raises(GridMismatch, match="all 4 frames") as refused:
        measure_files(cine, one, tmp_path / "out")
    assert refused.value.path == one


def test_a_segmented_case_is_never_replaced_and_earlier_measures_only_when_asked(tmp_path: Path) -> None:
    cine, labels, out = write_phantom(SMALL, tmp_path / "scan"), tmp_path / "scan/phantom_gt.nii.gz", tmp_path / "out"
    measure_files(cine, labels, out)
    with pytest.raises(OutputExists, match="--overwrite"):
        measure_files(cine, labels, out)
    measure_files(cine, labels, out, overwrite=True)
    (out / "manifest.json").write_text("{}")
    with pytest.raises(OutputExists, match="a case that `segment` wrote"):
        measure_files(cine, labels, out, overwrite=True)
