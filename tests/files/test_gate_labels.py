"""Reference labels: whole numbers of a known scheme, on the image's grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch, NotIntegerLabels, UnknownLabel
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE
from shortaxis.core.study import Grid, NiftiGeometry
from shortaxis.files.gate import check_same_grid, load_labels, load_nifti
from tests.lookalike.nifti_files import AFFINE, an_image, rewrite, write

DRAWN = (an_image()[0] % 4).astype(np.uint8)


def test_labels_arrive_as_small_integers(tmp_path: Path) -> None:
    labels = load_labels(write(tmp_path / "a_gt.nii.gz", DRAWN.astype(np.float32)), ACDC)
    assert labels.array.dtype == np.uint8 and np.array_equal(labels.array[0], DRAWN)


def test_an_empty_label_file_is_allowed(tmp_path: Path) -> None:
    assert not load_labels(write(tmp_path / "a.nii", np.zeros((3, 6, 5), np.uint8)), ACDC).array.any()


def test_rounding_errors_are_forgiven_up_to_a_thousandth(tmp_path: Path) -> None:
    near = DRAWN + np.float32(0.0009)
    assert np.array_equal(load_labels(write(tmp_path / "a.nii", near), ACDC).array[0], DRAWN)
    with pytest.raises(NotIntegerLabels, match="90 voxels between"):
        load_labels(write(tmp_path / "a.nii", DRAWN + np.float32(0.002)), ACDC)


def test_numbers_outside_the_scheme_are_listed(tmp_path: Path) -> None:
    odd = DRAWN.astype(np.int16)
    odd[0, 0, :2] = 9, -1
    with pytest.raises(UnknownLabel, match=r"-1, 9"):
        load_labels(write(tmp_path / "a.nii", odd), ACDC)
    with pytest.raises(UnknownLabel, match=r"scheme lv"):
        load_labels(write(tmp_path / "a.nii", DRAWN), LEFT_VENTRICLE)


@pytest.mark.parametrize(("strangers", "listed"), [(20, 20), (21, 20)])
def test_of_many_strange_numbers_twenty_are_listed(strangers: int, listed: int, tmp_path: Path) -> None:
    odd = np.zeros((3, 6, 5), np.int16)
    odd.flat[:strangers] = np.arange(100, 100 + strangers)
    with pytest.raises(UnknownLabel) as refused:
        load_labels(write(tmp_path / "a.nii", odd), ACDC)
    wanted = ", ".join(str(number) for number in range(100, 100 + listed))
    assert refused.value.found == wanted + (", ..." if strangers > listed else "")


def check(tmp_path: Path, array: np.ndarray, affine: np.ndarray | None) -> None:
    image = load_nifti(write(tmp_path / "a.nii", an_image()[0]))
    path = write(tmp_path / "a_gt.nii", array, affine)
    check_same_grid(load_labels(path, ACDC).grid, image.grid, path)


def test_the_same_grid_passes_and_small_rounding_too(tmp_path: Path) -> None:
    nearly = AFFINE.copy()
    nearly[1, 3] += 0.14  # a voxel is 1.5 mm
    check(tmp_path, DRAWN, AFFINE)
    check(tmp_path, DRAWN, nearly)


def test_another_place_is_refused(tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[1, 3] += 0.2
    with pytest.raises(GridMismatch, match="0.133 voxels apart"):
        check(tmp_path, DRAWN, moved)


def test_another_shape_or_spacing_or_direction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GridMismatch, match="2 x 6 x 5"):
        check(tmp_path, DRAWN[:2], AFFINE)
    with pytest.raises(GridMismatch):
        check(tmp_path, DRAWN, AFFINE @ np.diag([1, 1, 1.25, 1]))
    with pytest.raises(GridMismatch):
        check(tmp_path, DRAWN, AFFINE @ np.diag([-1, 1, 1, 1]))


def test_acdc_s_unit_columns_match_themselves_and_the_spacing_still_counts(tmp_path: Path) -> None:
    rows = {"srow_x": [-1, 0, 0, 0], "srow_y": [0, -1, 0, 0], "srow_z": [0, 0, 1, 0]}
    image = load_nifti(rewrite(write(tmp_path / "a.nii", an_image()[0]), **rows))
    path = rewrite(write(tmp_path / "a_gt.nii", DRAWN), **rows)
    check_same_grid(load_labels(path, ACDC).grid, image.grid, path)
    rewrite(path, pixdim=[1, 1.5, 1.5, 10, 1, 1, 1, 1])
    with pytest.raises(GridMismatch):
        check_same_grid(load_labels(path, ACDC).grid, image.grid, path)


def test_labels_without_orientation_are_compared_by_shape_and_spacing(tmp_path: Path) -> None:
    image = load_nifti(write(tmp_path / "a.nii", an_image()[0]))
    path = rewrite(write(tmp_path / "a_gt.nii", DRAWN), sform_code=0, qform_code=0)
    check_same_grid(load_labels(path, ACDC).grid, image.grid, path)


@pytest.mark.parametrize("unknown", ["labels", "image"])
def test_where_one_of_two_spacings_is_unknown_only_the_shape_is_compared(unknown: str) -> None:
    known = Grid((3, 4, 5), np.diag([-1.0, -1.0, 8.0, 1.0]), (8.0, 1.0, 1.0))
    bare = Grid((3, 4, 5), np.diag([-1.0, 1.0, 1.0, 1.0]), None)
    labels, image = (bare, known) if unknown == "labels" else (known, bare)
    check_same_grid(labels, image, Path("labels.png"))
    with pytest.raises(GridMismatch, match="3 x 4 x 6"):
        check_same_grid(replace(labels, shape=(3, 4, 6)), image, Path("labels.png"))


def test_of_two_oriented_grids_the_place_counts_and_of_one_without_codes_only_the_size() -> None:
    here = Grid((3, 4, 5), np.diag([-1.0, -1.0, 8.0, 1.0]), (8.0, 1.0, 1.0))
    there = replace(here, affine=here.affine + [[0, 0, 0, 40.0], [0] * 4, [0] * 4, [0] * 4])
    uncoded = NiftiGeometry(
        (1.0, 1.0, 1.0, 8.0, 1.0, 1.0, 1.0, 1.0), 0, 0, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0), np.zeros((3, 4)), 2
    )
    with pytest.raises(GridMismatch, match="40 voxels apart"):
        check_same_grid(there, here, Path("labels.nii"))
    check_same_grid(replace(there, nifti=uncoded), here, Path("labels.nii"))
    for code in ("qform_code", "sform_code"):
        with pytest.raises(GridMismatch):
            check_same_grid(replace(there, nifti=replace(uncoded, **{code: 1})), here, Path("labels.nii"))
