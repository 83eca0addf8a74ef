"""Pointing at a data set finds its cases with what their layout says; labels are never taken as images."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.core.labels import ACDC
from shortaxis.jobs.training_cases import DATASETS, training_cases
from shortaxis.read.find import Case, find_cases, read_case
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.lookalike.emidec_tree import make_emidec_png, make_emidec_tree
from tests.lookalike.lvquan_files import make_lvquan19
from tests.lookalike.mmwhs_tree import make_mmwhs_tree
from tests.lookalike.mnms_tree import make_mnms2_tree, make_mnms_tree


def found(root: Path) -> list[tuple[str, str]]:
    return [(case.kind, case.name) for case in find_cases([root])]


def test_emidec_folders_are_lge_cases_and_their_contours_no_images(tmp_path: Path) -> None:
    make_emidec_tree(tmp_path)
    assert found(tmp_path) == [("emidec", "Case_N006"), ("emidec", "Case_P001")]
    (study,) = read_case(find_cases([tmp_path])[1])
    assert study.facts.modality == "lge" and study.labels is None


def test_emidec_pictures_are_one_case_a_patient(tmp_path: Path) -> None:
    make_emidec_png(tmp_path)
    assert found(tmp_path) == [("emidec-png", "Case_N006"), ("emidec-png", "Case_P001")]
    (study,) = read_case(find_cases([tmp_path])[1])
    assert study.name == "Case_P001" and study.image.shape[1] == 3


def test_an_m_and_ms_patient_is_one_case_with_its_phases_and_without_its_long_axis(tmp_path: Path) -> None:
    make_mnms2_tree(tmp_path)
    assert found(tmp_path) == [("mnms", "001")]
    (study,) = read_case(find_cases([tmp_path])[0])
    assert (study.facts.ed_index, study.facts.es_index) == (0, 1)


def test_an_lvquan_patient_is_told_from_a_segment_file_by_its_name(tmp_path: Path) -> None:
    make_lvquan19(tmp_path / "patient12.mat")
    (tmp_path / "mouse.mat").write_bytes(b"not opened here")
    assert found(tmp_path) == [("segment", "mouse"), ("lvquan", "patient12")]
    (study,) = read_case(Case("patient12", "lvquan", tmp_path / "patient12.mat"))
    assert study.n_frames == 20


@pytest.mark.parametrize(
    ("dataset", "make", "names"),
    [
        ("acdc", make_acdc_tree, ["patient001", "patient002"]),
        ("emidec", make_emidec_tree, ["Case_N006", "Case_P001"]),
        ("emidec", make_emidec_png, ["Case_N006", "Case_P001"]),
        ("mnms", make_mnms_tree, ["A0S9V9"]),
        ("mnms", make_mnms2_tree, ["001"]),
        ("mmwhs", make_mmwhs_tree, ["mr_train_1001"]),
        ("lvquan", lambda root: make_lvquan19(root / "patient1.mat"), ["patient1"]),
    ],
)
def test_training_gets_the_labelled_cases_of_each_layout(tmp_path: Path, dataset: str, make, names: list[str]) -> None:
    make(tmp_path)
    assert dataset in DATASETS
    cases = training_cases(tmp_path, dataset, ACDC)
    assert [case.name for case in cases] == names == [case.patient for case in cases]


def test_diagnosis_groups_are_known_for_the_folds_before_an_image_is_read(tmp_path: Path) -> None:
    make_emidec_png(tmp_path / "a")
    make_mnms_tree(tmp_path / "b")
    roots = {"emidec": tmp_path / "a", "mnms": tmp_path / "b"}
    groups = [case.group for dataset, root in roots.items() for case in training_cases(root, dataset, ACDC)]
    assert groups == ["normal", "pathological", "HCM"]
