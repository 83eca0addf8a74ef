"""ACDC's patient folders: two frames or a cine, labels where asked, Info.cfg's numbers turned into indices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import (
    BadPatientFacts,
    DamagedFile,
    GridMismatch,
    LabelsMissing,
    MissingFile,
    NoStudy,
    UnknownLabel,
)
from shortaxis.core.labels import ACDC, Structure
from shortaxis.read.acdc import find_acdc, read_acdc, read_acdc_labelled
from tests.lookalike.acdc_tree import PIXEL_MM, SLICE_MM, Heart, add_cine, make_acdc_tree
from tests.lookalike.nifti_files import rewrite, write


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    return make_acdc_tree(tmp_path, 1)[0]


def test_the_frame_files_are_one_study_of_two_frames_with_two_origins(patient: Path) -> None:
    study = read_acdc(patient)
    assert study.name == "patient001" and study.image.shape == (2, 6, 64, 56) and study.labels is None
    assert [(o.stem, o.frames, o.is_4d) for o in study.origins] == [
        ("patient001_frame01", (0,), False),
        ("patient001_frame04", (1,), False),
    ]
    assert (study.facts.ed_index, study.facts.es_index) == (0, 1)


def test_info_gives_the_patient_s_facts_in_their_units(patient: Path) -> None:
    facts = read_acdc(patient).facts
    assert (facts.group, facts.height_cm, facts.weight_kg) == ("HCM", 172, 71)


def test_the_spacing_comes_from_pixdim_and_a_note_says_so(patient: Path) -> None:
    study = read_acdc(patient)
    assert study.grid.spacing_mm == (SLICE_MM, PIXEL_MM, PIXEL_MM)
    assert [note.code for note in study.notes] == ["SA-W020"]


def test_the_volumes_are_those_that_were_drawn(patient: Path) -> None:
    study = read_acdc_labelled(patient)
    assert study.labels is not None and study.labels.annotated.all() and study.labels.scheme is ACDC
    cavity = ACDC.mask(study.labels.array, Structure.LV_CAVITY).sum(axis=(1, 2, 3)) * (study.grid.voxel_ml or 0)
    radii = 22 * (1 - 0.5 * (np.arange(6) / 5) ** 2)
    assert cavity[0] == pytest.approx((np.pi * 1.05 * radii**2 * SLICE_MM / 1000).sum(), rel=0.02)
    assert cavity[1] / cavity[0] == pytest.approx(0.7**2, rel=0.02)


def test_reading_images_never_opens_a_label_file(patient: Path) -> None:
    for path in patient.glob("*_gt.nii.gz"):
        path.write_bytes(b"would be refused")
    assert read_acdc(patient).n_frames == 2
    with pytest.raises(DamagedFile):
        read_acdc_labelled(patient)


def test_a_cine_serves_the_curves_and_only_ed_and_es_are_annotated(patient: Path) -> None:
    add_cine(patient)
    study = read_acdc_labelled(patient)
    assert study.image.shape[0] == 8 and study.origins[0].is_4d and len(study.origins) == 1
    assert (study.facts.ed_index, study.facts.es_index) == (0, 3)
    assert study.labels is not None and study.labels.annotated_frames() == (0, 3)
    assert not study.labels.array[1].any() and not study.labels.annotated[1].any()


def test_a_cine_alone_is_a_study(patient: Path) -> None:
    add_cine(patient)
    for path in patient.glob("*_frame*"):
        path.unlink()
    assert read_acdc(patient).n_frames == 8
    with pytest.raises(LabelsMissing):
        read_acdc_labelled(patient)


def test_without_info_the_frames_are_used_in_order_with_a_note(patient: Path) -> None:
    (patient / "Info.cfg").unlink()
    study = read_acdc(patient)
    assert study.n_frames == 2 and study.facts.ed_index is None and study.facts.es_index is None
    assert "SA-W040" in [note.code for note in study.notes]


@pytest.mark.parametrize("text", ["ed = 1\r\nEs: 4 \r\nunknown line\r\nheight:\r\n", "\ufeffED:1\nES:4\nWeight: n/a\n"])
def test_info_is_read_tolerantly(patient: Path, text: str) -> None:
    (patient / "Info.cfg").write_text(text, "utf-8", newline="")
    facts = read_acdc(patient).facts
    assert (facts.ed_index, facts.es_index, facts.height_cm, facts.weight_kg, facts.group) == (0, 1, None, None, None)


@pytest.mark.parametrize("number", ["7", "1.5"])
def test_an_es_that_is_no_frame_here_is_refused(patient: Path, number: str) -> None:
    (patient / "Info.cfg").write_text(f"ED: 1\nES: {number}\n")
    with pytest.raises(BadPatientFacts, match="ES among the frames"):
        read_acdc(patient)


def test_es_before_ed_in_time_keeps_the_frames_in_time(tmp_path: Path) -> None:
    patient = make_acdc_tree(tmp_path, 1)[0]
    (patient / "Info.cfg").write_text("ED: 4\nES: 1\n")
    facts = read_acdc(patient).facts
    assert (facts.ed_index, facts.es_index) == (1, 0)


def test_uncompressed_files_and_files_in_folders_of_their_own_name_are_read(tmp_path: Path) -> None:
    patient = make_acdc_tree(tmp_path, 1, ending=".nii")[0]
    expected = read_acdc_labelled(patient)
    for path in list(patient.glob("*.nii")):
        inner = path.with_name(path.name + "-moved")
        path.rename(inner)
        path.mkdir()
        inner.rename(path / path.name)
    study = read_acdc_labelled(patient)
    assert np.array_equal(study.image, expected.image) and find_acdc(tmp_path) == [patient]
    assert study.labels is not None and expected.labels is not None
    assert np.array_equal(study.labels.array, expected.labels.array)


def test_every_stored_type_of_the_data_set_is_read(tmp_path: Path) -> None:
    assert {read_acdc(folder).image.dtype.name for folder in make_acdc_tree(tmp_path, 3)} == {
        "float32",
        "int16",
        "uint8",
    }


def test_frames_on_different_grids_are_refused(patient: Path) -> None:
    rewrite(patient / "patient001_frame04.nii.gz", pixdim=[1, 1.4, 1.4, 10, 1, 1, 1, 1])
    with pytest.raises(GridMismatch):
        read_acdc(patient)


def test_labels_on_another_grid_or_with_unknown_numbers_are_refused(patient: Path) -> None:
    path = patient / "patient001_frame04_gt.nii.gz"
    whole = path.read_bytes()
    rewrite(path, pixdim=[1, 1.4, 1.4, 10, 1, 1, 1, 1])
    with pytest.raises(GridMismatch):
        read_acdc_labelled(patient)
    path.write_bytes(whole)
    write(path, np.full((6, 64, 56), 4, np.uint8))
    with pytest.raises(UnknownLabel, match="4"):
        read_acdc_labelled(patient)


def test_a_frame_twice_and_labels_of_no_frame_are_refused(patient: Path) -> None:
    extra = patient / "patient001_frame1.nii.gz"
    extra.write_bytes((patient / "patient001_frame01.nii.gz").read_bytes())
    with pytest.raises(BadPatientFacts, match="one file of frame 1"):
        read_acdc(patient)
    extra.rename(patient / "patient001_frame09_gt.nii.gz")
    with pytest.raises(BadPatientFacts, match="frame 9"):
        read_acdc_labelled(patient)


def test_folders_that_are_no_patient_are_refused_or_not_found(tmp_path: Path) -> None:
    first, second = make_acdc_tree(tmp_path, 2)
    flat = tmp_path / "flat"
    flat.mkdir()
    for patient in (first, second):
        (flat / f"{patient.name}_frame01.nii.gz").write_bytes((patient / f"{patient.name}_frame01.nii.gz").read_bytes())
    assert find_acdc(tmp_path) == [first, second]
    with pytest.raises(NoStudy):
        read_acdc(flat)
    with pytest.raises(NoStudy):
        read_acdc(tmp_path)
    with pytest.raises(MissingFile):
        read_acdc(tmp_path / "nowhere")
    with pytest.raises(MissingFile):
        find_acdc(tmp_path / "nowhere")


def test_links_to_patients_are_followed_and_loops_end(tmp_path: Path) -> None:
    patient = make_acdc_tree(tmp_path / "store", 1)[0]
    cohort = tmp_path / "cohort"
    cohort.mkdir()
    (cohort / "linked").symlink_to(patient)
    (cohort / "loop").symlink_to(cohort)
    assert find_acdc(cohort) == [cohort / "linked"]


def test_the_look_alike_is_the_same_every_time(tmp_path: Path) -> None:
    one, two = (make_acdc_tree(tmp_path / name, 1, heart=Heart(slices=3))[0] for name in ("a", "b"))
    assert read_acdc(one).sha256 == read_acdc(two).sha256


@pytest.mark.realdata
def test_all_hundred_patients_read_with_plausible_volumes(data_root: Path) -> None:
    folders = find_acdc(data_root / "acdc" / "training")
    assert len(folders) == 100
    for folder in folders:
        study = read_acdc_labelled(folder)
        assert study.labels is not None and study.grid.voxel_ml is not None
        volume_ml = ACDC.mask(study.labels.array, Structure.LV_CAVITY).sum(axis=(1, 2, 3)) * study.grid.voxel_ml
        edv_ml, esv_ml = volume_ml[study.facts.ed_index], volume_ml[study.facts.es_index]
        assert study.labels.annotated_frames() == (study.facts.ed_index, study.facts.es_index), folder.name
        assert 40 < edv_ml < 400 and 0.05 < (edv_ml - esv_ml) / edv_ml < 0.9, folder.name
