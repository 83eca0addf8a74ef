"""Rows of scores by hand: what is compared, what is missed, and what is not defined."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch, LabelsMissing, UnknownLabel
from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE, MNMS, Labels
from shortaxis.core.study import Facts, Grid, Origin, Spacing, Study
from shortaxis.measure.evaluate import evaluate_case, evaluate_slices, missed_on_mid_slices

RV, MYO, LV = 1, 2, 3  # ACDC's numbers
SPACING_MM = (10.0, 2.0, 1.0)


def study_of(labels: Labels | None, shape: tuple[int, ...], spacing_mm: Spacing | None = SPACING_MM) -> Study:
    grid = Grid((shape[1], shape[2], shape[3]), np.eye(4), spacing_mm)
    facts = Facts(ed_index=0, es_index=1)
    return Study("case", np.zeros(shape), grid, (Origin("case", (0, 1), is_4d=True),), facts, labels)


def reference() -> np.ndarray:
    """Two frames of 6 slices of 8 x 8: myocardium in columns 0-1, cavity in 2-3, right ventricle in 4-5; less at ES."""
    array = np.zeros((2, 6, 8, 8), np.uint8)
    array[..., 0:2], array[..., 2:4], array[..., 4:6] = MYO, LV, RV
    array[1, :, 4:] = 0
    return array


def scored(prediction: np.ndarray, spacing_mm: Spacing | None = SPACING_MM) -> dict[tuple[str, str], dict]:
    study = study_of(Labels.complete(reference(), ACDC), prediction.shape, spacing_mm)
    return {(row["phase"], row["structure"]): row for row in evaluate_case(study, prediction, ACDC)}


def test_there_is_a_row_per_phase_and_structure() -> None:
    rows = scored(reference())
    assert len(rows) == 2 * 3
    assert {row["dice"] for row in rows.values()} == {1.0}
    assert {row["hd_mm"] for row in rows.values()} == {0.0}
    assert rows["ES", "lv_cavity"]["frame_number"] == 2


def test_a_cavity_one_column_short_is_scored_as_by_hand() -> None:
    prediction = reference()
    prediction[0, :, :, 3] = 0  # 48 of 96 voxels
    row = scored(prediction)["ED", "lv_cavity"]
    assert row["dice"] == pytest.approx(2 * 48 / (48 + 96))
    assert row["hd_mm"] == pytest.approx(1.0)
    assert (row["volume_ml"], row["reference_volume_ml"]) == pytest.approx((48 * 0.02, 96 * 0.02))
    assert row["diagonal_mm"] == pytest.approx(np.sqrt(60**2 + 16**2 + 8**2))


def test_a_missed_structure_has_dice_zero_and_no_distance_with_the_reason() -> None:
    prediction = reference()
    prediction[0][prediction[0] == RV] = 0
    row = scored(prediction)["ED", "rv_cavity"]
    assert (row["outcome"], row["dice"], row["hd95_mm"]) == ("missed", 0.0, None)
    assert row["reason"] == "the structure is missing from the prediction"


def test_a_structure_in_neither_has_no_score() -> None:
    nothing = np.zeros((2, 6, 8, 8), np.uint8)
    study = study_of(Labels.complete(nothing, ACDC), nothing.shape)
    row = evaluate_case(study, nothing, ACDC)[0]
    assert (row["outcome"], row["dice"], row["hd_mm"]) == ("neither", None, None)


def test_an_invented_structure_has_dice_zero() -> None:
    bare = reference()
    bare[bare == RV] = 0
    study = study_of(Labels.complete(bare, ACDC), bare.shape)
    row = next(r for r in evaluate_case(study, reference(), ACDC) if r["structure"] == "rv_cavity")
    assert (row["outcome"], row["dice"], row["assd_mm"]) == ("extra", 0.0, None)


def test_without_spacing_there_is_overlap_and_no_distance_or_volume() -> None:
    row = scored(reference(), None)["ED", "lv_cavity"]
    assert row["dice"] == 1.0
    assert row["hd_mm"] is row["volume_ml"] is row["diagonal_mm"] is None
    assert "spacing" in row["reason"]


def test_slices_and_structures_that_nobody_drew_are_not_compared() -> None:
    annotated = np.ones((2, 6, 3), bool)
    annotated[1] = False  # nothing at ES
    annotated[0, 3:, 2] = False  # the cavity on the first three slices only
    annotated[0, :, 0] = False  # no right ventricle
    prediction = reference()
    prediction[0, 3:] = 0
    prediction[0, 2][prediction[0, 2] == LV] = 0
    study = study_of(Labels(reference(), ACDC, annotated), prediction.shape)
    rows = {row["structure"]: row for row in evaluate_case(study, prediction, ACDC)}
    assert set(rows) == {"myocardium", "lv_cavity"}
    assert rows["lv_cavity"]["n_slices"] == 3
    assert rows["lv_cavity"]["dice"] == pytest.approx(2 * 32 / (32 + 48))


def test_schemes_are_compared_by_structure_and_what_one_cannot_tell_is_left_out() -> None:
    study = study_of(Labels.complete(reference(), ACDC), reference().shape)
    other = evaluate_case(study, ACDC.translate(reference(), MNMS), MNMS)
    assert {row["dice"] for row in other} == {1.0}
    two = evaluate_case(study, ACDC.translate(reference(), LEFT_VENTRICLE), LEFT_VENTRICLE)
    assert {row["structure"] for row in two} == {"lv_cavity", "myocardium"}
    assert {row["dice"] for row in two} == {1.0}


def test_a_myocardium_drawn_in_parts_is_compared_with_a_whole_one() -> None:
    parts = np.zeros((2, 1, 4, 4), np.uint8)
    parts[..., 0], parts[..., 1], parts[..., 2] = 2, 3, 1
    study = study_of(Labels.complete(parts, EMIDEC), parts.shape)
    rows = evaluate_case(study, EMIDEC.translate(parts, ACDC), ACDC)
    assert {(row["structure"], row["dice"]) for row in rows} == {("myocardium", 1.0), ("lv_cavity", 1.0)}
    assert "infarct" in {row["structure"] for row in evaluate_case(study, parts, EMIDEC)}


def test_missed_and_misplaced_structures_on_middle_slices_are_told_apart() -> None:
    prediction = reference()
    prediction[0, 2][prediction[0, 2] == RV] = 0  # a middle slice: 2 and 3 of 0 to 5
    prediction[0, 3][prediction[0, 3] == LV] = 0
    prediction[0, 3, :, 7] = LV
    prediction[1, 0] = 0  # not a middle slice
    study = study_of(Labels.complete(reference(), ACDC), prediction.shape)
    faults = missed_on_mid_slices(study, prediction, ACDC)
    assert [(f["phase"], f["slice_number"], f["structure"], f["outcome"]) for f in faults] == [
        ("ED", 3, "rv_cavity", "missed"),
        ("ED", 4, "lv_cavity", "elsewhere"),
    ]
    assert missed_on_mid_slices(study, reference(), ACDC) == []


def test_rates_and_volume_errors_stand_beside_the_overlap() -> None:
    prediction = reference()
    prediction[0, :, :, 3] = 0
    row = scored(prediction)["ED", "lv_cavity"]
    assert (row["sensitivity"], row["ppv"], row["specificity"]) == (0.5, 1.0, 1.0)
    assert row["npv"] == pytest.approx(288 / 336)
    assert row["accuracy"] == pytest.approx(336 / 384)
    assert row["volume_error_ml"] == pytest.approx(-48 * 0.02)
    assert row["volume_error_percent"] == pytest.approx(-50.0)
    assert row["jaccard"] == pytest.approx(0.5)
    assert row["hd_one_sided_mm"] == pytest.approx(1.0)
    assert row["bdc"] == pytest.approx(2 * 48 / (48 + 96))  # two columns are all boundary
    assert (row["surface_dice"], row["surface_tolerance_mm"]) == (1.0, 2.0)


def test_slices_that_nobody_drew_are_no_true_negatives() -> None:
    annotated = np.ones((2, 6, 3), bool)
    annotated[0, 3:, 2] = False
    study = study_of(Labels(reference(), ACDC, annotated), reference().shape)
    prediction = reference()
    prediction[0, :3][prediction[0, :3] == LV] = 0
    row = next(r for r in evaluate_case(study, prediction, ACDC) if r["structure"] == "lv_cavity")
    assert row["accuracy"] == pytest.approx(48 / 64)


def test_a_slice_has_a_row_of_its_own_in_millimetres_and_in_pixels() -> None:
    prediction = reference()
    prediction[0, 2, 0][prediction[0, 2, 0] == LV] = 0  # the first of eight rows, 2 mm each
    study = study_of(Labels.complete(reference(), ACDC), prediction.shape)
    rows = {(r["phase"], r["slice_number"], r["structure"]): r for r in evaluate_slices(study, prediction, ACDC)}
    assert len(rows) == 2 * 6 * 3
    row = rows["ED", 3, "lv_cavity"]
    assert (row["hd_mm"], row["hd_px"]) == (2.0, 1.0)
    assert (row["pixels"], row["reference_pixels"]) == (14, 16)
    assert row["dice"] == pytest.approx(28 / 30)
    assert (row["diagonal_mm"], row["diagonal_px"]) == pytest.approx((np.hypot(16, 8), np.hypot(8, 8)))
    assert rows["ED", 4, "lv_cavity"]["dice"] == 1.0


def test_slices_without_spacing_have_distances_in_pixels_alone() -> None:
    study = study_of(Labels.complete(reference(), ACDC), reference().shape, None)
    row = evaluate_slices(study, np.roll(reference(), 1, axis=-1), ACDC)[0]
    assert (row["hd_mm"], row["surface_dice"], row["hd_px"]) == (None, None, 1.0)


def test_a_study_without_reference_and_labels_that_do_not_fit_are_refused() -> None:
    array = reference()
    with pytest.raises(LabelsMissing):
        evaluate_case(study_of(None, array.shape), array, ACDC)
    study = study_of(Labels.complete(array, ACDC), array.shape)
    with pytest.raises(GridMismatch):
        evaluate_case(study, array[:1], ACDC)
    with pytest.raises(UnknownLabel):
        evaluate_case(study, array + 7, ACDC)
