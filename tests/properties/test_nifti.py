"""What is written as NIfTI is read back as it was, whatever its type, byte order and place; and nothing else is."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shortaxis.core.errors import DamagedFile, ShortaxisError
from shortaxis.core.study import Grid
from shortaxis.files.gate import check_same_grid, load_volume
from shortaxis.files.intake import inflate
from shortaxis.files.nifti_encode import encode, geometry_of, gzipped
from shortaxis.files.nifti_geometry import corner_distance_voxels, true_affine
from shortaxis.files.writer import write_image
from tests.properties.strategies import grids, voxels

FILE = Path("scan.nii.gz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nifti")


def written(array: np.ndarray, grid: Grid, path: Path) -> Path:
    write_image(path, array, Grid(array.shape[1:], grid.affine, grid.spacing_mm), is_4d=True, frame_time_ms=40.0)
    return path


@given(voxels(), grids(), st.sampled_from([".nii", ".nii.gz"]))
def test_voxels_of_every_type_come_back_as_they_were(folder, array, grid, ending):
    again = load_volume(written(array, grid, folder / f"scan{ending}"))
    assert again.array.dtype == array.dtype
    np.testing.assert_array_equal(again.array, array)


@given(voxels(), grids())
def test_the_same_file_in_the_other_byte_order_says_the_same(folder, array, grid):
    little = written(array, grid, folder / "little.nii")
    content, big = little.read_bytes(), folder / "big.nii"
    size = int.from_bytes(content[:4], "little")
    from nibabel.nifti1 import header_dtype as first
    from nibabel.nifti2 import header_dtype as second

    layout = first if size == 348 else second
    header = np.frombuffer(content, layout.newbyteorder("<"), count=1).astype(layout.newbyteorder(">"))
    swapped = array.astype(array.dtype.newbyteorder(">")).tobytes()
    big.write_bytes(header.tobytes() + content[layout.itemsize : size + 4] + swapped)
    ours, theirs = load_volume(big), load_volume(little)
    np.testing.assert_array_equal(ours.array, theirs.array)
    np.testing.assert_array_equal(ours.grid.affine, theirs.grid.affine)
    assert ours.grid.spacing_mm == theirs.grid.spacing_mm and ours.frame_time_ms == theirs.frame_time_ms


@given(grids())
def test_the_place_of_every_grid_comes_back_within_a_thousandth_of_a_voxel(folder, grid):
    array = np.arange(60, dtype=np.int16).reshape(1, 3, 4, 5)
    again = load_volume(written(array, grid, folder / "place.nii")).grid
    np.testing.assert_allclose(again.spacing_mm, grid.spacing_mm, rtol=1e-6)
    apart = corner_distance_voxels(grid.shape, np.array(grid.spacing_mm), true_affine(again), grid.affine)
    assert apart < 1e-3


@given(grids())
def test_a_mask_written_on_a_read_grid_repeats_its_header_to_the_letter(folder, grid):
    array = np.arange(60, dtype=np.uint8).reshape(1, 3, 4, 5)
    read = load_volume(written(array, grid, folder / "first.nii")).grid
    write_image(folder / "second.nii", array, read, is_4d=True)
    again = load_volume(folder / "second.nii").grid
    assert (folder / "first.nii").read_bytes() == (folder / "second.nii").read_bytes()
    check_same_grid(again, read, FILE)


@given(grids(), st.floats(0.2, 5), st.integers(0, 2))
def test_a_grid_moved_by_more_than_a_tenth_of_a_voxel_is_another_one(grid, voxel, axis):
    shifted = grid.affine.copy()
    shifted[axis, 3] += voxel * max(grid.spacing_mm)
    check_same_grid(grid, grid, FILE)
    with pytest.raises(ShortaxisError, match="SA-E025"):
        check_same_grid(Grid(grid.shape, shifted, grid.spacing_mm), grid, FILE)


@given(voxels((np.dtype("i2"), np.dtype("u1"))), grids(), st.data())
def test_a_changed_byte_of_a_compressed_file_is_refused_or_changes_nothing(folder, array, grid, data):
    geometry = geometry_of(Grid(array.shape[1:], grid.affine, grid.spacing_mm), None)
    content = bytearray(gzipped(encode(array, True, geometry)))
    at, bit = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 7))
    content[at] ^= 1 << bit
    path = folder / "flipped.nii.gz"
    path.write_bytes(content)
    try:
        np.testing.assert_array_equal(load_volume(path).array, array)
    except ShortaxisError:
        return


@given(st.binary(min_size=1, max_size=400), st.integers(1, 3))
def test_a_gzip_stream_of_any_number_of_members_inflates_to_what_was_packed(content, members):
    cuts = np.linspace(0, len(content), members + 1).astype(int)
    packed = b"".join(gzip.compress(content[a:b], mtime=0) for a, b in pairwise(cuts))
    assert inflate(packed, len(content), FILE) == content


@given(st.binary(min_size=1, max_size=400), st.data())
def test_a_gzip_stream_cut_anywhere_is_refused(content, data):
    packed = gzip.compress(content, mtime=0)
    with pytest.raises(DamagedFile):
        inflate(packed[: data.draw(st.integers(1, len(packed) - 1))], len(content), FILE)


@given(st.binary(min_size=1, max_size=400), st.integers(-5, 5))
def test_a_gzip_stream_of_another_length_than_stated_is_refused(content, more):
    assume(more != 0 and len(content) + more >= 0)
    with pytest.raises(DamagedFile):
        inflate(gzip.compress(content, mtime=0), len(content) + more, FILE)


@given(voxels((np.dtype("i2"),)))
def test_equal_arrays_are_equal_files(array):
    geometry = geometry_of(Grid(array.shape[1:], np.diag([-1.5, -1.5, 8, 1]), (8, 1.5, 1.5)), None)
    plain = encode(array, True, geometry)
    assert gzipped(plain) == gzipped(bytes(plain)) and zlib.decompress(gzipped(plain), 31) == plain
