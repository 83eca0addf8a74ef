"""Every output appears whole or not at all, says only what it should, and is the same bytes for the same content."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import from_matvec
from nibabel.eulerangles import euler2mat
from nibabel.nifti1 import Nifti1Extension

from shortaxis.core.errors import GridMismatch, WriteFailed, WrongDimensions
from shortaxis.core.study import Grid
from shortaxis.files.gate import Volume, load_nifti, load_volume
from shortaxis.files.writer import write_bytes, write_csv, write_image, write_json, write_labels, write_text
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.lookalike.nifti_files import AFFINE, an_image, write

GRID = Grid((3, 6, 5), AFFINE, (8, 1.5, 1.5))
MASK = (an_image(2) % 4).astype(np.uint8)


def header_of(path: Path) -> Any:
    return nib.Nifti1Image.from_filename(path).header


def broken(*_: object) -> None:
    raise OSError(28, "No space left on device")


WRITES: list[Callable[[Path], None]] = [
    lambda path: write_bytes(path, b"new"),
    lambda path: write_text(path, "new"),
    lambda path: write_json(path, {"new": 1}),
    lambda path: write_csv(path, [{"new": 1}]),
    lambda path: write_labels(path, MASK, GRID, is_4d=True),
]


@pytest.mark.parametrize("act", WRITES, ids=["bytes", "text", "json", "csv", "labels"])
@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.read_bytes"])
def test_a_write_that_fails_leaves_the_earlier_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None], step: str
) -> None:
    path = tmp_path / "out.nii"
    path.write_bytes(b"earlier")
    with monkeypatch.context() as patch:
        patch.setattr(step, broken)
        with pytest.raises(WriteFailed, match="No space left"):
            act(path)
    assert path.read_bytes() == b"earlier" and list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_midway_leaves_the_earlier_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")  # a true limit of the system on the size of files, not a stand-in
    path = tmp_path / "out.bin"
    write_bytes(path, b"earlier")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(WriteFailed, match="File too large"):
            write_bytes(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"earlier" and list(tmp_path.iterdir()) == [path]


def test_bytes_that_come_back_different_are_not_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda self: b"rotten")
    with pytest.raises(WriteFailed, match="differs"):
        write_bytes(tmp_path / "a", b"fresh")
    assert not list(tmp_path.iterdir())


def test_a_target_that_is_a_folder_or_lies_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "folder", tmp_path / "file" / "a.txt", tmp_path / "null\0"):
        with pytest.raises(WriteFailed):
            write_text(path, "x")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_missing_folders_are_made_and_permissions_are_the_user_s(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "text")
    umask = os.umask(0)
    os.umask(umask)
    assert path.read_text() == "text\n" and path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_long_names_are_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".txt")
    write_text(path, "x")
    assert path.exists()


def test_json_keeps_order_and_letters(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"z": "Größe", "a": [np.float32(0.5), np.int64(3), np.arange(2), None]})
    text = (tmp_path / "a.json").read_text("utf-8")
    assert "Größe" in text and text.endswith("}\n") and text.index('"z"') < text.index('"a"')
    assert json.loads(text)["a"] == [0.5, 3, [0, 1], None]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan"), np.array([1, np.inf]), {1, 2}])
def test_json_refuses_what_it_cannot_say(tmp_path: Path, value: object) -> None:
    with pytest.raises(WriteFailed):
        write_json(tmp_path / "a.json", {"value": value})
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_no_unicode_still_gives_valid_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"file": "scan\udcff"})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"file": "scan\udcff"}


def test_csv_has_every_column_and_empty_cells_for_unknown(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{"case": "p1", "ef_percent": 51.5}, {"case": "p2", "note": None, "ok": True}])
    assert (tmp_path / "a.csv").read_text() == "case,ef_percent,note,ok\np1,51.5,,\np2,,,true\n"
    write_csv(tmp_path / "a.csv", [], columns=["case"])
    assert (tmp_path / "a.csv").read_text() == "case\n"


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1"])
def test_csv_text_that_a_spreadsheet_would_run_is_disarmed(tmp_path: Path, text: str) -> None:
    write_csv(tmp_path / "a.csv", [{"case": text}])
    assert (tmp_path / "a.csv").read_text().splitlines()[1].lstrip('"').startswith("'" + text[0])


def test_csv_leaves_negative_numbers_alone_and_refuses_nan(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{"a": -1.5, "b": "-2e3", "c": np.float64(-3)}])
    assert (tmp_path / "a.csv").read_text() == "a,b,c\n-1.5,-2e3,-3.0\n"
    with pytest.raises(WriteFailed, match="finite"):
        write_csv(tmp_path / "a.csv", [{"a": float("nan")}])


def test_numbers_of_numpy_are_told_in_full_and_refused_where_they_are_none(tmp_path: Path) -> None:
    third = np.float32(1 / 3)  # as a text of its own it would be 0.33333334
    write_csv(tmp_path / "a.csv", [{"a": third, "b": np.int64(3), "c": np.bool_(True)}])
    assert (tmp_path / "a.csv").read_text() == "a,b,c\n0.3333333432674408,3,true\n"
    with pytest.raises(WriteFailed, match="finite"):
        write_csv(tmp_path / "a.csv", [{"a": np.float32("nan")}])


@pytest.mark.parametrize("differs", ["voxels", "spacing", "orientation code", "dimensions", "no geometry"])
def test_a_mask_that_reads_back_otherwise_is_not_put_in_place(
    differs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are there; what a reader makes of them is not what was meant."""

    def read_otherwise(path: Path, budget: int) -> Volume:
        volume = load_volume(path, budget)
        raw = volume.grid.nifti
        assert raw is not None
        if differs == "voxels":
            return replace(volume, array=np.flip(volume.array, 3))
        if differs == "dimensions":
            return replace(volume, is_4d=False)
        changed = {
            "spacing": replace(raw, pixdim=(*raw.pixdim[:3], raw.pixdim[3] + 0.5, *raw.pixdim[4:])),
            "orientation code": replace(raw, sform_code=raw.sform_code + 1),
            "no geometry": None,
        }
        return replace(volume, grid=replace(volume.grid, nifti=changed[differs]))

    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"earlier")
    monkeypatch.setattr("shortaxis.files.writer.load_volume", read_otherwise)
    with pytest.raises(WriteFailed, match="read back differ"):
        write_labels(path, MASK, GRID, is_4d=True)
    assert path.read_bytes() == b"earlier" and list(tmp_path.iterdir()) == [path]


def test_numbers_that_are_none_in_an_uncoded_orientation_are_repeated_too(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.ascontiguousarray(an_image()[0].T), AFFINE)
    image.set_qform(AFFINE, 0)
    image.header["quatern_b"] = np.nan  # nobody reads it: the qform is not coded
    nib.save(image, tmp_path / "a.nii")
    write_labels(tmp_path / "m.nii", MASK[:1], load_nifti(tmp_path / "a.nii").grid, is_4d=False)
    assert np.isnan(header_of(tmp_path / "m.nii")["quatern_b"])


@pytest.mark.parametrize("name", ["m.nii", "m.nii.gz"])
def test_a_mask_lies_on_its_image_to_the_letter(tmp_path: Path, name: str) -> None:
    source = make_acdc_tree(tmp_path, 1)[0] / "patient001_frame01.nii.gz"
    volume = load_nifti(source)
    labels = (np.asarray(volume.array) > 150).astype(np.uint8)
    write_labels(tmp_path / name, labels, volume.grid, volume.is_4d)
    mask, image = header_of(tmp_path / name), header_of(source)
    for field in ("dim", "pixdim", "qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "xyzt_units", "quatern_d"):
        assert np.array_equal(mask[field], image[field]), field
    assert np.array_equal(load_nifti(tmp_path / name).array, labels)


def test_a_nifti_2_source_with_double_precision_is_repeated_to_the_letter(tmp_path: Path) -> None:
    affine = np.diag([1 / 3, 1 / 3, 8.1, 1])
    nib.save(nib.Nifti2Image(an_image()[0].T, affine), tmp_path / "a.nii")
    write_image(tmp_path / "b.nii", an_image(), load_nifti(tmp_path / "a.nii").grid, is_4d=False)
    assert np.array_equal(nib.Nifti2Image.from_filename(tmp_path / "b.nii").affine, affine)


@pytest.mark.parametrize("flip", [1, -1])
def test_without_a_nifti_source_both_forms_state_the_affine_in_millimetres(tmp_path: Path, flip: int) -> None:
    turned = euler2mat(0.3, -0.5, 0.2) * [1.4, 1.5, 8 * flip]
    affine = from_matvec(turned, [3, 4, 5.55])
    write_image(tmp_path / "a.nii.gz", an_image(2), Grid((3, 6, 5), affine, (8, 1.5, 1.4)), True, frame_time_ms=32.5)
    header = header_of(tmp_path / "a.nii.gz")
    assert np.allclose(header.get_sform(), affine, atol=1e-5) and np.allclose(header.get_qform(), affine, atol=1e-5)
    assert header.get_xyzt_units() == ("mm", "msec") and header.get_zooms() == pytest.approx((1.4, 1.5, 8, 32.5))
    assert load_nifti(tmp_path / "a.nii.gz").frame_time_ms == 32.5


def test_a_grid_of_unknown_spacing_is_read_back_as_unknown(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.nii", MASK, Grid((3, 6, 5), np.eye(4), None), is_4d=True)
    assert load_nifti(tmp_path / "a.nii").grid.spacing_mm is None


def test_nothing_of_the_source_s_text_comes_along(tmp_path: Path) -> None:
    image = nib.Nifti1Image(an_image()[0].T, AFFINE)
    image.header["descrip"] = image.header["aux_file"] = image.header["db_name"] = b"DOE^JANE"
    image.header.extensions.append(Nifti1Extension("comment", b"DOE^JANE"))
    nib.save(image, tmp_path / "a.nii")
    write_labels(tmp_path / "m.nii", MASK[:1], load_nifti(tmp_path / "a.nii").grid, is_4d=False)
    written = (tmp_path / "m.nii").read_bytes()
    assert b"DOE" in (tmp_path / "a.nii").read_bytes() and b"DOE" not in written and len(written) == 352 + MASK[:1].size


def test_a_mask_may_say_of_itself_what_whoever_meets_it_alone_must_know(tmp_path: Path) -> None:
    write_labels(tmp_path / "m.nii.gz", MASK, GRID, is_4d=True, description="EXPERIMENTAL")
    assert nib.load(tmp_path / "m.nii.gz").header["descrip"].item() == b"EXPERIMENTAL"


def test_equal_masks_are_equal_files_without_name_and_time(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.nii.gz", MASK, GRID, is_4d=True)
    write_labels(tmp_path / "b.nii.gz", MASK, GRID, is_4d=True)
    content = (tmp_path / "a.nii.gz").read_bytes()
    assert content == (tmp_path / "b.nii.gz").read_bytes()
    assert content[3] == 0 and content[4:8] == bytes(4)  # no flags, so no name; no time
    assert len(gzip.decompress(content)) == 352 + MASK.size


def test_an_empty_mask_is_written(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.nii.gz", np.zeros_like(MASK), GRID, is_4d=True)
    assert not np.asarray(nib.Nifti1Image.from_filename(tmp_path / "a.nii.gz").dataobj).any()


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    with pytest.raises(WrongDimensions, match="one frame for a 3D file"):
        write_labels(path, MASK, GRID, is_4d=False)
    with pytest.raises(WrongDimensions):
        write_labels(path, MASK[0], GRID, is_4d=True)
    with pytest.raises(GridMismatch):
        write_labels(path, MASK[:, :2], GRID, is_4d=True)
    with pytest.raises(WriteFailed, match="uint8"):
        write_labels(path, MASK.astype(np.int32), GRID, is_4d=True)  # pyright: ignore[reportArgumentType]
    with pytest.raises(WriteFailed, match="complex"):
        write_image(path, MASK.astype(complex), GRID, is_4d=True)
    assert not path.exists()


def test_an_image_keeps_its_type(tmp_path: Path) -> None:
    source = load_nifti(write(tmp_path / "a.nii", an_image(2).astype(np.float32) / 7))
    write_image(tmp_path / "b.nii.gz", source.array, source.grid, source.is_4d)
    again = load_nifti(tmp_path / "b.nii.gz").array
    assert again.dtype == np.float32 and np.array_equal(again, source.array)


@pytest.mark.parametrize(("field", "value"), [("xyzt_units", 32768 + 2), ("qform_code", 2**19 + 1)])
def test_codes_that_nifti_1_cannot_hold_are_repeated_in_nifti_2(tmp_path: Path, field: str, value: int) -> None:
    image = an_image()[0]
    source = nib.Nifti2Image(np.ascontiguousarray(image.T), AFFINE)
    source.header.set_xyzt_units("mm")
    source.set_qform(AFFINE, 1)
    source.header[field] = value
    nib.save(source, tmp_path / "scan.nii")
    volume = load_nifti(tmp_path / "scan.nii")
    write_labels(tmp_path / "mask.nii", np.ones(volume.array.shape, np.uint8), volume.grid, is_4d=False)
    again, source_grid = load_volume(tmp_path / "mask.nii").grid.nifti, volume.grid.nifti
    assert again is not None and source_grid is not None and getattr(again, field) == value
    assert again.pixdim == source_grid.pixdim and (tmp_path / "mask.nii").read_bytes()[:4] == b"\x1c\x02\0\0"
