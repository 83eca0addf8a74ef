"""Infarcts of known depth in walls of known thickness."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, EMIDEC, LabelScheme, Structure
from shortaxis.core.study import Facts, Grid, Note, Origin, Study
from shortaxis.measure.aha_segments import NO_RV, SEGMENTS, segmented_slices
from shortaxis.measure.aha_wall import TURNED, WAY_UP_UNKNOWN
from shortaxis.measure.case import measure_case
from shortaxis.measure.transmurality import NOT_PARTED, transmurality, transmurality_by_segment
from shortaxis.report.indices import sections_of

CAVITY, HEALTHY, INFARCT, NO_REFLOW, RV = 1, 2, 3, 4, 5
WITH_RV = LabelScheme("with_rv", {**EMIDEC.codes, RV: Structure.RV_CAVITY}, EMIDEC.unions)
GRID = Grid((6, 90, 90), np.diag([-1.0, -1.0, 8.0, 1.0]), (8.0, 1.0, 1.0))


def heart(hurt: tuple[float, float], depth: float, number: int = INFARCT) -> np.ndarray:
    """A wall of 10 pixels, septum on the left; between two image angles its inner `depth` pixels are infarcted."""
    rows, cols = np.mgrid[:90, :90] - 45
    away, angle = np.hypot(rows, cols), np.rad2deg(np.arctan2(rows, cols)) % 360
    labels = np.zeros((6, 90, 90), np.uint8)
    for index, plane in enumerate(labels):
        inner = 20 - index
        plane[(away < inner + 16) & (angle > 120) & (angle < 240)] = RV
        plane[away < inner + 10] = HEALTHY
        plane[(away < inner + depth) & (angle > hurt[0]) & (angle < hurt[1])] = number
        plane[away < inner] = CAVITY
    return labels


def test_half_of_the_wall_is_fifty_percent_in_its_segment_and_nothing_elsewhere() -> None:
    found = transmurality(heart((300, 360), 5), WITH_RV, GRID)  # right and up: anterolateral
    assert (found[6].mean_percent, found[12].mean_percent) == pytest.approx((50, 50), abs=6)
    assert found[6].deepest_percent == pytest.approx(50, abs=9)
    assert [found[number].mean_percent for number in (2, 3, 4, 8, 9, 10)] == [0.0] * 6


def test_a_whole_wall_of_no_reflow_is_a_hundred_percent() -> None:
    found = transmurality(heart((300, 360), 10, NO_REFLOW), WITH_RV, GRID)
    assert found[12].deepest_percent == 100.0
    assert found[12].mean_percent == pytest.approx(100, abs=9)  # the borders of infarct and segment differ by a pixel


def test_without_a_right_ventricle_the_cine_s_segments_can_be_given() -> None:
    labels = heart((300, 360), 5)
    bare = np.where(labels == RV, 0, labels).astype(np.uint8)
    alone = transmurality(bare, EMIDEC, GRID)
    assert {one.reason for one in alone.values()} == {NO_RV}
    assert {one.mean_percent for one in alone.values()} == {None}
    slices, _ = segmented_slices(labels, WITH_RV, GRID)
    assert transmurality(bare, EMIDEC, GRID, slices) == transmurality(labels, WITH_RV, GRID)


def test_labels_that_do_not_part_the_myocardium_have_none() -> None:
    found = transmurality(np.zeros((6, 90, 90), np.uint8), ACDC, GRID)
    assert set(found) == set(SEGMENTS)
    assert found[1].reason == NOT_PARTED


def study_of(*notes: Note) -> Study:
    image = np.zeros((1, 6, 90, 90), np.uint8)
    return Study("a", image, GRID, (Origin("a", (0,), is_4d=False),), Facts(modality="lge"), notes=notes)


def test_it_stands_under_the_infarct_of_a_case_for_every_segment() -> None:
    labels = heart((300, 360), 5)
    found = measure_case(study_of(), labels[None], WITH_RV)["infarct"]["transmurality"]
    assert sorted(map(int, found)) == list(SEGMENTS)
    assert found["6"]["mean_percent"] == pytest.approx(50, abs=6) and found["2"]["deepest_percent"] == 0.0
    names = {
        index.name
        for section in sections_of(measure_case(study_of(), labels[None], WITH_RV))
        for index in section.indices
    }
    assert "Transmurality 6 mean" in names


def test_without_a_right_ventricle_each_segment_says_so_and_the_report_is_not_filled_with_it() -> None:
    labels = heart((300, 360), 5)
    measures = measure_case(study_of(), np.where(labels == RV, 0, labels)[None].astype(np.uint8), EMIDEC)
    assert measures["infarct"]["transmurality"]["6"]["mean_percent"] is None
    assert measures["reasons"]["infarct.transmurality.6.mean_percent"] == NO_RV
    assert not any("Transmurality" in index.name for section in sections_of(measures) for index in section.indices)


def test_of_a_heart_found_another_way_up_no_segment_is_told() -> None:
    entries = transmurality_by_segment(heart((300, 360), 5), WITH_RV, study_of(Note(TURNED, "turned")))
    assert set(entries.values()) == {(None, WAY_UP_UNKNOWN)}
    assert transmurality_by_segment(heart((300, 360), 5), ACDC, study_of()) == {}
