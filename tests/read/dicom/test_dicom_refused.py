"""What the DICOM reader sets aside or refuses, and what it says then."""

from __future__ import annotations

import random
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import MPEG2MPML, JPEG2000Lossless, JPEGLosslessSV1, RLELossless, generate_uid

from shortaxis.core.errors import (
    DamagedFile,
    IncompleteStudy,
    MissingFile,
    NoStudy,
    ShortaxisError,
    TooLarge,
    UnevenSlices,
    Unreadable,
    UnreadableTransferSyntax,
    UnsafeArchive,
)
from shortaxis.read.dicom import files as dicom_files
from shortaxis.read.dicom.pixels import codestream_shape
from shortaxis.read.dicom.study import read_dicom
from tests.lookalike.dicom_sets import (
    AXIAL,
    LONG_AXIS,
    Cine,
    compress_all,
    edit,
    edit_all,
    every_file,
    make_ge,
    make_philips,
    make_siemens,
    place,
    save_image,
)

CINE = Cine(n_phases=8, n_slices=4)


def turned(axes, **others) -> Cine:
    return Cine(**{"n_phases": 8, "n_slices": 4, "axes": tuple(map(tuple, axes))} | others)


def said(path: Path) -> str:
    (study,) = read_dicom(path)
    np.testing.assert_array_equal(study.image, CINE.truth())
    return " ".join(note.text for note in study.notes)


def add(folder: Path, cine: Cine, number: int, **tags) -> None:
    """A further series of the same examination, beside the one that `one_study` wrote."""
    make_ge(folder / str(number), cine, series=number, SeriesInstanceUID=generate_uid(), **tags)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    make_ge(tmp_path / "sax", CINE)
    return tmp_path


# --- set aside ----------------------------------------------------------------------------------------------------------
def test_an_axial_cine_stack_is_told_from_the_short_axis_by_its_normal(study):
    add(study, turned(AXIAL), 301)
    assert "series 301 (axial cine stack, 32 images)" in said(study)


def test_a_stack_along_the_ventricle_is_told_from_the_short_axis_by_its_normal(study):
    add(study, turned(LONG_AXIS), 301)
    assert "series 301 (long-axis cine stack, 32 images)" in said(study)


def test_a_single_long_axis_slice_is_set_aside(study):
    add(study, turned(LONG_AXIS, n_slices=1), 301)
    assert "series 301 (long-axis cine of 1 slice, 8 images)" in said(study)


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("cine_sa_flow_venc150", "phase contrast"),
        ("SAX tagging", "tagged cine"),
        ("MOLLI_5b3s3b sax", "T1 map"),
        ("T2map_sax", "T2 map"),
        ("PSIR_sa", "late enhancement"),
        ("stress perf", "perfusion"),
        ("3-plane scout", "localiser"),
    ],
)
def test_a_parallel_series_is_set_aside_by_a_decisive_word(study, description, kind):
    add(study, CINE, 400, SeriesDescription=description)
    assert f"series 400 ({kind}, 32 images)" in said(study)


def test_velocity_maps_are_set_aside_by_their_image_type(study):
    add(study, CINE, 400, ImageType=["ORIGINAL", "PRIMARY", "VELOCITY MAP", "P"])
    assert "series 400 (phase contrast, 32 images)" in said(study)


def test_one_image_per_heartbeat_is_no_cine(study):
    for beat in range(8):
        for index in range(3):
            clock = f"10{beat // 60:02d}{beat:02d}.{index}00000"
            tags = {"SeriesInstanceUID": "1.5", "StudyInstanceUID": "1.2.840.0113619.007", "SeriesNumber": 500}
            timing = {"AcquisitionTime": clock, "TriggerTime": 900.0 * beat, "InstanceNumber": 3 * beat + index}
            save_image(study / "p" / f"{beat}-{index}", CINE.image(0, index), place(CINE, index) | tags | timing)
    assert "series 500 (images over several heartbeats, 24 images)" in said(study)


def test_a_late_enhancement_stack_of_one_image_a_slice_is_set_aside(study):
    add(study, Cine(n_phases=1, n_slices=4), 600, SeriesDescription="DE_sax", CardiacNumberOfImages=None)
    assert "series 600 (late enhancement, 4 images)" in said(study)


def test_images_without_a_position_are_set_aside(study):
    save_image(study / "x", np.zeros((4, 4), np.uint16), {"StudyInstanceUID": "1.2.840.0113619.007", "SeriesNumber": 9})
    assert "series 9 (images without a position, 1 image)" in said(study)


def test_an_axial_stack_that_is_described_as_short_axis_is_read(tmp_path):
    make_siemens(tmp_path, turned(AXIAL), description="cine SAX")
    assert len(read_dicom(tmp_path)) == 1


def test_a_stray_parallel_slice_is_left_out_where_one_series_is_a_whole_stack(study):
    add(study, Cine(n_phases=8, n_slices=1, origin=tuple(CINE.position(0) + 3.1 * CINE.normal)), 350)
    assert "Series 300 alone is an even stack and is used; parallel cine series left out: 350." in said(study)


# --- refused ------------------------------------------------------------------------------------------------------------
def refusal(path: Path, kind: type[ShortaxisError]) -> ShortaxisError:
    with pytest.raises(kind) as caught:
        read_dicom(path)
    return caught.value


def test_a_folder_without_a_short_axis_says_what_it_holds(tmp_path):
    make_siemens(tmp_path, turned(AXIAL), description="axial")
    problem = refusal(tmp_path, NoStudy)
    assert problem.found == "4 series numbered 10 to 13 (axial cine stack, 32 images)"


def test_an_empty_folder_and_a_missing_one_are_refused(tmp_path):
    assert refusal(tmp_path, NoStudy).found == "nothing"
    refusal(tmp_path / "absent", MissingFile)


def test_a_missing_slice_is_named(study):
    for phase in range(8):
        (study / "sax" / f"{8 + phase + 1}.dcm").unlink()  # slice 2 of 4
    problem = refusal(study, IncompleteStudy)
    assert problem.expected == "a slice every 8.00 mm"
    assert problem.found == "missing slices: 1 between slices 1 and 2"


def test_uneven_slices_are_named(tmp_path):
    make_siemens(tmp_path, CINE)
    moved = CINE.position(3) + 2.5 * CINE.normal
    for path in every_file(tmp_path / "0013"):
        edit(path, lambda d: setattr(d, "ImagePositionPatient", [f"{v:.6f}" for v in moved]))
    assert refusal(tmp_path, UnevenSlices).found == "10.50 mm between slices 3 and 4"


def test_a_slice_shifted_in_its_plane_is_refused(tmp_path):
    make_siemens(tmp_path, CINE)
    moved = CINE.position(2) + 12 * np.asarray(CINE.axes)[0]
    for path in every_file(tmp_path / "0012"):
        edit(path, lambda d: setattr(d, "ImagePositionPatient", [f"{v:.6f}" for v in moved]))
    assert refusal(tmp_path, UnevenSlices).found == "slice 3 is shifted by 12.0 mm within its plane"


def test_missing_phases_of_a_slice_are_refused_and_not_resampled(tmp_path):
    cine = Cine(n_phases=10)
    make_ge(tmp_path, cine)
    (tmp_path / "25.dcm").unlink()
    problem = refusal(tmp_path, IncompleteStudy)
    assert problem.found == "slice 3 (series 300) has 9 of 10"


def test_an_end_slice_with_most_phases_missing_is_refused_and_not_dropped(study):
    for phase in range(5):
        (study / "sax" / f"{24 + phase + 1}.dcm").unlink()
    assert refusal(study, IncompleteStudy).found == "3 phases of the slice after slice 3 (series 300)"


def test_a_truncated_image_is_refused_and_named(study):
    victim = study / "sax" / "7.dcm"
    victim.write_bytes(victim.read_bytes()[:-100])
    assert refusal(study, DamagedFile).path == victim


def test_a_claim_beyond_the_budget_is_refused_before_anything_is_allocated(study):
    def claim(dataset) -> None:
        dataset.Rows = dataset.Columns = 60_000

    edit(study / "sax" / "7.dcm", claim)
    refusal(study, TooLarge)


def test_a_compressed_stream_larger_than_its_header_says_is_refused(tmp_path):
    make_siemens(tmp_path, Cine(n_phases=8, n_slices=3, rows=40, cols=36))
    compress_all(tmp_path, JPEG2000Lossless)

    def lie(dataset) -> None:
        start = dataset.PixelData.index(b"\xff\x4f\xff\x51")
        huge = struct.pack(">2I", 50_000, 50_000)
        dataset.PixelData = dataset.PixelData[: start + 8] + huge + dataset.PixelData[start + 16 :]

    edit(every_file(tmp_path)[3], lie)
    assert refusal(tmp_path, DamagedFile).found == "50000 x 50000 in the compressed image"


def test_an_unreadable_transfer_syntax_names_the_package(tmp_path, monkeypatch):
    make_siemens(tmp_path, CINE)
    compress_all(tmp_path, RLELossless)
    edit_all(tmp_path, lambda d: setattr(d.file_meta, "TransferSyntaxUID", JPEGLosslessSV1))
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", False)  # as without the optional packages
    assert "python-gdcm" in refusal(tmp_path, UnreadableTransferSyntax).way_out


def test_a_video_asks_for_images(tmp_path):
    make_siemens(tmp_path, CINE)
    compress_all(tmp_path, RLELossless)
    edit_all(tmp_path, lambda d: setattr(d.file_meta, "TransferSyntaxUID", MPEG2MPML))
    assert "as images" in refusal(tmp_path, UnreadableTransferSyntax).way_out


# --- archives -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["../out.dcm", "/etc/out.dcm", "a/../../out.dcm", "C:/out.dcm", "..\\out.dcm"])
def test_a_member_that_escapes_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    refusal(tmp_path / "a.zip", UnsafeArchive)


def test_a_link_in_an_archive_is_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refusal(tmp_path / "a.zip", UnsafeArchive)


def test_a_member_that_grows_without_measure_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(20 * 2**20))
    refusal(tmp_path / "a.zip", TooLarge)


def test_members_that_are_too_large_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_files, "MAX_ARCHIVE_BYTES", 99)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one", bytes(50))
        archive.writestr("two", bytes(50))
    refusal(tmp_path / "a.zip", TooLarge)


def test_an_encrypted_member_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one", b"x")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    (tmp_path / "a.zip").write_bytes(content)
    refusal(tmp_path / "a.zip", Unreadable)


def test_a_truncated_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one", bytes(500))
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-30])
    refusal(tmp_path / "a.zip", DamagedFile)


# --- anything at all ----------------------------------------------------------------------------------------------------
def test_damage_anywhere_in_a_header_gives_a_typed_refusal_or_a_study(tmp_path):
    make_philips(tmp_path / "whole", Cine(n_phases=8, n_slices=3, rows=4, cols=4))
    whole = (tmp_path / "whole").read_bytes()
    rng = random.Random(7)
    (tmp_path / "x").mkdir()
    outcomes = set()
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 1, 3, 20])):
            content[rng.randrange(132, len(content))] = rng.randrange(256)
        cut = rng.choice([len(content), len(content), rng.randrange(200, len(content))])
        (tmp_path / "x" / "y").write_bytes(content[:cut])
        try:
            outcomes.add(type(read_dicom(tmp_path / "x")))
        except ShortaxisError as problem:
            outcomes.add(type(problem))
    assert {tuple, DamagedFile} <= outcomes


def test_the_size_in_a_jpeg_or_jpeg_2000_stream_is_read_from_its_markers():
    jpeg = b"\xff\xd8" + b"\xff\xe0\x00\x04ab" + b"\xff\xc3\x00\x0b\x0c" + struct.pack(">2H", 30, 40) + bytes(8)
    jpeg_ls = b"\xff\xd8" + b"\xff\xf7\x00\x0b\x0c" + struct.pack(">2H", 31, 41) + bytes(8)
    jpeg_2000 = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + struct.pack(">4I", 45, 33, 5, 3) + bytes(8)
    assert [codestream_shape(stream) for stream in (jpeg, jpeg_ls, jpeg_2000)] == [(30, 40), (31, 41), (30, 40)]
    assert codestream_shape(b"nothing") is None
