"""Any folder of images and labels: which belong together, whose they are, and what their numbers mean."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import (
    BadConfiguration,
    DamagedFile,
    GridMismatch,
    LabelsMissing,
    MissingFile,
    NoStudy,
    UnknownLabel,
)
from shortaxis.core.labels import ACDC, MNMS, Structure
from shortaxis.read.file_names import patient_of
from shortaxis.read.labelled import find_labelled, read_labelled_case
from shortaxis.read.nnunet import nnunet_scheme
from tests.lookalike.nifti_files import AFFINE, an_image, write

DRAWN = (an_image()[0] % 4).astype(np.uint8)


def put(root: Path, image: str, labels: str) -> None:
    write(root / image, an_image()[0])
    write(root / labels, DRAWN)


def found(root: Path, **options: str) -> list[tuple[str, str, str, str]]:
    return [
        (case.name, case.patient, str(case.image.relative_to(root)), str(case.labels.relative_to(root)))
        for case in find_labelled(root, **options)
    ]


@pytest.mark.parametrize("ending", ["_gt", "_seg", "_label", "_labels", "_mask"])
def test_labels_beside_their_image_are_found_by_their_ending(tmp_path: Path, ending: str) -> None:
    put(tmp_path, "p1_ED.nii.gz", f"p1_ED{ending}.nii.gz")
    write(tmp_path / "p2.nii.gz", an_image()[0])  # without labels: passed over
    assert found(tmp_path) == [("p1_ED", "p1", "p1_ED.nii.gz", f"p1_ED{ending}.nii.gz")]


def test_an_image_ending_is_no_part_of_the_name(tmp_path: Path) -> None:
    put(tmp_path, "p1_image.nii", "p1_gt.nii.gz")
    assert found(tmp_path) == [("p1", "p1", "p1_image.nii", "p1_gt.nii.gz")]


def test_images_and_labels_in_two_folders_pair_by_name(tmp_path: Path) -> None:
    put(tmp_path, "Images/b.nii.gz", "masks/b.nii.gz")
    put(tmp_path, "Images/site/a.nii.gz", "masks/site/a_gt.nii")
    assert found(tmp_path) == [
        ("b", "b", "Images/b.nii.gz", "masks/b.nii.gz"),
        ("a", "site", "Images/site/a.nii.gz", "masks/site/a_gt.nii"),
    ]


def test_an_image_without_labels_in_a_folder_of_labelled_ones_is_named(tmp_path: Path) -> None:
    put(tmp_path, "images/a.nii.gz", "labels/a.nii.gz")
    write(tmp_path / "images" / "b.nii.gz", an_image()[0])
    with pytest.raises(LabelsMissing, match=r"none for 1 of 2: b\.nii\.gz"):
        find_labelled(tmp_path)


def test_a_folder_for_each_patient_is_the_patient_and_names_stay_unique(tmp_path: Path) -> None:
    for patient in ("A1", "B2"):
        put(tmp_path, f"{patient}/sa.nii.gz", f"{patient}/sa_gt.nii.gz")
        put(tmp_path, f"{patient}/ES/sa.nii.gz", f"{patient}/ES/sa_gt.nii.gz")
    cases = find_labelled(tmp_path)
    assert sorted((case.name, case.patient) for case in cases) == [
        ("A1-ES-sa", "A1"),
        ("A1-sa", "A1"),
        ("B2-ES-sa", "B2"),
        ("B2-sa", "B2"),
    ]


@pytest.mark.parametrize(
    ("stem", "folders", "separator", "patient"),
    [
        ("patient001_frame01", (), None, "patient001"),
        ("001_SA_ED", (), None, "001"),
        ("case_0001", (), None, "case_0001"),
        ("site1_p7_t03", (), None, "site1_p7"),
        ("p7-scan2", (), "-", "p7"),
        ("sa", ("A1-visit2", "ED"), "-", "A1"),
        ("sa", ("A1",), "-", "A1"),
        ("sa", ("train", "A1", "ED"), None, "A1"),
        ("ED", (), None, "ED"),
    ],
)
def test_the_patient_is_told_from_names(
    stem: str, folders: tuple[str, ...], separator: str | None, patient: str
) -> None:
    assert patient_of(stem, folders, separator) == patient


@pytest.mark.parametrize(
    ("images", "labels", "image", "label", "name"),
    [
        ("*_image.nii.gz", "{stem}_truth.nii.gz", "p1_image.nii.gz", "p1_truth.nii.gz", "p1"),
        ("scans/*.nii", "drawn/{stem}.nii", "scans/p1.nii", "drawn/p1.nii", "p1"),
        ("*/cine.nii.gz", "truth.nii.gz", "p1/cine.nii.gz", "p1/truth.nii.gz", "cine"),
        ("**/*.nii.gz", "{stem}_truth.nii.gz", "a/p1.nii.gz", "a/p1_truth.nii.gz", "p1"),
        ("a/*/i.nii", "b/{folder}/t.nii", "a/p1/i.nii", "b/a/p1/t.nii", "i"),
    ],
)
def test_other_layouts_are_given_as_patterns(
    tmp_path: Path, images: str, labels: str, image: str, label: str, name: str
) -> None:
    put(tmp_path, image, label)
    assert found(tmp_path, images=images, labels=labels)[0][::2] == (name, image)
    assert found(tmp_path, images=images, labels=labels)[0][3] == label


def test_patterns_that_do_not_serve_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "p1.nii.gz", "p1_gt.nii.gz")
    with pytest.raises(BadConfiguration, match="both"):
        find_labelled(tmp_path, images="*.nii.gz")
    with pytest.raises(BadConfiguration):
        find_labelled(tmp_path, images="/abs/*.nii.gz", labels="x")
    with pytest.raises(LabelsMissing):
        find_labelled(tmp_path, images="*.nii.gz", labels="{stem}_truth.nii.gz")
    with pytest.raises(NoStudy):
        find_labelled(tmp_path, images="*.mha", labels="{stem}_gt.nii.gz")


def test_a_folder_with_nothing_labelled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoStudy, match="x_gt"):
        find_labelled(tmp_path)
    with pytest.raises(MissingFile):
        find_labelled(tmp_path / "nowhere")


def test_two_label_files_for_one_image_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "p1.nii.gz", "p1_gt.nii.gz")
    write(tmp_path / "p1_seg.nii.gz", DRAWN)
    with pytest.raises(BadConfiguration, match=r"p1_gt\.nii\.gz and p1_seg\.nii\.gz"):
        find_labelled(tmp_path)


def nnunet(root: Path, labels: object) -> Path:
    put(root, "imagesTr/heart_001_0000.nii.gz", "labelsTr/heart_001.nii.gz")
    (root / "dataset.json").write_text(json.dumps({"channel_names": {"0": "MRI"}, "labels": labels}))
    return root


def test_nnunet_s_folder_is_read_with_its_own_numbers(tmp_path: Path) -> None:
    case = find_labelled(nnunet(tmp_path, {"background": 0, "LV cavity": 1, "Myo": 2, "Right_Ventricle": 3}))[0]
    assert (case.name, case.patient, case.image.name) == ("heart_001", "heart_001", "heart_001_0000.nii.gz")
    assert case.scheme is MNMS
    study = read_labelled_case(case, ACDC)  # what the data set says goes before what is given
    assert study.labels is not None and study.labels.scheme is MNMS


def test_the_older_dataset_json_is_read_too(tmp_path: Path) -> None:
    assert nnunet_scheme(nnunet(tmp_path, {"0": "background", "1": "RV", "2": "MLV", "3": "LVC"})) is ACDC


def test_scar_makes_the_myocardium_a_union(tmp_path: Path) -> None:
    scheme = nnunet_scheme(nnunet(tmp_path, {"background": 0, "lv": 1, "myocardium": 2, "scar": 3, "MVO": 4}))
    assert scheme is not None and scheme.codes[2] == Structure.HEALTHY_MYOCARDIUM
    assert scheme.mask(np.array([0, 1, 2, 3, 4]), Structure.MYOCARDIUM).tolist() == [False, False, True, True, True]


def test_regions_that_overlap_leave_the_choice_to_the_user(tmp_path: Path) -> None:
    assert nnunet_scheme(nnunet(tmp_path, {"background": 0, "epicardium": [1, 2], "lv": 2})) is None


def test_names_in_no_list_leave_the_choice_to_the_user(tmp_path: Path) -> None:
    case = find_labelled(nnunet(tmp_path, {"background": 0, "left atrium": 1, "myo": 2, "lv": 3}))[0]
    assert case.scheme is None
    with pytest.raises(BadConfiguration, match="a label scheme"):
        read_labelled_case(case)
    assert read_labelled_case(case, ACDC).n_frames == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", "not json", '{"labels": 3}', '{"labels": {"lv": {}}}'])
def test_a_dataset_json_that_is_none_is_refused_by_type(tmp_path: Path, content: str) -> None:
    nnunet(tmp_path, {})
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises((BadConfiguration, DamagedFile)):
        nnunet_scheme(tmp_path)


def test_several_channels_are_refused(tmp_path: Path) -> None:
    write(nnunet(tmp_path, {"lv": 1}) / "imagesTr" / "heart_001_0001.nii.gz", an_image()[0])
    with pytest.raises(NoStudy, match="one channel"):
        find_labelled(tmp_path)


def test_a_case_is_read_with_its_labels(tmp_path: Path) -> None:
    put(tmp_path, "p1.nii.gz", "p1_gt.nii.gz")
    study = read_labelled_case(find_labelled(tmp_path)[0], ACDC)
    assert study.name == "p1" and study.labels is not None and study.labels.annotated.all()
    assert np.array_equal(study.labels.array[0], DRAWN)
    assert study.facts.modality is None  # one frame may be a cine's or late enhancement


def test_frames_nobody_drew_in_are_not_background(tmp_path: Path) -> None:
    labels = np.zeros((4, 3, 6, 5), np.uint8)
    labels[1] = DRAWN
    write(tmp_path / "p1.nii.gz", an_image(4))
    write(tmp_path / "p1_gt.nii.gz", labels)
    study = read_labelled_case(find_labelled(tmp_path)[0], ACDC)
    assert study.labels is not None and study.labels.annotated_frames() == (1,)
    assert [note.code for note in study.notes] == ["SA-W041"]


def test_labels_that_do_not_lie_on_the_image_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "p1.nii.gz", an_image(2))
    write(tmp_path / "p1_gt.nii.gz", DRAWN)
    with pytest.raises(GridMismatch, match="2 frames"):
        read_labelled_case(find_labelled(tmp_path)[0], ACDC)
    write(tmp_path / "p1_gt.nii.gz", np.stack([DRAWN, DRAWN]), AFFINE @ np.diag([1, 1, 2, 1]))
    with pytest.raises(GridMismatch, match="voxels apart"):
        read_labelled_case(find_labelled(tmp_path)[0], ACDC)
    write(tmp_path / "p1_gt.nii.gz", np.stack([DRAWN, DRAWN]) + np.uint8(4))
    with pytest.raises(UnknownLabel):
        read_labelled_case(find_labelled(tmp_path)[0], ACDC)
