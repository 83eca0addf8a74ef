"""LVQuan's single slices: 20 frames, masks, and indices whose unit is told from the masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from shortaxis.core.errors import BadPatientFacts, BadSpacing, DamagedFile, LabelsMissing, NoStudy
from shortaxis.core.labels import LEFT_VENTRICLE
from shortaxis.read.find import find_cases, read_case
from shortaxis.read.lvquan import find_lvquan, read_lvquan, read_lvquan_indices, read_lvquan_labelled, unit_of
from tests.lookalike.lvquan_files import ES, N_FRAMES, grey, make_lvquan18, make_lvquan19, masks, radii_px


def test_a_patient_is_twenty_frames_of_one_slice_with_pixels_in_millimetres_and_no_volume(tmp_path: Path) -> None:
    make_lvquan19(tmp_path / "TrainingData" / "patient3.mat")
    (case,) = find_lvquan(tmp_path)
    study = read_lvquan_labelled(case)
    assert study.name == "patient3" and study.image.shape == (N_FRAMES, 1, 40, 40)
    assert study.grid.pixel_mm == (1.5625, 1.5625) and study.grid.spacing_mm is None and study.grid.voxel_ml is None
    assert "SA-W045" in [note.code for note in study.notes]
    assert study.facts.ed_index == 0 and study.facts.es_index == ES
    endo, epi = masks(40)
    assert study.labels is not None and study.labels.scheme is LEFT_VENTRICLE and study.labels.annotated.all()
    expected = np.where(endo, 1, np.where(epi, 2, 0)).transpose(2, 0, 1)
    np.testing.assert_array_equal(study.labels.array[:, 0], expected)


@pytest.mark.parametrize(("side", "pixel_mm"), [(256, 1.5625), (512, 0.78125)])
def test_a_picture_as_large_as_the_data_sets_is_read_whole(tmp_path: Path, side: int, pixel_mm: float) -> None:
    make_lvquan19(tmp_path / "patient1.mat", side, pixel_mm, length_unit=1 / side, quick=True)
    (case,) = find_lvquan(tmp_path)
    study, indices = read_lvquan_labelled(case), read_lvquan_indices(case)
    assert study.image.shape == (N_FRAMES, 1, side, side) and study.grid.pixel_mm == (pixel_mm, pixel_mm)
    endo, epi = masks(side)
    assert study.labels is not None
    assert np.array_equal(study.labels.array[:, 0], (2 * epi - endo).transpose(2, 0, 1))
    # The noise tells every pixel from every other: nothing is turned, cut or resized.
    assert np.array_equal(study.image[:, 0], grey(endo, epi).astype(np.float32).transpose(2, 0, 1))
    assert indices.unit == "share of the picture" and indices.areas_mm2 is not None and indices.rwt_mm is not None
    assert indices.areas_mm2[:, 0] == pytest.approx(endo.sum(axis=(0, 1)) * pixel_mm**2)
    assert indices.rwt_mm == pytest.approx(3 * pixel_mm)


@pytest.mark.parametrize(("length_unit", "unit"), [(1.5625, "millimetres"), (1 / 40, "share of the picture")])
def test_indices_come_in_millimetres_whatever_unit_the_file_has(tmp_path: Path, length_unit: float, unit: str) -> None:
    make_lvquan19(tmp_path / "patient1.mat", length_unit=length_unit)
    indices = read_lvquan_indices(find_lvquan(tmp_path)[0])
    assert indices.unit == unit
    assert indices.areas_mm2 is not None and indices.dims_mm is not None and indices.rwt_mm is not None
    endo = masks(40)[0].sum(axis=(0, 1))
    assert indices.areas_mm2[:, 0] == pytest.approx(endo * 1.5625**2)
    assert indices.dims_mm[:, 1] == pytest.approx(2 * radii_px() * 1.5625)
    assert indices.rwt_mm.shape == (N_FRAMES, 6) and indices.rwt_mm == pytest.approx(3 * 1.5625)
    assert indices.systole.tolist() == [frame <= ES for frame in range(N_FRAMES)]


def test_the_unit_is_told_from_the_masks_areas_and_refused_where_none_fits() -> None:
    endo = masks(40)[0].transpose(2, 0, 1).astype(bool)
    counted = endo.sum(axis=(1, 2)).astype(float)
    assert unit_of(counted, endo, None, Path("a")) == "pixels"
    assert unit_of(counted * 4.0, endo, 2.0, Path("a")) == "millimetres"
    assert unit_of(counted / 1600, endo, 2.0, Path("a")) == "share of the picture"
    with pytest.raises(BadPatientFacts, match="2 times"):
        unit_of(counted * 2.0, endo, 2.0, Path("a"))


def test_a_file_of_all_patients_gives_each_its_own_frames(tmp_path: Path) -> None:
    path = make_lvquan18(tmp_path / "cardiac-dig.mat")
    cases = find_lvquan(tmp_path)
    assert [(case.name, case.path) for case in cases] == [("patient001", path), ("patient002", path)]
    studies = [read_lvquan_labelled(case) for case in cases]
    assert all(study.image.shape == (N_FRAMES, 1, 24, 24) for study in studies)
    assert [study.grid.pixel_mm for study in studies] == [(1.5, 1.5), (2.25, 2.25)]  # 0.5 and 0.75 mm, three times
    cavities = [(study.labels.array == 1)[0].sum() for study in studies if study.labels]
    assert cavities == [(masks(24, 6.0)[0][..., 0]).sum(), (masks(24, 7.0)[0][..., 0]).sum()]
    assert studies[0].sha256 != studies[1].sha256
    indices = read_lvquan_indices(cases[1])
    assert indices.unit == "share of the picture" and indices.areas_mm2 is not None
    assert indices.areas_mm2[:, 0] == pytest.approx(masks(24, 7.0)[0].sum(axis=(0, 1)) * 2.25**2)


@pytest.mark.parametrize("case", ["no ratio", "no pixel size", "a ratio that differs by frame"])
def test_the_pixels_of_a_crop_are_not_known_where_the_file_does_not_say_how_it_was_resized(
    tmp_path: Path, case: str
) -> None:
    path = make_lvquan18(tmp_path / "cardiac-dig.mat")
    content = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    if case == "a ratio that differs by frame":
        content["ratio_resize_inverse"][5, 1] = 3.5
    else:
        del content["ratio_resize_inverse" if case == "no ratio" else "pix_spa"]
    savemat(path, content, do_compression=True)
    patient = find_lvquan(tmp_path)[1]
    assert read_lvquan(patient).grid.pixel_mm is None
    indices = read_lvquan_indices(patient)
    assert indices.unit == "share of the picture" and indices.areas_mm2 is None


def test_a_file_of_all_patients_is_no_single_case_and_the_refusal_says_what_reads_it(tmp_path: Path) -> None:
    path = make_lvquan18(tmp_path / "cardiac-dig.mat")
    (case,) = find_cases([tmp_path])
    assert (case.kind, case.path) == ("lvquan", path)
    with pytest.raises(NoStudy, match="2 patients") as refusal:
        read_case(case)
    assert "train --dataset lvquan" in refusal.value.way_out


def test_the_test_set_has_images_and_no_labels(tmp_path: Path) -> None:
    path = make_lvquan19(tmp_path / "patient1.mat")
    content = loadmat(path)
    savemat(path, {"image": content["image"], "pix_spacing": content["pix_spacing"]}, do_compression=True)
    (case,) = find_lvquan(tmp_path)
    assert read_lvquan(case).labels is None
    with pytest.raises(LabelsMissing):
        read_lvquan_labelled(case)
    with pytest.raises(LabelsMissing):
        read_lvquan_indices(case)


def test_frames_that_are_not_twenty_masks_of_another_size_and_wild_pixels_are_refused(tmp_path: Path) -> None:
    path = make_lvquan19(tmp_path / "patient1.mat")
    (case,) = find_lvquan(tmp_path)
    content = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    for change, refusal in (
        ({"image": content["image"][..., :19]}, DamagedFile),
        ({"endo": content["endo"][:-1]}, DamagedFile),
        ({"pix_spacing": 156.25}, BadSpacing),
    ):
        savemat(path, {**content, **change}, do_compression=True)
        with pytest.raises(refusal):
            read_lvquan(case)
