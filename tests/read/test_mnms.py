"""M&Ms' cine and M&Ms-2's two frames: label numbers reversed against ACDC, phases from tables and names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import BadPatientFacts, DamagedFile, GridMismatch, LabelsMissing, NoStudy
from shortaxis.core.labels import ACDC, MNMS, Structure
from shortaxis.read.mnms import find_mnms, group_of, read_mnms, read_mnms_labelled
from tests.lookalike.mnms_tree import ED, ES, N_FRAMES, PIXEL_MM, SLICE_MM, TABLE, make_mnms2_tree, make_mnms_tree
from tests.lookalike.ring_study import ring_labels


@pytest.fixture
def cine(tmp_path: Path) -> Path:
    return make_mnms_tree(tmp_path)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    return make_mnms2_tree(tmp_path)


def test_a_cine_is_annotated_where_something_is_drawn_and_the_table_counts_from_zero(cine: Path) -> None:
    study = read_mnms_labelled(cine)
    assert study.name == "A0S9V9" and study.image.shape == (N_FRAMES, 4, 40, 36)
    assert (study.facts.ed_index, study.facts.es_index) == (ED, ES)
    assert study.labels is not None and study.labels.annotated_frames() == (ES, ED)
    cavity = study.labels.scheme.mask(study.labels.array, Structure.LV_CAVITY).sum(axis=(1, 2, 3))
    assert cavity[ED] > cavity[ES] > 0 == cavity[0]


def test_the_table_gives_the_patients_facts(cine: Path) -> None:
    facts = read_mnms(cine).facts
    assert (facts.sex, facts.height_cm, facts.weight_kg, facts.group) == ("female", 164, 61.5, "HCM")
    assert group_of(cine) == "HCM"


def test_numbers_one_and_three_are_the_reverse_of_acdcs(frames: Path) -> None:
    labels = read_mnms_labelled(frames).labels
    assert labels is not None and labels.scheme is MNMS
    np.testing.assert_array_equal(
        MNMS.translate(labels.array, ACDC), ring_labels(2, 4, 40, 36, (20.0, 21.0)), "LV and RV are swapped"
    )


def test_two_frames_are_one_study_with_two_origins_and_phases_by_name(frames: Path) -> None:
    study = read_mnms_labelled(frames)
    assert study.grid.spacing_mm == pytest.approx((SLICE_MM, PIXEL_MM, PIXEL_MM))
    assert [(o.stem, o.frames, o.is_4d) for o in study.origins] == [
        ("001_SA_ED", (0,), False),
        ("001_SA_ES", (1,), False),
    ]
    assert (study.facts.ed_index, study.facts.es_index, study.facts.group) == (0, 1, "HCM")


def test_unlabelled_cases_are_passed_over_and_one_given_by_itself_has_no_labels(cine: Path, tmp_path: Path) -> None:
    assert find_mnms(tmp_path) == [cine]
    bare = tmp_path / "Training" / "Unlabeled" / "B1K2P5"
    facts = read_mnms(bare).facts
    assert (facts.ed_index, facts.es_index, facts.height_cm, facts.weight_kg) == (0, 3, None, None)
    with pytest.raises(LabelsMissing):
        read_mnms_labelled(bare)


def test_without_the_table_the_phases_are_unknown_and_a_note_says_so(cine: Path, tmp_path: Path) -> None:
    (tmp_path / TABLE).unlink()
    study = read_mnms(cine)
    assert study.facts.ed_index is None and "SA-W043" in [note.code for note in study.notes]


def test_a_phase_that_is_no_frame_is_refused(cine: Path, tmp_path: Path) -> None:
    table = tmp_path / TABLE
    table.write_text(table.read_text("utf-8").replace(f"1,{ED},{ES}", f"1,{N_FRAMES},{ES}"), "utf-8")
    with pytest.raises(BadPatientFacts, match="ED among the 6 frames"):
        read_mnms(cine)


def test_reading_images_never_opens_a_label_file(cine: Path) -> None:
    (cine / "A0S9V9_sa_gt.nii.gz").write_bytes(b"would be refused")
    assert read_mnms(cine).n_frames == N_FRAMES
    with pytest.raises(DamagedFile):
        read_mnms_labelled(cine)


def test_labels_that_do_not_belong_to_the_image_are_refused(cine: Path, tmp_path: Path) -> None:
    other = make_mnms2_tree(tmp_path / "other")
    (cine / "A0S9V9_sa_gt.nii.gz").write_bytes((other / "001_SA_ED_gt.nii.gz").read_bytes())
    with pytest.raises(GridMismatch, match="6 frames"):
        read_mnms_labelled(cine)
    (other / "001_SA_ES_gt.nii.gz").unlink()
    with pytest.raises(LabelsMissing, match="001_SA_ES"):
        read_mnms_labelled(other)


def test_a_folder_whose_files_bear_another_name_is_no_patient(frames: Path, tmp_path: Path) -> None:
    renamed = frames.rename(frames.with_name("renamed"))
    assert find_mnms(tmp_path) == []
    with pytest.raises(NoStudy):
        read_mnms(renamed)


@pytest.mark.realdata
def test_the_real_m_and_ms_2_patient_has_plausible_volumes_in_the_reversed_numbers(data_root: Path) -> None:
    (folder,) = find_mnms(data_root / "mnms2")
    study = read_mnms_labelled(folder)
    assert study.image.shape == (2, 12, 256, 256) and study.labels is not None and study.grid.voxel_ml is not None
    lv, rv = (
        MNMS.mask(study.labels.array, structure).sum(axis=(1, 2, 3)) * study.grid.voxel_ml
        for structure in (Structure.LV_CAVITY, Structure.RV_CAVITY)
    )
    assert 40 < 100 * (lv[0] - lv[1]) / lv[0] < 70
    assert 0.6 < (lv[0] - lv[1]) / (rv[0] - rv[1]) < 1.6  # what leaves one ventricle leaves the other
