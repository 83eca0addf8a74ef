"""Thirds of a stack, clinical indices, pixel accuracy and costs by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, Labels, Structure
from shortaxis.core.study import Facts, Grid, Origin, Study
from shortaxis.experiments.compare.clinical import clinical_rows
from shortaxis.experiments.compare.cost import epoch_seconds, step_seconds
from shortaxis.experiments.compare.score import pixel_accuracy
from shortaxis.experiments.compare.thirds import score_thirds, thirds_of
from shortaxis.measure.evaluate import evaluate_case
from shortaxis.predict.cine import Drawn

LV, MYO = ACDC.code_of(Structure.LV_CAVITY), ACDC.code_of(Structure.MYOCARDIUM)


def stack(slices: int = 8, base_first: bool = True) -> Study:
    """Squares of cavity in a myocardium on slices 1 to slices - 2, growing smaller towards the apex."""
    labels = np.zeros((2, slices, 24, 24), np.uint8)
    for at, index in enumerate(range(1, slices - 1)):
        half = 10 - at
        labels[:, index, 12 - half : 12 + half, 12 - half : 12 + half] = MYO
        labels[:, index, 12 - half + 2 : 12 + half - 2, 12 - half + 2 : 12 + half - 2] = LV
    if not base_first:
        labels = labels[:, ::-1].copy()
    grid = Grid(labels.shape[1:], np.eye(4), (10.0, 1.0, 1.0))
    facts = Facts(ed_index=0, es_index=1)
    origin = Origin("a", (0, 1), True)
    return Study("a", labels.astype(np.int16), grid, (origin,), facts, Labels.complete(labels, ACDC))


@pytest.mark.parametrize("base_first", [True, False])
def test_six_slices_of_heart_are_two_of_base_two_of_middle_two_of_apex(base_first: bool) -> None:
    labels = stack(base_first=base_first).labels
    assert labels is not None
    found = {third: sorted(slices.tolist()) for third, slices in thirds_of(labels, 0).items()}
    ends = ([1, 2], [5, 6]) if base_first else ([5, 6], [1, 2])
    assert found == {"base": ends[0], "middle": [3, 4], "apex": ends[1]}


def test_a_heart_missed_at_the_apex_costs_the_apex_alone() -> None:
    study = stack()
    assert study.labels is not None
    prediction = study.labels.array.copy()
    prediction[:, 5:] = 0
    rows = {
        (r["structure"], r["third"]): r["dice"] for r in score_thirds(study, prediction, ACDC, {}) if r["phase"] == "ED"
    }
    assert rows["lv_cavity", "base"] == rows["lv_cavity", "middle"] == 1.0
    assert rows["lv_cavity", "apex"] == rows["myocardium", "apex"] == 0.0
    assert rows["rv_cavity", "base"] is None  # in neither


def test_certainty_is_the_mean_overlap_of_prediction_and_samples_in_the_third() -> None:
    study = stack()
    assert study.labels is not None
    truth = study.labels.array[0]
    half = truth.copy()
    half[5:] = 0  # one of two samples misses the apex
    drawn = Drawn(truth, np.stack([truth, half]), np.zeros(truth.shape, np.float32))
    rows = {
        r["third"]: r["certainty"]
        for r in score_thirds(study, study.labels.array, ACDC, {0: drawn})
        if (r["phase"], r["structure"]) == ("ED", "lv_cavity")
    }
    assert rows == {"base": 1.0, "middle": 1.0, "apex": 0.5}


def test_volumes_and_mass_are_voxels_times_their_size_and_density() -> None:
    study = stack()
    assert study.labels is not None
    truth = study.labels.array
    prediction = truth.copy()
    prediction[1, :4] = 0  # at ES the base and a slice are missed
    rows = {row["index"]: row for row in clinical_rows(evaluate_case(study, prediction, ACDC))}
    ed, es, ours = (float(np.count_nonzero(part == LV)) for part in (truth[0], truth[1], prediction[1]))
    assert rows["lv_edv_ml"]["predicted"] == pytest.approx(ed / 100)  # 10 mm3 a voxel
    assert rows["lv_ef_percent"]["reference"] == pytest.approx(100 * (ed - es) / ed)
    assert rows["lv_ef_percent"]["predicted"] == pytest.approx(100 * (ed - ours) / ed)
    assert rows["lv_mass_g"]["reference"] == pytest.approx(np.count_nonzero(truth[0] == MYO) / 100 * 1.05)
    assert rows["rv_ef_percent"]["predicted"] is None


def test_pixel_accuracy_counts_the_background_and_only_drawn_slices() -> None:
    study = stack(slices=3)
    assert study.labels is not None
    labels = study.labels
    prediction = labels.array.copy()
    prediction[0, 0, 0, :6] = LV  # 6 wrong of 2 x 3 x 576
    assert pixel_accuracy(labels, prediction, ACDC) == pytest.approx(1 - 6 / (6 * 576))
    annotated = labels.annotated.copy()
    annotated[0, 0] = False
    assert pixel_accuracy(replace(labels, annotated=annotated), prediction, ACDC) == 1.0
    assert pixel_accuracy(None, prediction, ACDC) is None


def test_a_steps_seconds_leave_out_validations_and_resumptions() -> None:
    record = [
        {"step": 1, "loss": 1.0, "seconds": 2.0},
        {"step": 2, "loss": 1.0, "seconds": 2.5},
        {"step": 2, "validation": {"loss": 1.0}, "seconds": 9.5},
        {"step": 3, "loss": 1.0, "seconds": 10.0},
        {"step": 4, "loss": 1.0, "seconds": 0.7},  # resumed: the clock began anew
        {"step": 5, "loss": 1.0, "seconds": 1.6},
    ]
    assert step_seconds(record) == pytest.approx(0.5)  # of 0.5, 0.5 and 0.9
    assert step_seconds([]) is None
    assert epoch_seconds(0.5, examples=25, batch=4) == 3.5  # seven steps
