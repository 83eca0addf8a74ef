"""Probabilities near the heart, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE, Labels, LabelScheme, Structure
from shortaxis.core.study import Facts, Grid, Study
from shortaxis.experiments.compare.probabilities import ALL, curve_of, judge_frame
from shortaxis.measure.calibration import expected_calibration_error

LV = ACDC.code_of(Structure.LV_CAVITY)


def study_of(labels: np.ndarray, scheme: LabelScheme = ACDC) -> Study:
    grid = Grid(labels.shape[1:], np.eye(4), (10.0, 2.0, 2.0))
    return Study("a", labels, grid, (), Facts(ed_index=0), Labels.complete(labels, scheme))


def a_cavity() -> Study:
    """One frame and slice of 60 x 60 pixels of 2 mm, a cavity of 4 x 4 in the middle."""
    labels = np.zeros((1, 1, 60, 60), np.uint8)
    labels[0, 0, 28:32, 28:32] = LV
    return study_of(labels)


def probabilities(study: Study, of_cavity: float, of_background: float = 0.0) -> np.ndarray:
    """ACDC's [class, slice, row, col]: the cavity's where it is and elsewhere, the rest background."""
    assert study.labels is not None
    probs = np.zeros((4, *study.grid.shape), np.float32)
    probs[3] = np.where(study.labels.array[0] == LV, of_cavity, of_background)
    probs[0] = 1.0 - probs[3]
    return probs


def of(rows: list[dict], structure: str) -> dict:
    (row,) = (row for row in rows if row["structure"] == structure)
    return row


def test_the_brier_score_is_over_the_whole_slice_and_near_the_heart() -> None:
    row = of(judge_frame(a_cavity(), 0, probabilities(a_cavity(), 0.5), ACDC), "lv_cavity")
    near = (4 + 2 * 10) ** 2  # 20 mm of room are 10 pixels on each side
    assert row["brier"] == pytest.approx(0.25 * 16 / 3600)
    assert row["brier_heart"] == pytest.approx(0.25 * 16 / near)
    assert (row["case"], row["frame_index"], row["phase"]) == ("a", 0, "ED")


def test_half_a_probability_that_always_comes_true_is_off_by_a_half() -> None:
    row = of(judge_frame(a_cavity(), 0, probabilities(a_cavity(), 0.5), ACDC), "lv_cavity")
    curve = curve_of(row)
    assert (curve.counts[0], curve.counts[4], sum(curve.counts)) == (24 * 24 - 16, 16, 24 * 24)
    assert (curve.confidence[4], curve.frequency[4]) == (0.5, 1.0)
    assert row["ece"] == pytest.approx(0.5 * 16 / 576) == expected_calibration_error(curve)


def test_of_all_classes_the_likeliest_is_judged_and_the_brier_score_is_their_mean() -> None:
    row = of(judge_frame(a_cavity(), 0, probabilities(a_cavity(), 0.25), ACDC), ALL)
    assert row["brier_heart"] == pytest.approx(2 * 0.75**2 * 16 / 576 / 4)  # two of four classes are off by 0.75
    curve = curve_of(row)  # background was likeliest at the cavity, with 0.75, and wrong
    assert (curve.counts[7], curve.confidence[7], curve.frequency[7]) == (16, 0.75, 0.0)


def test_slices_that_nobody_drew_are_not_judged() -> None:
    study = a_cavity()
    assert study.labels is not None
    two = np.concatenate([study.labels.array, study.labels.array], axis=1)
    annotated = np.ones((1, 2, 3), bool)
    annotated[0, 1] = False
    half = replace(study_of(two), labels=Labels(two, ACDC, annotated))
    wrong = np.concatenate([probabilities(study, 0.5), probabilities(study, 0.0, 1.0)], axis=1)
    assert of(judge_frame(half, 0, wrong, ACDC), "lv_cavity")["brier"] == pytest.approx(0.25 * 16 / 3600)


def test_a_whole_has_the_probability_of_its_parts() -> None:
    labels = np.zeros((1, 1, 8, 8), np.uint8)
    labels[0, 0, 2:6, 2:6] = EMIDEC.code_of(Structure.INFARCT)
    probs = np.zeros((5, 1, 8, 8), np.float32)
    probs[2], probs[3] = 0.25, 0.25  # healthy and infarct
    probs[0] = 0.5
    rows = judge_frame(study_of(labels, EMIDEC), 0, probs, EMIDEC)
    assert of(rows, "myocardium")["brier"] == pytest.approx(0.25)
    assert of(rows, "infarct")["brier"] == pytest.approx((16 * 0.75**2 + 48 * 0.25**2) / 64)


def test_a_reference_that_does_not_tell_every_class_gives_no_row_of_all() -> None:
    labels = np.where(a_cavity().image > 0, 1, 0).astype(np.uint8)
    rows = judge_frame(study_of(labels, LEFT_VENTRICLE), 0, probabilities(a_cavity(), 0.5), ACDC)
    assert {row["structure"] for row in rows} == {"lv_cavity", "myocardium"}


def test_without_reference_or_without_a_heart_there_is_nothing_to_judge() -> None:
    study, probs = a_cavity(), probabilities(a_cavity(), 0.5)
    assert judge_frame(replace(study, labels=None), 0, probs, ACDC) == []
    assert judge_frame(study_of(np.zeros((1, 1, 60, 60), np.uint8)), 0, probs, ACDC) == []
