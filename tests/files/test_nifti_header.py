"""What a header claims, as nibabel writes it and as the standard's own numbers say, before anything is allocated."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.nifti1 import header_dtype as NIFTI_1
from nibabel.nifti2 import header_dtype as NIFTI_2

from shortaxis.core.errors import DamagedFile, UnknownFormat, WrongDimensions
from shortaxis.files.nifti_header import COLOUR_TYPES, HEADER_BYTES, VOXEL_TYPES, Claims, parse_header

SOME = Path("scan.nii")
# nifti1.h, NIFTI_TYPE_*: written out, because our own writer and reader would agree on any number.
STANDARD = {
    "uint8": 2, "int16": 4, "int32": 8, "float32": 16, "float64": 64, "int8": 256, "uint16": 512, "uint32": 768,
    "int64": 1024, "uint64": 1280,
}  # fmt: skip


def header(version: int = 1, order: str = "<", **fields: object) -> bytes:
    """A sound header with some fields changed."""
    layout = NIFTI_1 if version == 1 else NIFTI_2
    made = np.zeros((), layout.newbyteorder(order))  # pyright: ignore[reportArgumentType]
    size, magic = (348, b"n+1") if version == 1 else (540, b"n+2\0\r\n\x1a\n")
    sound = {"sizeof_hdr": size, "magic": magic, "dim": [3, 5, 6, 3, 1, 1, 1, 1], "datatype": 4, "bitpix": 16,
             "vox_offset": size + 4, "scl_slope": 1, "pixdim": [1, 1.5, 1.5, 8, 0, 0, 0, 0]}  # fmt: skip
    for name, value in {**sound, **fields}.items():
        made[name] = value
    return made.tobytes().ljust(HEADER_BYTES, b"\0")


def claims(version: int = 1, order: str = "<", **fields: object) -> Claims:
    return parse_header(header(version, order, **fields), SOME)


def test_the_numbers_of_the_voxel_types_are_the_standards() -> None:
    assert {np.dtype(name).name: code for code, name in VOXEL_TYPES.items()} == STANDARD
    assert COLOUR_TYPES == {128: "RGB", 2304: "RGBA"}


@pytest.mark.parametrize("name", STANDARD)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
def test_what_nibabel_writes_is_claimed(version: int, order: str, name: str) -> None:
    made = (nib.Nifti1Header if version == 1 else nib.Nifti2Header)(endianness=order)
    made.set_data_dtype(np.dtype(name))
    made.set_data_shape((5, 6, 3, 2))
    made["magic"] = b"n+1" if version == 1 else b"n+2\0\r\n\x1a\n"
    made["vox_offset"] = made.sizeof_hdr + 4
    found = parse_header(made.binaryblock.ljust(HEADER_BYTES, b"\0"), SOME)
    assert (found.shape, found.is_4d, found.offset) == ((2, 3, 6, 5), True, made.sizeof_hdr + 4)
    assert found.dtype == np.dtype(name).newbyteorder(order)  # pyright: ignore[reportArgumentType]
    assert found.file_bytes == found.offset + 2 * 3 * 6 * 5 * np.dtype(name).itemsize


@pytest.mark.parametrize(
    ("dim", "shape", "is_4d"),
    [
        ([3, 5, 6, 3, 9, 9, 9, 9], (1, 3, 6, 5), False),  # what lies behind the last axis is not read
        ([3, 5, 6, 1, 1, 1, 1, 1], (1, 1, 6, 5), False),
        ([3, 1, 1, 1, 1, 1, 1, 1], (1, 1, 1, 1), False),
        ([4, 5, 6, 3, 1, 1, 1, 1], (1, 3, 6, 5), True),
        ([4, 5, 6, 3, 7, 1, 1, 1], (7, 3, 6, 5), True),
        ([7, 5, 6, 3, 7, 1, 1, 1], (7, 3, 6, 5), True),  # axes of length one
    ],
)
def test_axes_are_frames_slices_rows_and_columns(dim: list[int], shape: tuple[int, ...], is_4d: bool) -> None:
    found = claims(dim=dim)
    assert found.shape == shape and found.is_4d == is_4d


@pytest.mark.parametrize(
    ("dim", "refusal", "words"),
    [
        ([0, 5, 6, 3, 1, 1, 1, 1], DamagedFile, r"between 1 and 7"),
        ([8, 5, 6, 3, 1, 1, 1, 1], DamagedFile, r"between 1 and 7"),
        ([1, 90, 1, 1, 1, 1, 1, 1], WrongDimensions, "90"),
        ([2, 5, 6, 3, 1, 1, 1, 1], WrongDimensions, "5 x 6\n"),
        ([5, 5, 6, 3, 1, 2, 1, 1], WrongDimensions, "5 x 6 x 3 x 1 x 2"),
        ([7, 5, 6, 3, 1, 1, 1, 2], WrongDimensions, "3 or 4 dimensions"),
        ([3, 5, 0, 3, 1, 1, 1, 1], DamagedFile, r"at least 1.*\[5, 0, 3\]"),
        ([4, 5, 6, 3, -1, 1, 1, 1], DamagedFile, "at least 1"),
        ([6, 5, 6, 3, 1, -1, -1, 1], DamagedFile, "at least 1"),
    ],
)
def test_other_axes_are_refused(dim: list[int], refusal: type[Exception], words: str) -> None:
    with pytest.raises(refusal, match=f"(?s){words}"):
        claims(dim=dim)


@pytest.mark.parametrize(
    ("slope", "intercept", "expected"),
    [
        (1, 0, (None, 0.0)),
        (0, 5, (None, 0.0)),  # the standard: no scaling, whatever the intercept
        (np.nan, 5, (None, 0.0)),
        (1, 5, (1.0, 5.0)),
        (2, 0, (2.0, 0.0)),
        (-0.5, 1, (-0.5, 1.0)),
    ],
)
def test_a_scaling_is_taken_where_one_is_stated(
    slope: float, intercept: float, expected: tuple[float | None, float]
) -> None:
    found = claims(scl_slope=slope, scl_inter=intercept)
    assert (found.slope, found.intercept) == expected


@pytest.mark.parametrize(("slope", "intercept"), [(np.inf, 0), (1, np.nan), (2, -np.inf)])
def test_a_scaling_that_is_no_number_is_refused(slope: float, intercept: float) -> None:
    with pytest.raises(DamagedFile, match="scl_slope"):
        claims(scl_slope=slope, scl_inter=intercept)


@pytest.mark.parametrize(("stated", "offset"), [(0, 352), (352, 352), (1024, 1024)])
def test_voxels_begin_where_the_header_says_or_at_once_behind_it(stated: float, offset: int) -> None:
    assert claims(vox_offset=stated).offset == offset


@pytest.mark.parametrize("stated", [351, 352.5, -352, np.inf, np.nan])
def test_voxels_that_begin_in_the_header_or_nowhere_are_refused(stated: float) -> None:
    with pytest.raises(DamagedFile, match="vox_offset"):
        claims(vox_offset=stated)


@pytest.mark.parametrize("version", [1, 2])
def test_half_of_a_pair_is_told_from_other_content(version: int) -> None:
    with pytest.raises(UnknownFormat, match="pair"):
        claims(version, magic=b"ni1" if version == 1 else b"ni2")
    with pytest.raises(UnknownFormat, match="magic"):
        claims(version, magic=b"abc")


def test_a_header_cut_short_or_of_another_size_is_refused() -> None:
    with pytest.raises(DamagedFile, match="header of 348 bytes"):
        parse_header(header()[:347], SOME)
    assert parse_header(header()[:348], SOME).shape == (1, 3, 6, 5)
    with pytest.raises(DamagedFile, match="header of 540 bytes"):
        parse_header(header(2)[:539], SOME)
    with pytest.raises(UnknownFormat):
        claims(sizeof_hdr=349)


def test_the_voxels_size_must_be_that_of_their_type() -> None:
    with pytest.raises(DamagedFile, match="(?s)bitpix 16.*bitpix 8"):
        claims(bitpix=8)
    for code in (0, 1, 32, 1536, 1792, 2048):  # unknown, binary, complex, 128 bits
        with pytest.raises(UnknownFormat, match=f"datatype {code}"):
            claims(datatype=code)
    with pytest.raises(WrongDimensions, match="RGBA"):
        claims(datatype=2304, bitpix=32)
