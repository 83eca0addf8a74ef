"""What a header announces of its scan, and that it is heard before a byte is unpacked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import TooLarge
from shortaxis.files import gate
from shortaxis.files.size import Announced, announce, minding
from shortaxis.read.find import only_study
from tests.lookalike.dicom_sets import Cine, make_ge, make_siemens
from tests.lookalike.nifti_files import an_image, rewrite, write


def told(path: Path) -> list[Announced]:
    """What is announced while a scan is read."""
    heard: list[Announced] = []
    with minding(heard.append):
        only_study(path)
    return heard


def test_a_nifti_announces_its_size_and_what_unpacking_it_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii.gz", an_image(2))  # 2 frames of 3 x 6 x 5 voxels of two bytes, behind 352 bytes
    (size,) = told(path)
    assert (size.shape, size.voxel_bytes, size.is_written_back) == ((2, 3, 6, 5), 2, False)
    assert size.reading_bytes == 352 + 360 + path.stat().st_size  # unpacked in its place, the packed bytes beside it


@pytest.mark.parametrize(
    ("dtype", "fields", "voxel", "held"),
    [
        (np.int16, {}, 2, 352 + 2 * 90 * 2),  # an uncompressed file is copied
        (np.float32, {}, 4, 352 + 2 * 90 * 4 + 90),  # of floats it is noted which are finite
        (np.int16, {"scl_slope": 2.0}, 4, 352 + 90 * 2 + 90 * 4 + 90),  # scaled numbers are single precision
    ],
)
def test_copies_scaling_and_floats_are_counted(tmp_path, dtype, fields, voxel, held) -> None:
    path = write(tmp_path / "a.nii", an_image()[0].astype(dtype))
    (size,) = told(rewrite(path, **fields) if fields else path)
    assert (size.voxel_bytes, size.reading_bytes) == (voxel, held)


def test_a_dicom_stack_announces_itself_before_its_pixels_are_read(tmp_path: Path) -> None:
    make_ge(tmp_path / "plain", Cine(n_phases=8, n_slices=4))
    (size,) = told(tmp_path / "plain")
    rows, cols = size.shape[2:]
    assert size.shape[:2] == (8, 4) and size.is_written_back and size.voxel_bytes == 2
    assert size.reading_bytes == 2 * 2 * 8 * 4 * rows * cols
    make_siemens(tmp_path / "rescaled", Cine(n_phases=8, n_slices=4), RescaleSlope="2", RescaleIntercept="0")
    assert told(tmp_path / "rescaled")[0].voxel_bytes == 4


def test_nothing_is_said_where_nobody_minds(tmp_path: Path) -> None:
    announce(Announced((10**6,) * 4, 8, 10**30))
    only_study(write(tmp_path / "a.nii", an_image()[0]))


def test_the_refusal_comes_before_a_byte_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(size: Announced) -> None:
        raise TooLarge("less", "more", "crop it", size.path)

    def unpack(*_: object) -> bytes:
        raise AssertionError("unpacked")

    path = write(tmp_path / "a.nii.gz", an_image(2))
    monkeypatch.setattr(gate, "inflate", unpack)
    with minding(refuse), pytest.raises(TooLarge) as caught:
        only_study(path)
    assert caught.value.path == path
