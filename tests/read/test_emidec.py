"""EMIDEC: late enhancement with scar, as NIfTI with spacing and as stretched pictures without."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shortaxis.core.errors import (
    DamagedFile,
    GridMismatch,
    IncompleteStudy,
    LabelsMissing,
    NoStudy,
    UnknownFormat,
    UnknownLabel,
)
from shortaxis.core.labels import EMIDEC, Structure
from shortaxis.prepare.orient import orient_to_display
from shortaxis.read.emidec import emidec_case, emidec_png_cases, find_emidec, read_emidec, read_emidec_labelled
from tests.lookalike.emidec_tree import PIXEL_MM, SLICE_MM, make_emidec_png, make_emidec_tree, scar_labels


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    make_emidec_tree(tmp_path)
    return tmp_path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return make_emidec_png(tmp_path)


def test_a_published_case_is_one_lge_frame_with_its_spacing_and_its_own_labels(tree: Path) -> None:
    normal, scarred = find_emidec(tree)
    study = read_emidec_labelled(scarred)
    assert study.name == "Case_P001" and study.image.shape == (1, 4, 48, 40)
    assert study.grid.spacing_mm == pytest.approx((SLICE_MM, PIXEL_MM, PIXEL_MM))
    assert study.labels is not None and study.labels.scheme is EMIDEC and study.labels.annotated.all()
    np.testing.assert_array_equal(study.labels.array[0], scar_labels())
    assert normal.name == "Case_N006"


def test_the_clinical_text_beside_the_folder_gives_the_sex_and_the_name_the_group(tree: Path) -> None:
    facts = [read_emidec(case).facts for case in find_emidec(tree)]
    assert [(f.sex, f.group, f.modality) for f in facts] == [
        ("female", "normal", "lge"),
        ("male", "pathological", "lge"),
    ]
    (tree / "Case N006.txt").unlink()
    assert read_emidec(emidec_case(tree / "Case_N006")).facts.sex is None


def test_the_test_sets_cases_bear_no_letter_and_have_no_contours(tree: Path) -> None:
    folder = (tree / "Case_P001").rename(tree / "Case_118")
    shutil.rmtree(folder / "Contours")
    (folder / "Images" / "Case_P001.nii.gz").rename(folder / "Images" / "Case_118.nii.gz")
    (tree / "Case P001.txt").rename(tree / "Case 118.txt")
    unknown = find_emidec(tree)[0]
    study = read_emidec(unknown)
    assert (study.name, study.facts.group, study.facts.sex) == ("Case_118", None, "male")
    with pytest.raises(LabelsMissing):
        read_emidec_labelled(unknown)


def test_reading_the_image_never_opens_the_contours(tree: Path) -> None:
    (tree / "Case_P001" / "Contours" / "Case_P001.nii.gz").write_bytes(b"would be refused")
    case = emidec_case(tree / "Case_P001")
    assert read_emidec(case).labels is None
    with pytest.raises(DamagedFile):
        read_emidec_labelled(case)


def test_a_test_case_without_contours_has_no_labels_to_give(tree: Path) -> None:
    (tree / "Case_P001" / "Contours" / "Case_P001.nii.gz").unlink()
    with pytest.raises(LabelsMissing):
        read_emidec_labelled(emidec_case(tree / "Case_P001"))


def test_a_folder_that_is_no_case_is_refused(tree: Path) -> None:
    (tree / "Case_P001" / "Images" / "Case_P001.nii.gz").unlink()
    with pytest.raises(NoStudy, match="0 and 1"):
        emidec_case(tree / "Case_P001")
    with pytest.raises(NoStudy):
        emidec_case(tree)


def test_pictures_are_a_stack_of_unknown_spacing_and_say_that_they_are_stretched(pictures: Path) -> None:
    _, case = find_emidec(pictures)
    study = read_emidec_labelled(case)
    assert study.name == "Case_P001" and study.image.shape == (1, 3, 48, 40) and study.image.dtype == np.uint8
    assert study.grid.spacing_mm is None and study.grid.pixel_mm is None and study.grid.voxel_ml is None
    assert [note.code for note in study.notes] == ["SA-W042"] and study.keeps_image
    assert study.labels is not None
    scar = EMIDEC.mask(study.labels.array, Structure.INFARCT) | EMIDEC.mask(study.labels.array, Structure.NO_REFLOW)
    assert scar.sum() / EMIDEC.mask(study.labels.array, Structure.MYOCARDIUM).sum() == pytest.approx(0.25, abs=0.02)


def test_pictures_stand_on_their_side_and_are_turned_for_a_network(pictures: Path) -> None:
    orient = orient_to_display(read_emidec(emidec_png_cases(pictures)[0]).grid)
    assert orient.transpose and orient.flip_rows and orient.flip_cols
    stored = np.array(
        [["back", "chest"], ["back and right", "chest and right"]]
    )  # rows to the right, columns to the front
    shown = np.array(
        [["chest and right", "chest"], ["back and right", "back"]]
    )  # the chest above, the right on the left
    np.testing.assert_array_equal(orient.apply(stored, "nearest"), shown)


def test_slices_come_in_the_order_of_their_numbers_and_a_missing_one_is_refused(pictures: Path) -> None:
    (case, _) = emidec_png_cases(pictures)
    assert [path.name[-7:-4] for path in case.images] == ["000", "001", "002"]
    case.images[1].unlink()
    with pytest.raises(IncompleteStudy, match="0, 2"):
        read_emidec(emidec_png_cases(pictures)[0])


def test_contours_of_some_slices_only_are_refused(pictures: Path) -> None:
    (pictures / "contours" / "Case_P001_slice001.png").unlink()
    with pytest.raises(IncompleteStudy, match="2 of 3"):
        read_emidec_labelled(emidec_png_cases(pictures)[1])


def test_pictures_that_are_no_whole_8_bit_grey_ones_of_one_size_are_refused(pictures: Path) -> None:
    case = emidec_png_cases(pictures)[0]
    path, whole = case.images[1], case.images[1].read_bytes()
    for damaged in (whole[:-20], whole[:60] + bytes([whole[60] ^ 4]) + whole[61:]):
        path.write_bytes(damaged)
        with pytest.raises(DamagedFile):
            read_emidec(case)
    Image.new("RGB", (40, 48)).save(path)
    with pytest.raises(UnknownFormat, match="colour type 2"):
        read_emidec(case)
    Image.new("L", (40, 40)).save(path)
    with pytest.raises(GridMismatch):
        read_emidec(case)


def test_a_number_outside_the_scheme_is_refused(pictures: Path) -> None:
    case = emidec_png_cases(pictures)[0]
    Image.new("L", (40, 48), 255).save(case.labels[0])
    with pytest.raises(UnknownLabel, match="255"):
        read_emidec_labelled(case)


@pytest.mark.realdata
def test_the_eighty_real_png_cases_read_with_a_cavity_within_a_ring(data_root: Path) -> None:
    cases = find_emidec(data_root / "emidec_png")
    assert len(cases) == 80
    for case in cases:
        study = read_emidec_labelled(case)
        assert study.image.shape[2:] == (256, 256) and 4 <= study.image.shape[1] <= 12 and study.labels is not None
        myocardium, scar = (
            EMIDEC.mask(study.labels.array, structure).sum() for structure in (Structure.MYOCARDIUM, Structure.INFARCT)
        )
        assert 0 <= scar < 0.8 * myocardium, case.name
        assert study.facts.group == "pathological" or scar == 0, case.name
