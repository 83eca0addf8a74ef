"""Where the voxels lie: spacing from pixdim, orientation from sform or qform, and what is not believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat

from shortaxis.core.errors import BadAffine, BadSpacing
from shortaxis.core.study import Grid, NiftiGeometry
from shortaxis.files.gate import load_nifti
from shortaxis.files.nifti_geometry import corner_distance_voxels, frame_time_ms, grid_of, true_affine
from shortaxis.files.trust import OrientationFrom, Trust, trusting
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


# --- by the numbers -----------------------------------------------------------------------------------------------------
HERE = Path("scan.nii")
SHAPE = (3, 6, 5)


def stated(**changes: object) -> NiftiGeometry:
    """What `AFFINE`'s header states, with a qform that says the same."""
    sound = NiftiGeometry((1.0, 1.5, 1.5, 8.0, 0.0, 0.0, 0.0, 0.0), 0, 1, (0, 0, 1, *AFFINE[:3, 3]), AFFINE[:3], 2)
    return replace(sound, **changes)  # pyright: ignore[reportArgumentType]


def notes_of(raw: NiftiGeometry) -> list[str]:
    return [note.code for note in grid_of(SHAPE, raw, HERE)[1]]


@pytest.mark.parametrize(("unit", "mm"), [(1, 1000.0), (2, 1.0), (3, 0.001)])
def test_metres_millimetres_and_micrometres_are_the_same_scan(unit: int, mm: float) -> None:
    pixdim = (1.0, 1.5 / mm, 1.5 / mm, 8 / mm, 0.0, 0.0, 0.0, 0.0)
    grid, notes = grid_of(SHAPE, stated(pixdim=pixdim, sform=AFFINE[:3] / mm, xyzt_units=unit), HERE)
    assert grid.spacing_mm == pytest.approx((8, 1.5, 1.5), rel=1e-12)
    assert np.allclose(grid.affine, AFFINE, rtol=1e-12, atol=0)
    assert [note.code for note in notes] == ([] if mm == 1 else ["SA-W023"])


def test_a_unit_that_is_not_stated_is_millimetres() -> None:
    assert grid_of(SHAPE, stated(xyzt_units=0), HERE)[0].spacing_mm == (8, 1.5, 1.5)
    assert notes_of(stated(xyzt_units=0)) == []


@pytest.mark.parametrize(
    ("value", "unit", "expected_ms"),
    [
        (0.035, 8, 35.0), (35.0, 16, 35.0), (35_000.0, 24, 35.0),
        (2.0, 16, 2.0), (500.0, 16, 500.0), (1.99, 16, None), (500.5, 16, None),
        (35.0, 0, None), (35.0, 32, None), (0.0, 16, None), (float("nan"), 16, None), (-35.0, 16, None),
    ],
)  # fmt: skip
def test_a_frame_time_is_one_that_a_cine_can_have_in_a_unit_that_is_stated(
    value: float, unit: int, expected_ms: float | None
) -> None:
    raw = stated(pixdim=(1.0, 1.5, 1.5, 8.0, value, 0.0, 0.0, 0.0), xyzt_units=2 + unit)
    found = frame_time_ms(raw)
    assert found is None if expected_ms is None else found == pytest.approx(expected_ms)


@pytest.mark.parametrize(("spacing", "usable"), [(1e-3, True), (1e3, True), (0.9e-3, False), (1.1e3, False)])
def test_a_voxel_is_between_a_micrometre_and_a_metre(spacing: float, usable: bool) -> None:
    raw = stated(pixdim=(1.0, *[spacing] * 3, *[0.0] * 4), sform=np.diag([spacing] * 3 + [1])[:3])
    if usable:
        assert grid_of(SHAPE, raw, HERE)[0].spacing_mm == (spacing,) * 3
    else:
        with pytest.raises(BadSpacing, match="between 0.001 and 1000 mm"):
            grid_of(SHAPE, raw, HERE)


@pytest.mark.parametrize(("col_mm", "usable"), [(1.507, True), (1.493, True), (1.508, False), (1.492, False)])
def test_pixdim_and_columns_agree_within_half_a_percent(col_mm: float, usable: bool) -> None:
    raw = stated(sform=np.diag([-col_mm, -1.5, 8, 1])[:3])
    if usable:
        assert grid_of(SHAPE, raw, HERE)[0].spacing_mm == (8, 1.5, 1.5)
    else:
        with pytest.raises(BadSpacing, match="to agree"):
            grid_of(SHAPE, raw, HERE)


@pytest.mark.parametrize(("length", "is_unit"), [(1.00009, True), (1.0002, False)])
def test_columns_of_unit_length_are_so_within_a_ten_thousandth(length: float, is_unit: bool) -> None:
    raw = stated(sform=np.diag([-length, -1, 1, 1])[:3])
    if is_unit:
        assert notes_of(raw) == ["SA-W020"]
    else:
        with pytest.raises(BadSpacing):
            notes_of(raw)


@pytest.mark.parametrize(("shear", "expected"), [(0.9e-4, []), (1.1e-4, ["SA-W022"]), (0.99e-3, ["SA-W022"])])
def test_shear_is_noted_from_a_ten_thousandth(shear: float, expected: list[str]) -> None:
    sheared = AFFINE.copy()
    sheared[0, 2] = 8 * shear
    assert notes_of(stated(sform=sheared[:3])) == expected


@pytest.mark.parametrize(("qfac", "third"), [(1.0, 8.0), (-1.0, -8.0), (0.0, 8.0)])
def test_pixdims_first_entry_turns_the_third_axis_round(qfac: float, third: float) -> None:
    """The NIfTI-1 standard: qfac is -1 or 1; 0 counts as 1."""
    raw = stated(pixdim=(qfac, 1.5, 1.5, 8.0, *[0.0] * 4), qform_code=1, sform_code=0, quaternion=(0, 0, 0, 1, 2, 3))
    affine = grid_of(SHAPE, raw, HERE)[0].affine
    assert np.array_equal(affine, [[1.5, 0, 0, 1], [0, 1.5, 0, 2], [0, 0, third, 3], [0, 0, 0, 1]])


def test_without_codes_the_axes_are_nibabels() -> None:
    affine = grid_of(SHAPE, stated(sform_code=0, pixdim=(1, 1.25, 1.5, 8, 0, 0, 0, 0)), HERE)[0].affine
    assert np.array_equal(affine, np.diag([-1.25, 1.5, 8, 1]))


@pytest.mark.parametrize("codes_stated", [(-1, 1), (1, -1), (-1, 0)])
def test_negative_codes_are_refused(codes_stated: tuple[int, int]) -> None:
    with pytest.raises(BadAffine, match="codes from 0"):
        grid_of(SHAPE, stated(qform_code=codes_stated[0], sform_code=codes_stated[1]), HERE)


@pytest.mark.parametrize(("which", "offset"), [("qform", 340.0), ("sform", 40.0)])
def test_where_the_two_disagree_the_one_that_was_chosen_is_taken_and_noted(
    which: OrientationFrom, offset: float
) -> None:
    raw = stated(qform_code=1, quaternion=(0, 0, 1, 340.0, *AFFINE[1:3, 3]))
    with pytest.raises(BadAffine, match="--orientation-from"):
        grid_of(SHAPE, raw, HERE)
    with trusting(Trust(orientation_from=which)):
        grid, notes = grid_of(SHAPE, raw, HERE)
        assert grid.affine[0, 3] == offset and [note.code for note in notes] == ["SA-W026"]
        assert notes_of(stated(qform_code=1)) == []  # they agree: nothing was chosen
        assert notes_of(stated()) == []  # one alone
    assert AFFINE[0, 3] == 40


def test_a_grid_of_unit_columns_is_told_with_its_true_spacing() -> None:
    unit = AFFINE / [1.5, 1.5, 8, 1]
    assert np.allclose(true_affine(Grid(SHAPE, unit, (8, 1.5, 1.5))), AFFINE)
    assert true_affine(Grid(SHAPE, unit, None)) is unit


def test_the_distance_of_two_grids_is_that_of_their_farthest_corners_in_the_smallest_edge() -> None:
    """Slices 8.1 mm apart instead of 8: the third slice lies 0.2 mm off, 0.2 / 1.25 of the smallest edge."""
    a, b = np.diag([1.25, 1.5, 8, 1]), np.diag([1.25, 1.5, 8.1, 1])
    assert corner_distance_voxels(SHAPE, np.array([1.25, 1.5, 8]), a, b) == pytest.approx(0.16)
    b[:3, 3] = [3, 4, 0]  # 5 mm off in the plane at every corner, and 0.2 mm along at the last slice
    assert corner_distance_voxels(SHAPE, np.array([1.25, 1.5, 8]), a, b) == pytest.approx(np.hypot(5, 0.2) / 1.25)
