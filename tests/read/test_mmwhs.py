"""MM-WHS's whole hearts: numbers from 205 to 850 become structures, and the planes are said to be no short axis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import LabelsMissing, UnknownLabel
from shortaxis.core.labels import ACDC, WHOLE_HEART, Structure
from shortaxis.read.mmwhs import find_mmwhs, read_mmwhs, read_mmwhs_labelled
from tests.lookalike.mmwhs_tree import make_mmwhs_tree
from tests.lookalike.nifti_files import write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_mmwhs_tree(tmp_path)


def test_every_number_becomes_its_structure_and_421_the_left_atrium(root: Path) -> None:
    study = read_mmwhs_labelled(find_mmwhs(root)[1])
    assert study.labels is not None and study.labels.scheme is WHOLE_HEART
    rows = [np.flatnonzero(WHOLE_HEART.mask(study.labels.array, s)[0, 5, :, 3]) // 4 for s in WHOLE_HEART.structures]
    assert [set(found.tolist()) for found in rows] == [{number} for number in range(1, 8)]
    assert WHOLE_HEART.structures == (
        Structure.MYOCARDIUM, Structure.LEFT_ATRIUM, Structure.LV_CAVITY, Structure.RIGHT_ATRIUM, Structure.RV_CAVITY,
        Structure.AORTA, Structure.PULMONARY_ARTERY,
    )  # fmt: skip
    assert study.labels.array[0, 0, 8, 0] == WHOLE_HEART.code_of(Structure.LEFT_ATRIUM)


def test_atria_and_vessels_are_background_where_only_ventricles_are_known(root: Path) -> None:
    labels = read_mmwhs_labelled(find_mmwhs(root)[1]).labels
    assert labels is not None
    assert set(np.unique(WHOLE_HEART.translate(labels.array, ACDC))) == {0, 1, 2, 3}


def test_the_volume_is_given_as_stored_with_a_note(root: Path) -> None:
    study = read_mmwhs(find_mmwhs(root)[1])
    assert study.name == "mr_train_1001" and study.image.shape == (1, 12, 32, 20)
    assert study.grid.spacing_mm == pytest.approx((1.1, 1.0, 1.0))
    assert "SA-W044" in [note.code for note in study.notes] and study.labels is None


def test_the_test_set_has_no_labels_to_give(root: Path) -> None:
    test_case = find_mmwhs(root)[0]
    assert test_case.name == "mr_test_2001" and read_mmwhs(test_case).n_frames == 1
    with pytest.raises(LabelsMissing):
        read_mmwhs_labelled(test_case)


def test_other_files_are_no_cases_and_another_number_is_refused(root: Path) -> None:
    write(root / "ct_train" / "ct_train_1001_image.nii.gz", np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    case = find_mmwhs(root)[1]
    assert len(find_mmwhs(root)) == 2 and case.labels is not None
    write(case.labels, np.full((12, 32, 20), 300, np.int16))
    with pytest.raises(UnknownLabel, match="300"):
        read_mmwhs_labelled(case)
