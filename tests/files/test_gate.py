"""What a NIfTI must be to come in: whole, honest about its size, 3D or 4D, finite, with content."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from shortaxis.core.errors import (
    ConstantImage,
    DamagedFile,
    MissingFile,
    NonFiniteVoxels,
    ShortaxisError,
    TooLarge,
    UnknownFormat,
    Unreadable,
    WrongDimensions,
)
from shortaxis.files.gate import load_nifti
from shortaxis.files.intake import read_bytes
from tests.lookalike.nifti_files import AFFINE, an_image, patched, rewrite, write


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_3d_file_is_one_frame_with_slices_rows_and_columns_in_that_order(tmp_path: Path, ending: str) -> None:
    volume = load_nifti(write(tmp_path / f"a{ending}", an_image()[0]))
    assert volume.array.shape == (1, 3, 6, 5) and not volume.is_4d
    assert np.array_equal(volume.array, an_image())
    assert volume.array.dtype == np.int16 and volume.array.flags.writeable


def test_a_4d_file_keeps_its_frames(tmp_path: Path) -> None:
    volume = load_nifti(write(tmp_path / "a.nii.gz", an_image(4)))
    assert volume.is_4d and np.array_equal(volume.array, an_image(4))


def test_voxels_are_those_nibabel_reads(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii.gz", an_image(2))
    assert np.array_equal(load_nifti(path).array.T, np.asarray(nib.Nifti1Image.from_filename(path).dataobj))


def test_big_endian_files_arrive_in_native_order(tmp_path: Path) -> None:
    image = nib.Nifti1Image(an_image(2).T, AFFINE)
    swapped = nib.Nifti1Image(image.dataobj, AFFINE, image.header.as_byteswapped(">"))
    (tmp_path / "a.nii").write_bytes(swapped.to_bytes())
    volume = load_nifti(tmp_path / "a.nii")
    assert volume.array.dtype.isnative and np.array_equal(volume.array, an_image(2))
    assert volume.grid.spacing_mm == (8, 1.5, 1.5)


def test_nifti_2_is_read(tmp_path: Path) -> None:
    nib.save(nib.Nifti2Image(an_image(2).T, AFFINE), tmp_path / "a.nii.gz")
    assert np.array_equal(load_nifti(tmp_path / "a.nii.gz").array, an_image(2))


def test_scaling_is_applied_once_and_then_forgotten(tmp_path: Path) -> None:
    path = rewrite(write(tmp_path / "a.nii", an_image()[0]), scl_slope=0.5, scl_inter=-3)
    volume = load_nifti(path)
    assert volume.array.dtype == np.float32 and np.array_equal(volume.array, an_image() * 0.5 - 3)


@pytest.mark.parametrize(("slope", "intercept"), [(0, 7), (np.nan, np.nan), (1, 0)])
def test_a_header_that_asks_for_no_scaling_leaves_the_type(tmp_path: Path, slope: float, intercept: float) -> None:
    path = rewrite(write(tmp_path / "a.nii", an_image()[0]), scl_slope=slope, scl_inter=intercept)
    assert load_nifti(path).array.dtype == np.int16


def test_scaling_by_infinity_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="scl_slope"):
        load_nifti(rewrite(write(tmp_path / "a.nii", an_image()[0]), scl_slope=np.inf))


def test_trailing_axes_of_length_one_are_dropped(tmp_path: Path) -> None:
    array = an_image(2)[None, None]  # a 6D file
    assert load_nifti(write(tmp_path / "a.nii", array)).array.shape == (2, 3, 6, 5)


def test_a_single_slice_is_a_volume(tmp_path: Path) -> None:
    assert load_nifti(write(tmp_path / "a.nii", an_image()[0, :1])).array.shape == (1, 1, 6, 5)


@pytest.mark.parametrize("shape", [(6, 5), (2, 2, 3, 6, 5), (2, 1, 3, 6, 5)])
def test_2d_and_true_5d_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    with pytest.raises(WrongDimensions, match="3 or 4 dimensions"):
        load_nifti(write(tmp_path / "a.nii", array))


def test_colours_are_refused(tmp_path: Path) -> None:
    colours = np.zeros((5, 6, 3), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colours, AFFINE), tmp_path / "a.nii")
    with pytest.raises(WrongDimensions, match="RGB"):
        load_nifti(tmp_path / "a.nii")


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(an_image()[0].T.astype(np.complex64), AFFINE), tmp_path / "a.nii")
    with pytest.raises(UnknownFormat, match="datatype 32"):
        load_nifti(tmp_path / "a.nii")


def test_voxels_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    array = an_image()[0].astype(np.float32)
    array[0, 0, :2] = np.nan, np.inf
    with pytest.raises(NonFiniteVoxels, match="2 of 90"):
        load_nifti(write(tmp_path / "a.nii.gz", array))


def test_an_image_without_content_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConstantImage, match="90 voxels of the value 7"):
        load_nifti(write(tmp_path / "a.nii", np.full((3, 6, 5), 7, np.int16)))


def test_every_flipped_bit_of_a_gz_is_refused_or_harmless(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.nii.gz", an_image()[0]).read_bytes()
    damaged = tmp_path / "b.nii.gz"
    n_refused = 0
    for position in range(10, len(whole), 2):  # behind the gzip header, which holds no voxel
        damaged.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        try:
            assert np.array_equal(load_nifti(damaged).array, an_image())
        except ShortaxisError:
            n_refused += 1
    assert n_refused > 0.95 * (len(whole) - 10) / 2


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_every_truncation_is_refused(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"a{ending}", an_image()[0])
    whole = path.read_bytes()
    for length in {*range(0, len(whole), 7), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises((DamagedFile, UnknownFormat)):
            load_nifti(path)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_bytes_behind_the_voxels_are_refused(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"a{ending}", an_image()[0])
    plain = gzip.decompress(path.read_bytes()) if ending == ".nii.gz" else path.read_bytes()
    path.write_bytes(gzip.compress(plain + b"more") if ending == ".nii.gz" else plain + b"more")
    with pytest.raises(DamagedFile):
        load_nifti(path)


def test_garbage_behind_a_gzip_stream_is_refused_and_zero_padding_is_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii.gz", an_image()[0])
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(512))
    assert np.array_equal(load_nifti(path).array, an_image())
    path.write_bytes(whole + b"garbage")
    with pytest.raises(DamagedFile):
        load_nifti(path)


def test_a_gzip_file_in_two_members_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii", an_image()[0])
    plain = path.read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(plain[:400]) + gzip.compress(plain[400:]))
    assert np.array_equal(load_nifti(tmp_path / "b.nii.gz").array, an_image())


def test_a_gz_that_is_none_and_the_reverse_say_how_to_rename(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.nii", an_image()[0])
    packed = write(tmp_path / "a.nii.gz", an_image()[0])
    content = plain.read_bytes()
    plain.write_bytes(packed.read_bytes())
    packed.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"rename it to end in \.nii\.gz"):
        load_nifti(plain)
    with pytest.raises(DamagedFile, match=r"rename it to end in \.nii if"):
        load_nifti(packed)


def test_a_header_that_claims_more_than_the_file_holds_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    for ending in (".nii", ".nii.gz"):
        path = write(tmp_path / f"a{ending}", an_image(2))
        rewrite(path, dim=[4, 32000, 32000, 32000, 100, 1, 1, 1])  # six petabytes
        with pytest.raises(DamagedFile, match="its header states"):
            load_nifti(path)


def test_an_honest_file_over_the_budget_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii.gz", np.zeros((9, 60, 60), np.int16))
    with pytest.raises(TooLarge, match="65152 bytes"):
        load_nifti(path, budget_bytes=10_000)
    with pytest.raises(TooLarge):
        load_nifti(write(tmp_path / "a.nii", an_image()[0]), budget_bytes=100)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"dim": [0, 5, 6, 3, 1, 1, 1, 1]}, DamagedFile),
        ({"dim": [9, 5, 6, 3, 1, 1, 1, 1]}, DamagedFile),
        ({"dim": [3, -5, 6, 3, 1, 1, 1, 1]}, DamagedFile),
        ({"dim": [3, 5, 0, 3, 1, 1, 1, 1]}, DamagedFile),
        ({"bitpix": 8}, DamagedFile),
        ({"datatype": 12345}, UnknownFormat),
        ({"vox_offset": 100}, DamagedFile),
        ({"vox_offset": np.nan}, DamagedFile),
        ({"vox_offset": np.inf}, DamagedFile),
        ({"vox_offset": 1e30}, DamagedFile),
        ({"magic": b"ni1"}, UnknownFormat),
        ({"magic": b"abc"}, UnknownFormat),
        ({"sizeof_hdr": 1}, UnknownFormat),
    ],
)
def test_a_header_that_cannot_be_true_is_refused(tmp_path: Path, fields: dict, error: type[ShortaxisError]) -> None:
    with pytest.raises(error):
        load_nifti(rewrite(write(tmp_path / "a.nii", an_image()[0]), **fields))


def test_a_missing_voxel_offset_means_the_least_one(tmp_path: Path) -> None:
    assert np.array_equal(load_nifti(rewrite(write(tmp_path / "a.nii", an_image()[0]), vox_offset=0)).array, an_image())


def test_what_is_no_file_or_no_nifti_is_refused_by_type(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        load_nifti(tmp_path / "none.nii")
    (tmp_path / "folder.nii").mkdir()
    with pytest.raises(UnknownFormat, match="a folder"):
        load_nifti(tmp_path / "folder.nii")
    (tmp_path / "empty.nii.gz").touch()
    with pytest.raises(DamagedFile, match="empty"):
        load_nifti(tmp_path / "empty.nii.gz")
    (tmp_path / "noise.nii").write_bytes(b"not a NIfTI file at all" * 99)
    with pytest.raises(UnknownFormat):
        load_nifti(tmp_path / "noise.nii")
    with pytest.raises(UnknownFormat, match="a name ending in"):
        load_nifti(tmp_path / "picture.png")
    with pytest.raises((Unreadable, MissingFile)):
        load_nifti(tmp_path / "null\0.nii")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nii")
    with pytest.raises(UnknownFormat, match="no regular file"):
        load_nifti(tmp_path / "pipe.nii")


def test_a_file_the_system_will_not_open_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.nii", an_image()[0])

    def deny(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(Unreadable, match="Permission denied"):
        load_nifti(path)


def test_noise_in_the_header_never_raises_anything_but_a_refusal(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.nii", an_image()[0]).read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(120):
        content = bytearray(whole)
        for position in rng.integers(4, 352, 4):
            content[position] = rng.integers(256)
        (tmp_path / "b.nii").write_bytes(content)
        try:
            load_nifti(tmp_path / "b.nii")
        except ShortaxisError as refusal:
            assert refusal.expected and refusal.found and refusal.way_out and refusal.path == tmp_path / "b.nii"


def test_the_hash_is_of_the_file_as_it_lies_on_disk(tmp_path: Path) -> None:
    import hashlib

    path = write(tmp_path / "a.nii.gz", an_image()[0])
    assert load_nifti(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(("unit", "value"), [(16, 33.5), (8, 0.0335), (24, 33500)], ids=["ms", "s", "us"])
def test_frame_time_becomes_milliseconds(tmp_path: Path, unit: int, value: float) -> None:
    path = rewrite(write(tmp_path / "a.nii", an_image(2)), xyzt_units=2 | unit)
    assert load_nifti(patched(path, "pixdim", 4, value)).frame_time_ms == pytest.approx(33.5, rel=1e-6)


@pytest.mark.parametrize(("unit", "value"), [(0, 33.5), (8, 1), (16, 0), (16, -30), (16, np.nan)])
def test_a_frame_time_without_unit_or_beyond_a_cine_s_is_not_known(tmp_path: Path, unit: int, value: float) -> None:
    path = rewrite(write(tmp_path / "a.nii", an_image(2)), xyzt_units=2 | unit)
    assert load_nifti(patched(path, "pixdim", 4, value)).frame_time_ms is None


def test_a_single_stack_has_no_frame_time_whatever_its_header_says(tmp_path: Path) -> None:
    path = rewrite(write(tmp_path / "scan.nii", an_image()[0]), xyzt_units=2 | 16)
    assert load_nifti(patched(path, "pixdim", 4, 33.5)).frame_time_ms is None


def test_a_stream_that_repeats_what_lies_32_kilobytes_back_is_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 2**15, (1, 3, 64, 80), dtype=np.int16)  # 30,720 bytes
    image = np.concatenate([noise, noise])
    path = write(tmp_path / "scan.nii", image)
    packed = tmp_path / "packed.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), 9))
    assert packed.stat().st_size < 0.7 * path.stat().st_size  # the second half is a reference to the first
    np.testing.assert_array_equal(load_nifti(packed).array, image)


def test_a_file_over_the_budget_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "scan.nii", an_image())
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(TooLarge, match="at most 100 bytes"):
        read_bytes(path, 100)
