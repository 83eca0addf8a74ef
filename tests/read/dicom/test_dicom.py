"""DICOM of three vendors comes out as the same stack, and nothing of the patient's identity comes along."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from shortaxis.core.study import Study
from shortaxis.read.dicom.study import looks_like_dicom, read_dicom, read_dicom_placed
from tests.lookalike.dicom_sets import (
    AXIAL,
    SECRETS,
    Cine,
    compress_all,
    edit,
    edit_all,
    every_file,
    make_ge,
    make_philips,
    make_siemens,
    save_image,
)

CINE = Cine()


def codes(study: Study) -> list[str]:
    return [note.code for note in study.notes]


def only(path: Path) -> Study:
    studies = read_dicom(path)
    assert len(studies) == 1
    return studies[0]


def make_philips_folder(folder: Path, cine: Cine) -> None:
    make_philips(folder / "XX_0001", cine)


@pytest.mark.parametrize("make", [make_siemens, make_ge, make_philips_folder])
def test_every_vendors_layout_gives_the_same_images_in_the_same_order(make, tmp_path):
    make(tmp_path, CINE)
    study = only(tmp_path)
    np.testing.assert_array_equal(study.image, CINE.truth())
    assert study.image.dtype == np.uint16
    assert study.grid.spacing_mm == pytest.approx((8.0, 1.4, 1.3))
    assert study.keeps_image
    assert codes(study) == []


def test_the_affine_puts_a_voxel_where_the_scanner_had_it_turned_to_ras(tmp_path):
    make_ge(tmp_path, CINE)
    col, row, index = 5, 3, 2
    lps = CINE.position(index) + col * 1.3 * np.asarray(CINE.axes)[0] + row * 1.4 * np.asarray(CINE.axes)[1]
    ras = only(tmp_path).grid.affine @ [col, row, index, 1]
    np.testing.assert_allclose(ras[:3], lps * [-1, -1, 1], atol=1e-4)


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.name.replace(" ", "_"),
)
def test_every_transfer_syntax_gives_the_same_voxels(syntax, tmp_path):
    cine = Cine(n_phases=8, n_slices=3, rows=40, cols=36)  # JPEG 2000 has five halvings to make room for
    make_siemens(tmp_path, cine)
    compress_all(tmp_path, syntax)
    np.testing.assert_array_equal(only(tmp_path).image, cine.truth())


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["RLE", "JPEG_2000"])
def test_a_compressed_multi_frame_object_is_read(syntax, tmp_path):
    cine = Cine(rows=40, cols=36)
    make_philips(tmp_path / "one", cine)
    compress_all(tmp_path, syntax)
    np.testing.assert_array_equal(only(tmp_path / "one").image, cine.truth())


def test_a_zip_reads_like_its_folder(tmp_path):
    make_siemens(tmp_path / "in", CINE)
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in every_file(tmp_path / "in"):
            archive.write(path, path.relative_to(tmp_path))
    from_zip, from_folder = only(tmp_path / "study.zip"), only(tmp_path / "in")
    np.testing.assert_array_equal(from_zip.image, from_folder.image)
    assert from_zip.name == from_folder.name
    assert looks_like_dicom(tmp_path / "study.zip")


def test_nothing_that_names_the_patient_leaves_the_reader(tmp_path):
    make_ge(tmp_path, CINE, SeriesDescription="Trap^Name sax")
    study = only(tmp_path)
    told = repr((study.name, study.facts, study.notes, study.sha256, [origin.stem for origin in study.origins]))
    assert not [secret for secret in SECRETS if secret in told]
    assert study.name.startswith("case-")
    assert len(study.name) == len("case-") + 8


def test_the_name_is_the_callers_where_there_is_one(tmp_path):
    make_ge(tmp_path, CINE)
    assert read_dicom(tmp_path, name="p07")[0].name == "p07"


def test_the_hash_does_not_depend_on_file_names(tmp_path):
    make_ge(tmp_path, CINE)
    before = only(tmp_path).sha256
    for path in every_file(tmp_path):
        path.rename(path.with_name(f"x{hash(path.name) % 10**9}{path.stem}"))
    assert only(tmp_path).sha256 == before


def test_the_origin_is_named_after_the_lowest_series_and_is_4d(tmp_path):
    make_siemens(tmp_path, CINE, first_series=17)
    (origin,) = only(tmp_path).origins
    assert (origin.stem, origin.frames, origin.is_4d) == ("series17", tuple(range(10)), True)


def test_facts_come_from_the_tags_in_our_units(tmp_path):
    make_siemens(tmp_path, CINE)
    facts = only(tmp_path).facts
    assert (facts.sex, facts.height_cm, facts.weight_kg, facts.species) == ("female", 168.0, 71.5, None)
    assert facts.frame_time_ms == pytest.approx(40.0)
    assert facts.heart_rate_bpm == pytest.approx(150.0)  # 60 000 / (40 ms x 10 phases)


def test_without_trigger_times_the_frame_time_is_the_beat_over_the_phases(tmp_path):
    make_siemens(tmp_path, CINE, TriggerTime=None, NominalInterval=900)
    study = only(tmp_path)
    np.testing.assert_array_equal(study.image, CINE.truth())  # ordered by instance number
    assert study.facts.frame_time_ms == pytest.approx(90.0)


def test_implausible_height_is_left_out_with_a_note_and_zero_without(tmp_path):
    make_siemens(tmp_path, CINE, PatientSize=168, PatientWeight=0)
    study = only(tmp_path)
    assert (study.facts.height_cm, study.facts.weight_kg) == (None, None)
    assert codes(study) == ["SA-W069"]


def test_rescale_is_applied_once_and_only_then_the_voxels_are_float(tmp_path):
    make_siemens(tmp_path, CINE, RescaleSlope="2", RescaleIntercept="-10")
    study = only(tmp_path)
    assert study.image.dtype == np.float32
    np.testing.assert_array_equal(study.image, CINE.truth() * 2.0 - 10)


def test_monochrome1_is_turned_round_over_its_stored_range(tmp_path):
    make_siemens(tmp_path, CINE, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(only(tmp_path).image, 4095 - CINE.truth())


def test_bits_above_the_image_are_no_brightness(tmp_path):
    make_siemens(tmp_path, CINE)

    def draw_overlay(dataset) -> None:
        dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") | 0x8000).tobytes()

    edit_all(tmp_path, draw_overlay)
    np.testing.assert_array_equal(only(tmp_path).image, CINE.truth())


def test_missing_pixel_spacing_is_unknown_and_never_one(tmp_path):
    make_siemens(tmp_path, CINE, PixelSpacing=None)
    study = only(tmp_path)
    assert study.grid.spacing_mm is None
    assert codes(study) == ["SA-W067"]


def test_other_files_are_passed_over_and_counted_and_dicomdir_is_not(tmp_path):
    make_ge(tmp_path, CINE)
    (tmp_path / "README.txt").write_text("hello")
    (tmp_path / "empty").touch()
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 64)
    study = only(tmp_path)
    assert [note.text for note in study.notes] == ["Passed over as not DICOM: 2 files."]


def test_a_report_object_is_passed_over(tmp_path):
    make_ge(tmp_path, CINE)
    save_image(tmp_path / "sr.dcm", np.zeros((4, 4), np.uint16), {"Modality": "SR"})
    assert codes(only(tmp_path)) == ["SA-W062"]


def test_the_last_complete_breath_hold_is_taken(tmp_path):
    make_siemens(tmp_path, CINE)
    make_siemens(tmp_path / "again", Cine(n_slices=2, origin=tuple(CINE.position(1)), first=5), first_series=30)
    make_siemens(tmp_path / "broken", Cine(n_slices=1, origin=tuple(CINE.position(3)), first=7), first_series=40)
    for path in every_file(tmp_path / "broken")[4:6]:
        path.unlink()  # 8 of 10 phases, with a hole in their trigger times
    _same_study(tmp_path)
    study = only(tmp_path)
    assert [study.image[0, index, 0, 0] for index in range(4)] == [0, 500, 600, 300]
    assert codes(study) == ["SA-W063"]
    assert "slice 2 from series 30, slice 3 from series 31, slice 4 from series 13" in study.notes[0].text


def test_breath_holds_repeated_inside_one_series_are_told_apart(tmp_path):
    make_ge(tmp_path / "a", CINE, AcquisitionNumber=1)
    make_ge(tmp_path / "b", CINE, AcquisitionNumber=2)
    edit_all(tmp_path / "b", _brighter)
    study = only(tmp_path)
    np.testing.assert_array_equal(study.image, CINE.truth() + 1)
    assert codes(study) == ["SA-W063"]


def test_a_breath_hold_at_another_heart_rate_is_told_apart_where_time_restarts(tmp_path):
    cine = Cine(n_phases=8, n_slices=3)
    make_ge(tmp_path / "a", cine)
    make_ge(tmp_path / "b", cine)

    def repeat(dataset) -> None:
        dataset.InstanceNumber += 100
        dataset.TriggerTime = float(dataset.TriggerTime) * 0.9
        _brighter(dataset)

    edit_all(tmp_path / "b", repeat)
    study = only(tmp_path)
    np.testing.assert_array_equal(study.image, cine.truth() + 1)
    assert codes(study) == ["SA-W063"]


def test_images_that_are_there_twice_count_once(tmp_path):
    make_ge(tmp_path / "a", CINE)
    for path in every_file(tmp_path)[:5]:
        (tmp_path / f"copy of {path.name}").write_bytes(path.read_bytes())
    study = only(tmp_path)
    np.testing.assert_array_equal(study.image, CINE.truth())
    assert [note.text for note in study.notes] == ["Dropped: 5 duplicate images (same position, time and pixels)."]


def test_a_slice_with_fewer_phases_is_resampled_in_time(tmp_path):
    make_siemens(tmp_path, CINE)
    short = Cine(n_phases=8, n_slices=1, origin=tuple(CINE.position(4)), first=4)
    make_siemens(tmp_path / "short", short, first_series=14)
    _same_study(tmp_path)
    study = only(tmp_path)
    assert study.image.shape == (10, 5, 16, 12)
    assert codes(study) == ["SA-W064"]
    own = short.truth()[:, 0].astype(float)
    np.testing.assert_array_equal(study.image[5, 4], own[4])  # half a beat is phase 5 of 10 and phase 4 of 8
    np.testing.assert_array_equal(study.image[1, 4], np.rint(0.2 * own[0] + 0.8 * own[1]))  # 1/10 of a beat = 0.8 of 8


def test_two_patients_in_one_folder_stay_two_studies(tmp_path):
    make_siemens(tmp_path / "a", CINE, PatientID="A")
    make_siemens(tmp_path / "b", CINE, PatientID="B")
    studies = read_dicom(tmp_path, name="both")
    assert [study.name for study in studies] == ["both-1", "both-2"]
    assert [codes(study) for study in studies] == [["SA-W070"], ["SA-W070"]]


def test_what_another_examination_holds_instead_of_a_short_axis_is_named_too(tmp_path):
    make_siemens(tmp_path / "short", CINE)
    make_siemens(tmp_path / "other", Cine(n_slices=3, axes=tuple(map(tuple, AXIAL))), first_series=1, description="")
    study = only(tmp_path)
    assert study.image.shape[1] == CINE.n_slices
    assert [note.text for note in study.notes if note.code == "SA-W074"] == [
        "Not segmented, of another examination in the same input: 3 series numbered 1 to 3 (axial cine stack, 30 images)."
    ]


def test_each_file_knows_its_frame_and_slice(tmp_path):
    make_ge(tmp_path, CINE)
    (placed,) = read_dicom_placed(tmp_path)
    assert placed.places["1.dcm"] == (0, 0)
    assert placed.places["38.dcm"] == (7, 3)  # 37 = 3 x 10 + 7
    assert len(placed.places) == 40


def test_a_folder_of_other_files_does_not_look_like_dicom(tmp_path):
    (tmp_path / "a.dcm").write_text("no")
    assert not looks_like_dicom(tmp_path)
    assert not looks_like_dicom(tmp_path / "a.dcm")
    assert not looks_like_dicom(tmp_path / "absent")
    make_philips(tmp_path / "deep" / "down", CINE)
    assert looks_like_dicom(tmp_path)
    assert looks_like_dicom(tmp_path / "deep" / "down")


def _brighter(dataset) -> None:
    dataset.PixelData = (np.frombuffer(dataset.PixelData, "<u2") + 1).astype("<u2").tobytes()


def _same_study(folder: Path) -> None:
    for path in every_file(folder):
        edit(path, lambda dataset: setattr(dataset, "StudyInstanceUID", "1.2.3"))
