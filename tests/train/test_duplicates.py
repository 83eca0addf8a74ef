"""The same scan under two patients' names is found by its voxels, whatever its file looks like."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from shortaxis.core.errors import LeakingSplit
from shortaxis.core.labels import ACDC
from shortaxis.core.study import Study
from shortaxis.read.labelled import find_labelled, read_labelled_case
from shortaxis.train.duplicates import planes_of, refuse_duplicates, seen_as
from shortaxis.train.folds import Fold
from tests.lookalike.ring_study import ring_labels, ring_study, stored_as

AFFINE = np.diag([-2.0, -2.0, 8.0, 1.0])
GREY = np.array([40.0, 190.0, 90.0, 235.0])
SHAPE = (1, 4, 48, 44)


def grey(seed: int) -> NDArray[np.int16]:
    labels = ring_labels(*SHAPE, (24.0, 25.0))
    return (GREY[labels] + np.random.default_rng(seed).normal(0, 5, SHAPE)).astype(np.int16)[0]


def read(folder: Path, name: str, image: nib.Nifti1Image, level: int = 6) -> Study:
    """A case written to disk and read as `train --dataset labelled` does."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.nii.gz").write_bytes(gzip.compress(image.to_bytes(), level))
    slices = slice(0, image.shape[2])
    drawn = ring_labels(*SHAPE, (24.0, 25.0))[0, slices]
    if nib.aff2axcodes(image.affine) != nib.aff2axcodes(AFFINE):
        drawn = drawn[:, :, ::-1]
    reference = nib.Nifti1Image(np.ascontiguousarray(drawn.T), image.affine)
    (folder / f"{name}_gt.nii.gz").write_bytes(gzip.compress(reference.to_bytes()))
    (case,) = [case for case in find_labelled(folder) if case.name == name.lower()]
    return read_labelled_case(case, ACDC)


def as_image(array: NDArray[np.generic], affine: NDArray[np.float64] = AFFINE) -> nib.Nifti1Image:
    return nib.Nifti1Image(np.ascontiguousarray(array.T), affine)


def with_slope(array: NDArray[np.int16], slope: float, intercept: float) -> nib.Nifti1Image:
    """The same stored numbers with another meaning in the header."""
    image = as_image(array)
    image.header.set_slope_inter(slope, intercept)
    content = bytearray(image.to_bytes())
    content[112:120] = np.array([slope, intercept], "<f4").tobytes()  # nibabel rewrites them on its own way out
    return nib.Nifti1Image.from_bytes(bytes(content))


def mirrored(array: NDArray[np.int16]) -> nib.Nifti1Image:
    """Columns stored from the other side, and an affine that says so."""
    affine = AFFINE.copy()
    affine[0, 0], affine[0, 3] = 2.0, -2.0 * (array.shape[2] - 1)
    return as_image(array[:, :, ::-1], affine)


COPIES: dict[str, Callable[[NDArray[np.int16]], nib.Nifti1Image]] = {
    "the same file": as_image,
    "float32": lambda array: as_image(array.astype(np.float32)),
    "float64": lambda array: as_image(array.astype(np.float64)),
    "unsigned": lambda array: as_image((array - array.min()).astype(np.uint16)),
    "a slope in the header": lambda array: with_slope(array, 0.37, 0.0),
    "slope and intercept": lambda array: with_slope(array, 3.0, -1024.0),
    "scaled to one": lambda array: as_image(((array - array.min()) / np.ptp(array)).astype(np.float32)),
    "big-endian": lambda array: as_image(array.astype(">i2")),
    "other columns first": mirrored,
    "two of its slices": lambda array: as_image(array[1:3]),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_under_another_name_is_an_error_with_both_cases_named(kind: str, tmp_path: Path) -> None:
    original = read(tmp_path / "a", "anna", as_image(grey(0)))
    copy = read(tmp_path / "b", "bert", COPIES[kind](grey(0)), level=1)
    seen = [seen_as("anna-1", "anna", original), seen_as("bert-1", "bert", copy)]
    with pytest.raises(
        LeakingSplit, match=r"anna-1 \(patient anna, trained on\) and bert-1 \(patient bert, held out\)"
    ):
        refuse_duplicates(Fold(("anna",), ("bert",)), seen)
    refuse_duplicates(Fold(("anna", "bert"), ()), seen)  # both on one side: nothing is learned that is then asked


def test_other_patients_are_no_copies(tmp_path: Path) -> None:
    one, two = (ring_study(seed=seed) for seed in (0, 1))
    refuse_duplicates(Fold(("a",), ("b",)), [seen_as("a", "a", one), seen_as("b", "b", two)])


def test_empty_planes_are_no_copies_of_each_other() -> None:
    blank = ring_study(n_frames=1)
    blank.image[:, 0] = 0
    assert len(planes_of(blank)) == 3


@pytest.mark.parametrize("way", [(True, False, False), (False, True, True), (True, True, False)])
def test_the_order_of_rows_and_columns_does_not_matter(way: tuple[bool, bool, bool]) -> None:
    assert planes_of(ring_study()) == planes_of(stored_as(ring_study(), *way))


def test_one_grey_value_changed_is_another_plane() -> None:
    one, other = ring_study(n_frames=1), ring_study(n_frames=1)
    other.image[0, 2, 20, 20] += 400
    assert len(planes_of(one) & planes_of(other)) == 3


def test_only_frames_in_which_something_was_drawn_are_compared() -> None:
    study = ring_study(n_frames=3)
    assert study.labels is not None
    study.labels.annotated[1] = False
    assert len(planes_of(study)) == 2 * 4
