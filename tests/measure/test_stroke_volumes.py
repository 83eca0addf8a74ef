"""Both ventricles' stroke volumes beside each other: what they ought to be, and when a reader is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, LEFT_VENTRICLE, Structure
from shortaxis.core.study import Grid, Origin, Study
from shortaxis.measure.case import measure_case
from shortaxis.measure.stroke_volumes import difference_percent, stroke_volume_notes
from shortaxis.read.acdc import find_acdc, read_acdc_labelled

CODE = "SA-W108"


@pytest.mark.parametrize(
    ("lv_sv_ml", "rv_sv_ml", "percent"),
    [
        (80.0, 80.0, 0.0),
        (60.0, 90.0, 40.0),  # 30 of a mean of 75
        (100.0, 50.0, -200 / 3),  # -50 of 75
        (30.0, 90.0, 100.0),
    ],
)
def test_the_difference_is_right_minus_left_in_percent_of_their_mean(
    lv_sv_ml: float, rv_sv_ml: float, percent: float
) -> None:
    assert difference_percent(lv_sv_ml, rv_sv_ml) == pytest.approx(percent)


@pytest.mark.parametrize(
    ("lv_sv_ml", "rv_sv_ml"), [(None, 70.0), (70.0, None), (None, None), (70.0, -5.0), (0.0, 70.0)]
)
def test_where_one_is_undefined_or_does_not_eject_there_is_no_difference_and_no_note(
    lv_sv_ml: float | None, rv_sv_ml: float | None
) -> None:
    assert difference_percent(lv_sv_ml, rv_sv_ml) is None
    assert stroke_volume_notes(lv_sv_ml, rv_sv_ml) == ()


def test_one_up_to_three_times_the_other_is_passed_over_in_silence() -> None:
    assert stroke_volume_notes(30.0, 90.0) == () and stroke_volume_notes(90.0, 30.0) == ()


def test_beyond_that_the_note_says_which_is_larger_and_by_how_much() -> None:
    (note,) = stroke_volume_notes(20.0, 80.0)  # 60 of a mean of 50
    assert note.code == CODE
    assert note.text.startswith("The right ventricle's stroke volume exceeds the left one's by 120 % of their mean;")
    (note,) = stroke_volume_notes(80.0, 20.0)
    assert note.text.startswith("The left ventricle's stroke volume exceeds the right one's by 120 % of their mean;")


def beating(lv: tuple[int, int], rv: tuple[int, int]) -> np.ndarray:
    """Two frames of one slice with so many pixels of each ventricle."""
    labels = np.zeros((2, 1, 2, 100), np.uint8)
    for frame in (0, 1):
        labels[frame, 0, 0, : lv[frame]] = ACDC.code_of(Structure.LV_CAVITY)
        labels[frame, 0, 1, : rv[frame]] = ACDC.code_of(Structure.RV_CAVITY)
    return labels


def codes(labels: np.ndarray, spacing_mm: tuple[float, float, float] | None = (10.0, 10.0, 10.0)) -> set[str]:
    study = Study(
        "case",
        np.zeros(labels.shape, np.int16),
        Grid((1, 2, 100), np.eye(4), spacing_mm),
        (Origin("case", (0, 1), True),),
    )
    return {note["code"] for note in measure_case(study, labels, ACDC)["notes"]}


def test_a_case_carries_the_note_where_both_are_measured() -> None:
    assert CODE in codes(beating((90, 40), (60, 50)))  # 50 ml against 10: 133 %
    assert CODE not in codes(beating((90, 40), (60, 30)))  # 50 against 30: 50 %
    assert CODE not in codes(beating((90, 40), (60, 0)))  # no right ventricle was found at end-systole
    assert CODE not in codes(beating((90, 40), (60, 50)), spacing_mm=None)


def test_labels_without_a_right_ventricle_carry_none() -> None:
    labels = np.zeros((2, 1, 2, 100), np.uint8)
    labels[0, 0, 0, :90] = labels[1, 0, 0, :40] = LEFT_VENTRICLE.code_of(Structure.LV_CAVITY)
    grid = Grid((1, 2, 100), np.eye(4), (10.0, 10.0, 10.0))
    study = Study("case", np.zeros(labels.shape, np.int16), grid, (Origin("case", (0, 1), True),))
    measures = measure_case(study, labels, LEFT_VENTRICLE)
    assert measures["lv"]["sv_ml"] == 50.0 and measures["rv"]["sv_ml"] is None
    assert CODE not in {note["code"] for note in measures["notes"]}


@pytest.mark.realdata
def test_few_references_of_acdc_are_beyond_the_bound(data_root: Path) -> None:
    """The bound was chosen here: 3 of 100 are beyond it, 12 beyond one twice the other."""
    differences = []
    for patient in find_acdc(data_root / "acdc" / "training"):
        study = read_acdc_labelled(patient)
        assert study.labels is not None
        measures = measure_case(study, study.labels.array, study.labels.scheme)
        found = difference_percent(measures["lv"]["sv_ml"], measures["rv"]["sv_ml"])
        differences.append(np.nan if found is None else abs(found))
        assert (CODE in {note["code"] for note in measures["notes"]}) == (differences[-1] > 100)
    beyond = np.array(differences)
    assert len(beyond) == 100
    assert int((beyond > 100).sum()) == 3 and int((beyond > 200 / 3).sum()) == 12
