"""What looks odd and is sound comes in: with its voxels, its geometry, and a note where a reader of the result must know."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from shortaxis.cli.main import status_of
from shortaxis.core.errors import BadAffine, GridMismatch, NonFiniteVoxels
from shortaxis.core.labels import ACDC
from shortaxis.core.study import Study
from shortaxis.files.gate import check_same_grid, load_labels, load_nifti
from shortaxis.files.trust import Trust, trusting
from shortaxis.read.find import find_cases, only_study, read_case
from tests.lookalike.dicom_sets import SECRETS, Cine, edit_all, make_ge, make_siemens
from tests.lookalike.nifti_files import AFFINE, an_image, patched, rewrite, write


def codes(study: Study) -> list[str]:
    return [note.code for note in study.notes]


def placed(path: Path, affine: NDArray[np.float64], **fields: float) -> Path:
    """A sound image under another sform, its qform left out."""
    write(path, an_image()[0])
    return rewrite(path, srow_x=affine[0], srow_y=affine[1], srow_z=affine[2], qform_code=0, **fields)


# --- geometry -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("noise_mm", [1e-7, 1e-4, 0.1])
def test_labels_whose_affine_differs_by_less_than_a_tenth_of_a_voxel_are_on_the_image_s_grid(tmp_path, noise_mm):
    affine = AFFINE.copy()
    affine[0, 3] += noise_mm  # a tenth of a voxel is 0.15 mm
    labels = load_nifti(write(tmp_path / "labels.nii", an_image()[0], affine))
    image = load_nifti(write(tmp_path / "image.nii", an_image()[0]))
    check_same_grid(labels.grid, image.grid, tmp_path)
    affine[0, 3] += 0.2
    with pytest.raises(GridMismatch):
        check_same_grid(load_nifti(write(tmp_path / "far.nii", an_image()[0], affine)).grid, image.grid, tmp_path)


def test_qform_and_sform_that_differ_by_rounding_are_one(tmp_path):
    path = patched(write(tmp_path / "a.nii", an_image()[0]), "srow_x", 3, float(AFFINE[0, 3]) + 0.01)
    assert only_study(rewrite(path, qform_code=1)).grid.spacing_mm == (8, 1.5, 1.5)


@pytest.mark.parametrize(("shear", "noted"), [(3e-5, []), (9e-4, ["SA-W022"])])
def test_a_shear_below_a_thousandth_is_noted_from_a_ten_thousandth_on(tmp_path, shear, noted):
    affine = AFFINE.copy()
    affine[0, 2] = shear * 8
    assert codes(only_study(placed(tmp_path / "a.nii", affine))) == noted


def test_unit_columns_beside_another_pixdim_are_taken_for_directions_as_in_acdc(tmp_path):
    study = only_study(placed(tmp_path / "a.nii", np.diag([-1.0, -1.0, 1.0, 1.0])))
    assert study.grid.spacing_mm == (8, 1.5, 1.5) and codes(study) == ["SA-W020"]


def test_the_orientation_that_the_user_names_is_taken_where_two_disagree(tmp_path):
    path = rewrite(write(tmp_path / "a.nii", an_image()[0]), qform_code=1, qoffset_x=400.0)
    with pytest.raises(BadAffine):
        only_study(path)
    for trust, x in ((Trust(orientation_from="qform"), 400.0), (Trust(orientation_from="sform"), AFFINE[0, 3])):
        with trusting(trust):
            study = only_study(path)
        assert study.grid.affine[0, 3] == x and codes(study) == ["SA-W026"]


def test_naming_an_orientation_changes_nothing_where_they_agree(tmp_path):
    path = rewrite(write(tmp_path / "a.nii", an_image()[0]), qform_code=1)
    with trusting(Trust(orientation_from="qform")):
        assert codes(only_study(path)) == []


def test_a_drift_of_a_tenth_of_a_millimetre_over_a_dicom_stack_is_noted_and_straightened(tmp_path):
    cine = Cine(n_phases=8, n_slices=4)
    make_siemens(tmp_path, cine)
    for index in range(4):
        where = cine.position(index) + 0.1 / 3 * index * np.asarray(cine.axes)[0]
        edit_all(
            tmp_path / f"{10 + index:04d}",
            lambda d, w=where: setattr(d, "ImagePositionPatient", [f"{v:.8f}" for v in w]),
        )
    study = only_study(tmp_path)
    axes = study.grid.affine[:3, :3] / np.linalg.norm(study.grid.affine[:3, :3], axis=0)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    assert codes(study) == ["SA-W072"]


# --- voxels -------------------------------------------------------------------------------------------------------------
def test_big_endian_files_give_the_same_voxels(tmp_path):
    image = nib.Nifti1Image(an_image(2).T, AFFINE)
    swapped = nib.Nifti1Image(image.dataobj, AFFINE, image.header.as_byteswapped(">"))
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(swapped.to_bytes()))
    np.testing.assert_array_equal(only_study(tmp_path / "a.nii.gz").image, an_image(2))


@pytest.mark.parametrize("shape", [(1, 1, 2, 3, 6, 5), (1, 2, 3, 6, 5), (1, 3, 6, 5)])
def test_axes_of_length_one_are_dropped(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    study = only_study(write(tmp_path / "a.nii", array))
    np.testing.assert_array_equal(study.image.ravel(), array.ravel())
    assert study.grid.shape == (3, 6, 5)


@pytest.mark.parametrize("off", [0.0, 1e-4, -9e-4])
def test_labels_stored_as_floats_within_a_thousandth_are_whole_numbers(tmp_path, off):
    labels = np.zeros((3, 6, 5), np.float32)
    labels[:, 2:4, 1:3] = 3 + off
    read = load_labels(write(tmp_path / "a.nii.gz", labels), ACDC)
    assert read.array.dtype == np.uint8 and set(np.unique(read.array)) == {0, 3}


def test_voxels_that_are_no_numbers_are_read_as_zero_where_the_user_says_so_and_are_counted(tmp_path):
    array = an_image()[0].astype(np.float32) + 1
    array[0, 0, :2] = np.nan, -np.inf
    path = write(tmp_path / "a.nii.gz", array)
    with pytest.raises(NonFiniteVoxels):
        only_study(path)
    with trusting(Trust(fill_nonfinite=True)):
        study = only_study(path)
    assert study.image[0, 0, 0].tolist() == [0, 0, 3, 4, 5] and codes(study) == ["SA-W025"]
    assert "2 of 90" in study.notes[0].text
    with pytest.raises(NonFiniteVoxels):  # the user's word ends with the block
        only_study(path)


def test_the_command_line_takes_the_user_s_word(tmp_path, capsys):
    array = an_image()[0].astype(np.float32)
    array[0, 0, 0] = np.nan
    path = rewrite(write(tmp_path / "a.nii.gz", array), qform_code=1, qoffset_x=400.0)
    assert status_of(["check", str(path), "--fill-nonfinite"]) == 3 and "SA-E022" in capsys.readouterr().out
    assert status_of(["check", str(path), "--fill-nonfinite", "--orientation-from", "sform"]) == 0
    told = capsys.readouterr().out
    assert "SA-W025" in told and "SA-W026" in told


def _labelled(tmp_path: Path, value: float) -> Path:
    labels = np.zeros((3, 6, 5), np.float32)
    labels[:, 2:4, 1:3] = 3
    labels[0, 0, 0] = value
    write(tmp_path / "image.nii.gz", an_image()[0])
    write(tmp_path / "reference" / "a_gt.nii.gz", np.nan_to_num(labels))
    return write(tmp_path / "prediction" / "a.nii.gz", labels)


def test_measure_and_evaluate_take_it_too(tmp_path):
    labels = _labelled(tmp_path, np.nan)
    measure = ["measure", str(tmp_path / "image.nii.gz"), str(labels), "--out", str(tmp_path / "m")]
    folders = ["--reference", str(tmp_path / "reference"), "--prediction", str(labels.parent)]
    evaluate = ["evaluate", *folders, "--out", str(tmp_path / "e")]
    for command in (measure, evaluate):
        assert status_of(command) == 3
        assert status_of([*command, "--fill-nonfinite"]) == 0


# --- names --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["Ångström é", "患者 一", "Иван", "a'b&c<d>", "=1+1", "%s{x}", "-rf", "x" * 180])
def test_any_charset_in_a_file_s_name_is_read_and_becomes_a_plain_case_name(tmp_path, name):
    (case,) = find_cases([write(tmp_path / "in" / f"{name}.nii.gz", an_image()[0])])
    (study,) = read_case(case)
    assert study.name.isascii() and 0 < len(study.name) <= 80 and not set(study.name) & set("/\\ <>&'=%{}")


@pytest.mark.parametrize(
    ("charset", "patient"),
    [
        ("ISO_IR 100", "Müller^Jürgen"), ("ISO_IR 192", "山田^太郎"), ("ISO_IR 144", "Люкceмбypг"), ("ISO_IR 6", "Plain"),
        ("nonsense 7", "Trap"), ("", "Trap"),
    ],
)  # fmt: skip
def test_any_charset_of_a_dicom_file_is_read_and_its_text_goes_nowhere(tmp_path, charset, patient):
    make_siemens(tmp_path, Cine(n_phases=8), SpecificCharacterSet=charset or None, PatientName=patient)
    study = only_study(tmp_path)
    told = f"{study.name}{study.notes}{study.facts}{[origin.stem for origin in study.origins]}"
    assert patient not in told and not any(secret in told for secret in SECRETS)


# --- what is routine in clinics -----------------------------------------------------------------------------------------
def _brighter(dataset) -> None:
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") + 1).tobytes()


def _repeated_breath_holds(folder: Path) -> None:
    make_ge(folder / "a", Cine(n_phases=8), AcquisitionNumber=1)
    make_ge(folder / "b", Cine(n_phases=8), AcquisitionNumber=2)
    edit_all(folder / "b", _brighter)


def _unequal_phases(folder: Path) -> None:
    cine = Cine(n_phases=10)
    make_siemens(folder, cine)
    make_siemens(folder, Cine(n_phases=8, n_slices=1, origin=tuple(cine.position(4)), first=4), first_series=14)
    uid = "1.2.3"
    edit_all(folder, lambda dataset: setattr(dataset, "StudyInstanceUID", uid))


def _mixed_series(folder: Path) -> None:
    make_ge(folder / "sax", Cine(n_phases=8))
    make_ge(folder / "other", Cine(n_phases=8, n_slices=1), series=301, SeriesDescription="stress perf")


def _duplicates(folder: Path) -> None:
    make_ge(folder / "a", Cine(n_phases=8))
    make_ge(folder / "b", Cine(n_phases=8))


@pytest.mark.parametrize(
    ("make", "note"),
    [
        (_repeated_breath_holds, "SA-W063"), (_unequal_phases, "SA-W064"), (_mixed_series, "SA-W060"),
        (_duplicates, "SA-W065"),
    ],
)  # fmt: skip
def test_it_is_handled_with_a_note(tmp_path, make: Callable[[Path], None], note: str):
    make(tmp_path)
    assert note in codes(only_study(tmp_path))
