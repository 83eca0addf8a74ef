"""Where the voxels lie: spacing from pixdim, orientation from sform or qform, and what is not believed."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat

from shortaxis.core.errors import BadAffine, BadSpacing
from shortaxis.files.gate import load_nifti
from tests.lookalike.nifti_files import AFFINE, an_image, patched, rewrite, write


def codes(path: Path) -> list[str]:
    return [note.code for note in load_nifti(path).notes]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write(tmp_path / "a.nii", an_image()[0])


def test_spacing_is_slice_row_col_and_the_affine_is_the_file_s(image: Path) -> None:
    grid = load_nifti(image).grid
    assert grid.spacing_mm == (8, 1.5, 1.5) and grid.shape == (3, 6, 5)
    assert np.array_equal(grid.affine, AFFINE) and codes(image) == []
    assert grid.voxel_ml == pytest.approx(0.018)


def test_acdc_s_unit_columns_take_the_spacing_from_pixdim_with_a_note(image: Path) -> None:
    rewrite(image, srow_x=[-1, 0, 0, 0], srow_y=[0, -1, 0, 0], srow_z=[0, 0, 1, 0])
    grid = load_nifti(image).grid
    assert grid.spacing_mm == (8, 1.5, 1.5) and codes(image) == ["SA-W020"]
    assert np.array_equal(grid.affine, np.diag([-1, -1, 1, 1]))
    assert grid.nifti is not None and grid.nifti.pixdim[1:4] == (1.5, 1.5, 8)


def test_unit_columns_are_held_against_a_coded_qform_at_their_true_spacing(image: Path) -> None:
    rewrite(image, srow_x=[-1, 0, 0, 0], srow_y=[0, -1, 0, 0], srow_z=[0, 0, 1, 0], qform_code=1)
    rewrite(image, quatern_b=0, quatern_c=0, quatern_d=1, qoffset_x=0, qoffset_y=0, qoffset_z=0)
    assert load_nifti(image).grid.spacing_mm == (8, 1.5, 1.5)


def test_true_millimetre_voxels_get_no_such_note(tmp_path: Path) -> None:
    assert codes(write(tmp_path / "a.nii", an_image()[0], np.diag([-1.0, -1, 1, 1]))) == []


def test_pixdim_and_affine_that_disagree_otherwise_are_refused(image: Path) -> None:
    with pytest.raises(BadSpacing, match="pixdim 1.5, 1.5, 9; affine 1.5, 1.5, 8"):
        load_nifti(patched(image, "pixdim", 3, 9))


@pytest.mark.parametrize("value", [0, -1.5, np.nan, np.inf, 1e-7, 1e6])
def test_spacing_that_cannot_be_is_refused(image: Path, value: float) -> None:
    with pytest.raises(BadSpacing):
        load_nifti(patched(image, "pixdim", 2, value))


def test_qform_alone_gives_the_same_affine_as_nibabel(tmp_path: Path) -> None:
    oblique = from_matvec(euler2mat(0.3, -0.5, 0.2) * [1.4, 1.4, -8], [3, 4, 5])
    image = nib.Nifti1Image(an_image()[0].T, None)
    image.set_qform(oblique, code=1)
    nib.save(image, tmp_path / "a.nii")
    grid = load_nifti(tmp_path / "a.nii").grid
    assert np.allclose(grid.affine, oblique, atol=1e-5) and grid.spacing_mm == pytest.approx((8, 1.4, 1.4))


def test_qform_and_sform_that_disagree_are_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(an_image()[0].T, AFFINE)
    moved = AFFINE.copy()
    moved[0, 3] += 0.1  # 0.07 of a voxel
    image.set_qform(moved, code=1)
    nib.save(image, tmp_path / "near.nii")
    assert codes(tmp_path / "near.nii") == []
    moved[0, 3] += 0.1  # 0.13 of a voxel
    image.set_qform(moved, code=1)
    nib.save(image, tmp_path / "far.nii")
    with pytest.raises(BadAffine, match="0.133 voxels apart"):
        load_nifti(tmp_path / "far.nii")


def test_a_quaternion_longer_than_one_is_refused(image: Path) -> None:
    with pytest.raises(BadAffine, match="quaternion"):
        load_nifti(rewrite(image, qform_code=1, sform_code=0, quatern_b=0.9, quatern_c=0.9))


@pytest.mark.parametrize(
    "row", [[0, 0, 0, 0], [np.nan, 0, 0, 0], [0, 1.5, 0, 0], [np.inf, 0, 0, 0]], ids=["zero", "nan", "flat", "infinite"]
)
def test_a_degenerate_sform_is_refused(image: Path, row: list[float]) -> None:
    with pytest.raises(BadAffine):
        load_nifti(rewrite(image, srow_x=row))


@pytest.mark.parametrize(("shear", "expected"), [(1e-5, []), (5e-4, ["SA-W022"])])
def test_a_little_shear_passes_with_a_note(image: Path, shear: float, expected: list[str]) -> None:
    assert codes(rewrite(image, srow_x=[-1.5, 1.5 * shear, 0, 40])) == expected


def test_more_shear_is_refused(image: Path) -> None:
    with pytest.raises(BadAffine, match="perpendicular"):
        load_nifti(rewrite(image, srow_x=[-1.5, 0.003, 0, 40]))


def test_no_orientation_codes_leave_the_spacing_and_a_note(image: Path) -> None:
    rewrite(image, sform_code=0, qform_code=0)
    assert load_nifti(image).grid.spacing_mm == (8, 1.5, 1.5) and codes(image) == ["SA-W021"]


def test_a_header_of_defaults_knows_no_spacing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", an_image()[0], None)
    grid = load_nifti(path).grid
    assert grid.spacing_mm is None and grid.voxel_ml is None and codes(path) == ["SA-W024"]


def test_micrometres_become_millimetres_and_the_raw_header_stays(image: Path) -> None:
    rewrite(image, xyzt_units=3, pixdim=[1, 100, 100, 1000, 1, 1, 1, 1])
    rewrite(image, srow_x=[-100, 0, 0, 500], srow_y=[0, -100, 0, 0], srow_z=[0, 0, 1000, 0])
    grid = load_nifti(image).grid
    assert grid.spacing_mm == pytest.approx((1, 0.1, 0.1)) and grid.affine[0, 3] == pytest.approx(0.5)
    assert grid.nifti is not None and grid.nifti.pixdim[3] == 1000 and codes(image) == ["SA-W023"]
