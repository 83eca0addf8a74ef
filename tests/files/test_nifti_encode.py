"""The header that states a grid: worked out by hand, in NIfTI-1 where that can say it, with nothing of the source's own."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat
from nibabel.nifti1 import header_dtype

from shortaxis.core.study import Grid, NiftiGeometry
from shortaxis.files.nifti_encode import encode, geometry_of, gzipped

SHAPE = (3, 6, 5)
STATED = NiftiGeometry(
    (1.0, 1.5, 1.5, 8.0, 0.03125, 0.0, 0.0, 0.0), 1, 1, (0.0, 0.0, 0.0, 1.0, 2.0, 3.0), np.eye(4)[:3], 2
)


def a_grid(rotation: np.ndarray, offset: tuple[float, float, float] = (3.0, 4.0, 5.0)) -> Grid:
    """Voxels of 1.25 x 1.5 x 8 mm whose axes are the columns of `rotation`."""
    return Grid(SHAPE, from_matvec(rotation * [1.25, 1.5, 8], offset), (8.0, 1.5, 1.25))


@pytest.mark.parametrize(
    ("rotation", "handedness", "quaternion"),
    [
        (np.eye(3), 1, (0, 0, 0)),
        (np.diag([-1.0, -1, 1]), 1, (0, 0, 1)),  # half a turn about the third axis
        (np.array([[0, -1.0, 0], [1, 0, 0], [0, 0, 1]]), 1, (0, 0, sqrt(0.5))),  # a quarter about it
        (np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), 1, (sqrt(0.5), 0, 0)),  # a quarter about the first
        (np.diag([1.0, 1, -1]), -1, (0, 0, 0)),  # left-handed: the third axis turned round
        (np.diag([-1.0, -1, -1]), -1, (0, 0, 1)),
    ],
)
def test_a_rotation_is_stated_as_a_quaternion_and_a_sign(
    rotation: np.ndarray, handedness: int, quaternion: tuple[float, float, float]
) -> None:
    raw = geometry_of(a_grid(rotation), 32.5)
    assert raw.pixdim == (handedness, 1.25, 1.5, 8.0, 32.5, 1.0, 1.0, 1.0)
    assert raw.quaternion == pytest.approx((*quaternion, 3, 4, 5), abs=1e-7)
    assert (raw.qform_code, raw.sform_code, raw.xyzt_units) == (1, 1, 2 + 16)  # scanner; millimetres and milliseconds
    assert np.array_equal(raw.sform, a_grid(rotation).affine[:3])


def test_without_a_frame_time_no_unit_of_time_is_stated() -> None:
    raw = geometry_of(a_grid(np.eye(3)), None)
    assert raw.pixdim[4] == 1.0 and raw.xyzt_units == 2


@pytest.mark.parametrize("turn", [0.3, np.pi - 1e-3, np.pi])
@pytest.mark.parametrize("flip", [1, -1])
def test_any_oblique_rotation_is_the_same_by_both_forms(turn: float, flip: int) -> None:
    raw = geometry_of(a_grid(euler2mat(0.4, -0.2, turn) * [1, 1, flip]), None)
    header = nib.Nifti1Image.from_bytes(encode(np.zeros((1, *SHAPE), np.int16), False, raw)).header
    assert raw.qform_code == 1
    assert np.allclose(header.get_qform(), header.get_sform(), atol=0.01 * 1.25 / 12)


def test_axes_that_no_rotation_says_leave_the_qform_uncoded_and_the_sform_whole() -> None:
    sheared = np.eye(3)
    sheared[0, 1] = 0.02
    raw = geometry_of(a_grid(sheared), None)
    assert (raw.qform_code, raw.sform_code) == (0, 1)
    assert np.array_equal(raw.sform, a_grid(sheared).affine[:3].astype(np.float32))


def test_an_unknown_spacing_states_nothing() -> None:
    raw = geometry_of(Grid(SHAPE, np.eye(4), None), None)
    assert (raw.pixdim, raw.qform_code, raw.sform_code, raw.xyzt_units) == ((1.0,) * 8, 0, 0, 0)
    assert raw.quaternion == (0,) * 6 and not raw.sform.any() and raw.sform.shape == (3, 4)


@pytest.mark.parametrize(
    ("own", "kept"),
    [
        ((0.035, 0, 0, 0), (0.035, 0, 0, 0)),
        ((0, 1, 1, 1), (0, 1, 1, 1)),
        ((-1, 0, 1, 0), (0, 0, 1, 0)),
        ((1e6, 0, 0, 0), (0, 0, 0, 0)),
        ((999_999, 0, 0, 0), (999_999, 0, 0, 0)),
        ((float("nan"), 2, 0.5, -1), (0, 0, 0, 0)),
        ((0.5, 20240131, float("nan"), 19561231), (0.5, 0, 0, 0)),  # dates, as some programs put there
    ],
)
def test_numbers_that_state_neither_spacing_nor_time_do_not_come_along(
    own: tuple[float, ...], kept: tuple[float, ...]
) -> None:
    source = replace(STATED, pixdim=(*STATED.pixdim[:4], *own))
    raw = geometry_of(Grid(SHAPE, np.eye(4), (8.0, 1.5, 1.5), source), None)
    assert raw.pixdim == (*STATED.pixdim[:4], *kept)
    assert all(getattr(raw, name) is getattr(source, name) for name in ("quaternion", "sform", "xyzt_units"))
    assert (raw.qform_code, raw.sform_code) == (1, 1)


@pytest.mark.parametrize(("frames", "is_4d", "dim"), [(1, False, [3, 5, 6, 3, 1]), (1, True, [4, 5, 6, 3, 1]),
                                                      (2, True, [4, 5, 6, 3, 2])])  # fmt: skip
def test_axes_that_are_not_there_are_of_length_one_and_voxels_are_not_scaled(
    frames: int, is_4d: bool, dim: list[int]
) -> None:
    content = encode(np.zeros((frames, *SHAPE), np.int16), is_4d, STATED)
    header = np.frombuffer(content, header_dtype, count=1)[0]
    assert header["dim"].tolist() == [*dim, 1, 1, 1]
    assert (header["scl_slope"], header["scl_inter"], header["datatype"], header["bitpix"]) == (1, 0, 4, 16)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, 348),
        ({"qform_code": 2**15 - 1, "sform_code": 2**15 - 1, "xyzt_units": 255}, 348),
        ({"qform_code": 2**15}, 540),
        ({"sform_code": 2**15}, 540),
        ({"xyzt_units": 256}, 540),
        ({"xyzt_units": -1}, 540),
        ({"sform": np.full((3, 4), 0.1)}, 540),  # no number of single precision
        ({"quaternion": (0.1, 0, 0, 0, 0, 0)}, 540),
        ({"quaternion": (float("nan"), 0, 0, 0, 0, 0)}, 348),
    ],
)
def test_nifti_2_is_written_where_nifti_1_cannot_say_it_and_nowhere_else(changes: dict[str, object], size: int) -> None:
    stated = replace(STATED, pixdim=(1.0, 1.5, 1.5, 8.0, 0.0, 0.0, 0.0, 0.0))
    content = encode(np.zeros((1, *SHAPE), np.uint8), False, replace(stated, **changes))  # pyright: ignore
    assert int.from_bytes(content[:4], "little") == size
    assert len(content) == size + 4 + np.prod(SHAPE)


@pytest.mark.parametrize(("cols", "size"), [(32767, 348), (32768, 540)])
def test_an_axis_longer_than_nifti_1_can_count_makes_it_nifti_2(cols: int, size: int) -> None:
    stated = replace(STATED, pixdim=(1.0,) * 8)
    assert int.from_bytes(encode(np.zeros((1, 1, 1, cols), np.uint8), False, stated)[:4], "little") == size


def test_a_stream_is_packed_without_a_name_or_a_time() -> None:
    assert gzipped(b"voxels")[:10] == bytes([31, 139, 8, 0, 0, 0, 0, 0, 4, 3])  # RFC 1952; 4: fastest; 3: Unix
