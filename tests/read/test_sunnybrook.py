"""Sunnybrook's outlines become labels of the right image, and nothing undrawn becomes background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import DamagedFile, LabelsMissing, MissingFile
from shortaxis.core.labels import Structure
from shortaxis.core.study import Study
from shortaxis.read.sunnybrook import find_sunnybrook, looks_like_sunnybrook, read_sunnybrook
from tests.lookalike.dicom_sets import Cine
from tests.lookalike.sunnybrook_tree import CENTRE, make_sunnybrook

CINE = Cine(n_phases=8)
ED, ES = 6, 2


@pytest.fixture
def tree(tmp_path: Path) -> tuple[Path, Path]:
    return make_sunnybrook(tmp_path, CINE, ED, ES)


def test_the_outlines_fill_the_pixels_whose_centres_they_enclose(tree):
    study = read_sunnybrook(*tree)
    assert study.labels is not None
    row, col = np.mgrid[:16, :12]
    away = np.hypot(row - CENTRE[0], col - CENTRE[1])
    expected = np.where(away < 4.2, 1, np.where(away < 5.7, 2, 0))  # no pixel centre lies near these radii
    np.testing.assert_array_equal(study.labels.array[ED, 1], expected)
    np.testing.assert_array_equal(study.labels.array[ES, 2], np.where(away < 2.2, 1, 0))


def test_only_what_was_drawn_is_annotated(tree):
    labels = read_sunnybrook(*tree).labels
    assert labels is not None
    cavity, myocardium = (labels.scheme.structures.index(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM))
    assert [tuple(place) for place in np.argwhere(labels.annotated[..., cavity])] == [
        (ES, 1),
        (ES, 2),
        (ED, 1),
        (ED, 2),
    ]
    assert [tuple(place) for place in np.argwhere(labels.annotated[..., myocardium])] == [(ED, 1), (ED, 2)]
    assert not labels.array[~labels.annotated.any(axis=2)].any()


def test_end_diastole_is_the_outlined_frame_with_the_larger_cavity(tree):
    facts = read_sunnybrook(*tree).facts
    assert (facts.ed_index, facts.es_index) == (ED, ES)
    assert facts.convention


def test_patients_are_found_through_the_link_table_if_both_folders_exist(tree, tmp_path):
    assert looks_like_sunnybrook(tmp_path)
    assert find_sunnybrook(tmp_path) == [("SC-HF-I-1", *tree)]


def test_a_folder_without_the_link_table_is_refused(tmp_path):
    with pytest.raises(MissingFile):
        find_sunnybrook(tmp_path)


def test_outlines_of_another_patients_images_are_refused(tree):
    contour = next(tree[1].rglob("*icontour*"))
    contour.rename(contour.with_name("IM-0001-0999-icontour-manual.txt"))
    with pytest.raises(LabelsMissing, match="image 999"):
        read_sunnybrook(*tree)


def test_no_outlines_are_refused(tree, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(LabelsMissing):
        read_sunnybrook(tree[0], tmp_path / "none")


@pytest.mark.parametrize("content", ["", "1.0 2.0\n", "1.0 2.0\n3.0\n", "a b\nc d\ne f\n", "1 2\n3 nan\n5 6\n"])
def test_a_damaged_outline_is_refused(tree, content):
    next(tree[1].rglob("*icontour*")).write_text(content)
    with pytest.raises(DamagedFile):
        read_sunnybrook(*tree)


@pytest.fixture(scope="module", params=["SC-HF-I-1", "SC-HF-I-2"])
def patient(request, data_root: Path) -> Study:
    folders = {name: rest for name, *rest in find_sunnybrook(data_root / "sunnybrook")}
    return read_sunnybrook(*folders[request.param])


@pytest.mark.realdata
def test_a_real_patient_has_twenty_phases_and_ten_to_thirteen_slices_ten_millimetres_apart(patient):
    n_frames, n_slices, *_ = patient.image.shape
    assert n_frames == 20
    assert 10 <= n_slices <= 13
    assert patient.grid.spacing_mm == pytest.approx((10.0, 1.367188, 1.367188), abs=1e-3)
    assert 20 < patient.facts.frame_time_ms < 60


@pytest.mark.realdata
def test_a_real_patients_volumes_are_those_of_a_failing_heart(patient):
    cavity = patient.labels.scheme.mask(patient.labels.array, Structure.LV_CAVITY)
    edv_ml, esv_ml = (cavity[i].sum() * patient.grid.voxel_ml for i in (patient.facts.ed_index, patient.facts.es_index))
    ef_percent = 100 * (edv_ml - esv_ml) / edv_ml
    assert 100 < edv_ml < 400
    assert ef_percent == pytest.approx({"SC-HF-I-1": 26.3, "SC-HF-I-2": 25.4}[patient.name], abs=0.1)


@pytest.mark.realdata
def test_a_real_outline_encloses_the_bright_blood(patient):
    """An outline moved by a pixel or put on another slice would lose this contrast."""
    cavity, wall = (
        patient.labels.scheme.mask(patient.labels.array, s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM)
    )
    frame = patient.facts.ed_index
    brightness = [patient.image[frame][mask[frame]].mean() for mask in (cavity, wall)]
    assert brightness[0] > 2 * brightness[1]
