"""One case's measures by hand, and a reason for everything that is undefined, over many odd inputs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch, UnknownLabel
from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE, MNMS, LabelScheme, Structure
from shortaxis.core.study import Facts, Grid, Note, Origin, Spacing, Study
from shortaxis.measure.case import measure_case

SPACING_MM = (10.0, 2.0, 1.0)  # a voxel is 20 mm3
PATIENT = Facts(sex="male", height_cm=180.0, weight_kg=80.0, heart_rate_bpm=60.0)
BSA_M2 = 2.0  # sqrt(180 * 80 / 3600)


def study_of(labels: np.ndarray, spacing_mm: Spacing | None = SPACING_MM, facts: Facts | None = None) -> Study:
    rows, cols = labels.shape[2:]
    grid = Grid((labels.shape[1], rows, cols), np.eye(4), spacing_mm)
    origin = Origin("case", tuple(range(len(labels))), is_4d=len(labels) > 1)
    return Study("case", np.zeros(labels.shape, np.int16), grid, (origin,), facts or Facts())


def heart(halves: list[int], scheme: LabelScheme = ACDC) -> np.ndarray:
    """A square heart on 4 slices of 40 x 40: a cavity of (2 half)^2 pixels in a wall 3 thick, one half per frame."""
    labels = np.zeros((len(halves), 4, 40, 40), np.uint8)
    for frame, half in enumerate(halves):
        low, high = 20 - half, 20 + half
        if scheme.has(Structure.RV_CAVITY):
            labels[frame, :, 12 : 12 + half, 2:9] = scheme.code_of(Structure.RV_CAVITY)
        wall = Structure.HEALTHY_MYOCARDIUM if scheme is EMIDEC else Structure.MYOCARDIUM
        labels[frame, :, low - 3 : high + 3, low - 3 : high + 3] = scheme.code_of(wall)
        labels[frame, :, low:high, low:high] = scheme.code_of(Structure.LV_CAVITY)
    return labels


def test_a_beating_square_heart_is_measured_as_by_hand() -> None:
    labels = heart([8, 6, 4, 6])
    measures = measure_case(study_of(labels, facts=PATIENT), labels, ACDC)
    lv, rv = measures["lv"], measures["rv"]
    assert lv["edv_ml"] == pytest.approx(4 * 256 * 0.02)  # 20.48
    assert lv["esv_ml"] == pytest.approx(4 * 64 * 0.02)  # 5.12
    assert lv["sv_ml"] == pytest.approx(15.36)
    assert lv["ef_percent"] == pytest.approx(75.0)
    assert lv["mass_g"] == pytest.approx(4 * (22 * 22 - 256) * 0.02 * 1.05)
    assert lv["mass_es_g"] == pytest.approx(4 * (14 * 14 - 64) * 0.02 * 1.05)
    assert lv["co_l_min"] == pytest.approx(15.36 * 60 / 1000)
    assert lv["edv_index_ml_m2"] == pytest.approx(20.48 / BSA_M2)
    assert lv["co_index_l_min_m2"] == pytest.approx(15.36 * 0.06 / BSA_M2)
    assert lv["mass_index_g_m2"] == pytest.approx(lv["mass_g"] / BSA_M2)
    assert rv["ef_percent"] == pytest.approx(50.0)  # 8 rows against 4
    assert measures["phases"]["ed_number"] == 1
    assert measures["phases"]["es_index"] == 2
    assert measures["phases"]["source"] == "found"


def test_the_curve_and_the_slices_hold_the_same_volumes() -> None:
    labels = heart([8, 6, 4, 6])
    measures = measure_case(study_of(labels), labels, ACDC, replace(PATIENT, frame_time_ms=40.0))
    assert measures["curve"]["frame"] == [0, 1, 2, 3]
    assert measures["curve"]["time_ms"] == [0.0, 40.0, 80.0, 120.0]
    assert measures["curve"]["lv_ml"] == pytest.approx([20.48, 11.52, 5.12, 11.52])
    assert sum(row["ed_lv_volume_ml"] for row in measures["slices"]) == pytest.approx(measures["lv"]["edv_ml"])
    assert measures["slices"][0]["ed_lv_area_mm2"] == pytest.approx(256 * 2.0)


def test_ejection_fraction_is_measured_without_spacing_and_volumes_are_not() -> None:
    labels = heart([8, 4])
    measures = measure_case(study_of(labels, None, PATIENT), labels, ACDC)
    assert measures["lv"]["ef_percent"] == pytest.approx(75.0)
    assert measures["lv"]["edv_ml"] is None
    assert measures["reasons"]["lv.edv_ml"] == "the voxel spacing is unknown"
    assert measures["curve"]["lv_ml"] == [None, None]


def test_the_number_that_means_a_ventricle_comes_from_the_scheme() -> None:
    acdc, mnms = heart([8, 4], ACDC), heart([8, 4], MNMS)
    assert not np.array_equal(acdc, mnms)
    ours, theirs = (measure_case(study_of(x), x, s) for x, s in ((acdc, ACDC), (mnms, MNMS)))
    assert ours["lv"] == theirs["lv"]
    assert ours["rv"] == theirs["rv"]


def test_a_whole_cycle_tells_the_heart_rate_and_two_frames_do_not() -> None:
    cycle = heart([8, 8, 7, 6, 5, 4, 5, 6, 7, 8])
    facts = Facts(frame_time_ms=100.0)
    measured = measure_case(study_of(cycle), cycle, ACDC, facts)
    assert measured["patient"]["heart_rate_bpm"] == pytest.approx(60.0)
    assert measured["patient"]["heart_rate_source"] == "frames times frame time"
    pair = cycle[[0, 5]]
    assert measure_case(study_of(pair), pair, ACDC, facts)["lv"]["co_l_min"] is None


def test_given_facts_replace_the_studys_own() -> None:
    labels = heart([8, 6, 4])
    study = study_of(labels, facts=Facts(ed_index=0, es_index=1))
    assert measure_case(study, labels, ACDC)["phases"]["es_index"] == 1
    assert measure_case(study, labels, ACDC, Facts())["phases"]["es_index"] == 2


def test_notes_of_the_study_and_of_the_anatomy_are_repeated_once() -> None:
    labels = heart([8, 4])
    labels[0, 2] = 0
    note = Note("SA-W020", "Spacing from pixdim.")
    notes = measure_case(study_of(labels).with_notes(note, note), labels, ACDC)["notes"]
    assert [one["code"] for one in notes] == ["SA-W020", "SA-W101", "SA-W102", "SA-W108"]  # its right ventricle is tiny


def test_ranges_are_given_for_a_human_of_known_sex_only() -> None:
    labels = heart([8, 4])
    known = measure_case(study_of(labels), labels, ACDC, PATIENT)["ranges"]
    assert known["lv.ef_percent"]["low"] == pytest.approx(58 - 1.96 * 5)
    assert measure_case(study_of(labels), labels, ACDC)["ranges"] == {}
    assert measure_case(study_of(labels), labels, ACDC, replace(PATIENT, species="mouse"))["ranges"] == {}


def test_labels_of_another_shape_or_scheme_are_refused() -> None:
    labels = heart([8, 4])
    with pytest.raises(GridMismatch):
        measure_case(study_of(labels), labels[:1], ACDC)
    with pytest.raises(UnknownLabel, match="3"):
        measure_case(study_of(labels), labels, LEFT_VENTRICLE)


def leaves(part: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values; the items of a list stand under the list's own key."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from leaves(value, f"{above}.{key}" if above else key)
    elif isinstance(part, list):
        for value in part:
            yield from leaves(value, above)
    else:
        yield above, part


def missed_at_systole() -> np.ndarray:
    labels = heart([8, 6, 4])
    labels[2][labels[2] == ACDC.code_of(Structure.RV_CAVITY)] = 0
    return labels


def open_wall() -> np.ndarray:
    labels = heart([8, 4])
    labels[:, :, 20] = 0
    return labels


ODD: dict[str, tuple[np.ndarray, LabelScheme, Spacing | None, Facts]] = {
    "sound": (heart([8, 4]), ACDC, SPACING_MM, PATIENT),
    "unknown spacing": (heart([8, 4]), ACDC, None, PATIENT),
    "one frame": (heart([8]), ACDC, SPACING_MM, PATIENT),
    "one frame stated to be ED": (heart([8]), ACDC, SPACING_MM, Facts(ed_index=0)),
    "no RV in the scheme": (heart([8, 4], LEFT_VENTRICLE), LEFT_VENTRICLE, SPACING_MM, Facts()),
    "infarct scheme": (heart([8], EMIDEC), EMIDEC, None, Facts(modality="lge")),
    "empty labels": (np.zeros((3, 4, 40, 40), np.uint8), ACDC, SPACING_MM, PATIENT),
    "empty labels at given phases": (np.zeros((3, 4, 40, 40), np.uint8), ACDC, None, Facts(ed_index=0, es_index=1)),
    "RV missed at systole": (missed_at_systole(), ACDC, SPACING_MM, PATIENT),
    "cavity alone": (np.where(heart([8, 4]) == 3, 3, 0).astype(np.uint8), ACDC, SPACING_MM, Facts()),
    "open wall": (open_wall(), ACDC, SPACING_MM, Facts()),
    "never beats": (heart([8, 8]), ACDC, SPACING_MM, Facts()),
    "mouse": (heart([8, 4]), ACDC, SPACING_MM, Facts(species="mouse", height_cm=9.0, weight_kg=0.03)),
}


@pytest.mark.parametrize("name", ODD)
def test_every_missing_value_has_a_reason_every_reason_a_missing_value_and_nothing_is_nan(name: str) -> None:
    labels, scheme, spacing_mm, facts = ODD[name]
    measures = measure_case(study_of(labels, spacing_mm, facts), labels, scheme)
    json.dumps(measures, allow_nan=False)
    measured = {key: part for key, part in measures.items() if key not in {"reasons", "notes", "ranges", "convention"}}
    values = list(leaves(measured))
    assert {key for key, value in values if value is None} == set(measures["reasons"])
    assert all(measures["reasons"].values())
    assert all(type(value) in {float, int, str, type(None)} for _, value in values)
    assert all(math.isfinite(value) for _, value in values if isinstance(value, float))


def test_segments_stand_under_the_left_ventricle_each_with_its_reason() -> None:
    labels = heart([8, 4])
    measures = measure_case(study_of(labels, None), labels, ACDC)
    assert list(measures["lv"]["wall"]["aha"]) == [str(number) for number in range(1, 17)]
    assert measures["lv"]["wall"]["aha"]["7"]["ed_mm"] is None
    assert measures["reasons"]["lv.wall.aha.7.ed_mm"] == "the voxel spacing is unknown"
