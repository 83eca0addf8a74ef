"""Compressed images are decoded in one child process per stack: what a codec does there is one clear refusal here."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless

from shortaxis.core.errors import DamagedFile, DecoderCrashed, DecoderTimedOut, TooLarge
from shortaxis.files import child
from shortaxis.read.dicom import codec as dicom_codec
from shortaxis.read.dicom.study import read_dicom
from tests.lookalike import decoders
from tests.lookalike.dicom_sets import Cine, compress_all, edit, edit_all, every_file, make_siemens

CINE = Cine(n_phases=8, n_slices=3, rows=40, cols=36)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    make_siemens(tmp_path / "in", CINE)
    compress_all(tmp_path / "in", JPEG2000Lossless)
    return tmp_path / "in"


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each child was given."""
    given: list[int] = []
    really = dicom_codec.run_in_child

    def counted(*arguments, **named):
        given.append(len(named["places"]))
        return really(*arguments, **named)

    monkeypatch.setattr(dicom_codec, "run_in_child", counted)
    return given


def test_one_child_decodes_all_images_of_a_stack(packed, children):
    (study,) = read_dicom(packed)
    np.testing.assert_array_equal(study.image, CINE.truth())
    assert children == [24]


def test_uncompressed_images_need_no_child(tmp_path, children):
    make_siemens(tmp_path, CINE)
    read_dicom(tmp_path)
    assert children == []


def test_telling_duplicates_needs_no_codec(packed, children):
    again = packed / "again"
    again.mkdir()
    for path in every_file(packed):
        (again / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    (study,) = read_dicom(packed)
    np.testing.assert_array_equal(study.image, CINE.truth())
    assert children == [24] and [note.code for note in study.notes] == ["SA-W065"]


def test_members_of_a_zip_are_opened_by_the_child_itself(packed, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in every_file(packed):
            archive.write(path, path.relative_to(packed))
    np.testing.assert_array_equal(read_dicom(tmp_path / "a.zip")[0].image, CINE.truth())


def test_the_codec_runs_in_the_child_alone(packed, monkeypatch):
    def never(dataset: object) -> None:
        raise AssertionError("a codec ran in the caller's process")

    monkeypatch.setattr(dicom_codec, "stored_values", never)
    assert read_dicom(packed)[0].image.shape == (8, 3, 40, 36)


def test_a_crash_is_one_refusal_that_names_the_image(packed, monkeypatch):
    monkeypatch.setattr(dicom_codec, "decode_places", decoders.crashes_on_the_sixth)
    with pytest.raises(DecoderCrashed, match="SIGABRT") as refusal:
        read_dicom(packed)
    assert refusal.value.path == packed / "0011" / "IM00005"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")
def test_a_codec_that_swells_is_stopped(packed, monkeypatch):
    monkeypatch.setattr(dicom_codec, "decode_places", decoders.codec_swells)
    with pytest.raises(TooLarge):
        read_dicom(packed)


def test_a_codec_that_hangs_is_stopped(packed, monkeypatch):
    monkeypatch.setattr(dicom_codec, "decode_places", decoders.codec_sleeps)
    monkeypatch.setattr(dicom_codec, "CHILD_SECONDS", 1.0)
    with pytest.raises(DecoderTimedOut):
        read_dicom(packed)


def test_an_image_that_does_not_decode_is_named(packed):
    victim = every_file(packed)[7]

    def spoil(dataset) -> None:
        middle = len(dataset.PixelData) // 2
        dataset.PixelData = dataset.PixelData[:120] + bytes(middle - 120) + dataset.PixelData[middle:]

    edit(victim, spoil)
    with pytest.raises(DamagedFile) as refusal:
        read_dicom(packed)
    assert refusal.value.path == victim


def test_run_lengths_that_give_far_more_than_the_image_are_refused(tmp_path):
    make_siemens(tmp_path, CINE)
    compress_all(tmp_path, RLELossless)
    edit_all(tmp_path, lambda dataset: setattr(dataset, "Rows", 20))  # of 40: the stream holds twice as much
    with pytest.raises(DamagedFile) as refusal:
        read_dicom(tmp_path)
    assert refusal.value.path == every_file(tmp_path)[0]


def test_a_child_s_limits_grow_with_what_the_headers_claim(packed, monkeypatch):
    seen: list[child.Limits] = []

    def stop(decoder, path, limits, *rest, **named):
        seen.append(limits)
        raise DecoderTimedOut("a", "b", "c", path)

    monkeypatch.setattr(dicom_codec, "run_in_child", stop)
    with pytest.raises(DecoderTimedOut):
        read_dicom(packed)
    assert seen[0].memory_bytes == dicom_codec.CHILD_BYTES + 4 * CINE.truth().nbytes
