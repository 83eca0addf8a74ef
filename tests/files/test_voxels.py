"""Voxels are finite real numbers that differ; what is not is counted, or filled where somebody vouches for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import ConstantImage, NonFiniteVoxels, UnknownFormat
from shortaxis.files.trust import Trust, trusting
from shortaxis.files.voxels import finite_voxels, refuse_constant

SOME = Path("scan.nii")
BAD = np.array([[1, np.nan, 3], [np.inf, 5, -np.inf]], np.float32)


@pytest.mark.parametrize("dtype", ["int16", "uint8", "float32", "float64"])
def test_finite_numbers_are_the_array_itself(dtype: str) -> None:
    array = np.arange(6).astype(dtype)
    found, notes = finite_voxels(array, SOME)
    assert found is array and notes == ()


def test_what_is_no_finite_number_is_counted_and_refused() -> None:
    with pytest.raises(NonFiniteVoxels, match="(?s)3 of 6 voxels.*--fill-nonfinite"):
        finite_voxels(BAD, SOME)


def test_it_becomes_zero_with_a_note_where_the_user_vouches_for_that() -> None:
    with trusting(Trust(fill_nonfinite=True)):
        found, notes = finite_voxels(BAD, SOME)
    assert np.array_equal(found, [[1, 0, 3], [0, 5, 0]]) and found.dtype == np.float32
    assert [(note.code, note.text[:15]) for note in notes] == [("SA-W025", "3 of 6 voxels w")]
    assert np.isnan(BAD[0, 1])  # the source is not touched


def test_complex_numbers_are_refused() -> None:
    with pytest.raises(UnknownFormat, match="magnitude"):
        finite_voxels(np.zeros(3, np.complex64), SOME)


def test_an_image_of_one_value_is_refused_with_the_value() -> None:
    with pytest.raises(ConstantImage, match="6 voxels of the value 7"):
        refuse_constant(np.full((2, 3), 7, np.int16), SOME)
    refuse_constant(np.array([7, 7, 8]), SOME)
    refuse_constant(np.array([7, 7, 6]), SOME)
    refuse_constant(np.zeros((0, 3)), SOME)
