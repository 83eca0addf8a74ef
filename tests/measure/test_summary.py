"""Means with their denominators, and what a miss costs, by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shortaxis.measure.summary import summarise, summarise_slices


def row(
    case: str, phase: str | None, structure: str, voxels: int, reference: int, dice: float | None
) -> dict[str, Any]:
    both = voxels > 0 and reference > 0
    outcomes = {(1, 1): "both", (0, 1): "missed", (1, 0): "extra", (0, 0): "neither"}
    distances = dict.fromkeys(("hd_mm", "hd95_mm", "hd95_pooled_mm", "assd_mm"), 4.0 if both else None)
    return {
        "case": case,
        "phase": phase,
        "structure": structure,
        "outcome": outcomes[int(voxels > 0), int(reference > 0)],
        "dice": dice,
        **distances,
        "voxels": voxels,
        "reference_voxels": reference,
        "volume_ml": voxels * 0.1,
        "reference_volume_ml": reference * 0.1,
        "diagonal_mm": 300.0,
    }


ROWS = [
    row("a", "ED", "lv_cavity", 1100, 1000, 0.9),
    row("a", "ES", "lv_cavity", 440, 500, 0.8),  # EF 60 against 50
    row("b", "ED", "lv_cavity", 2000, 2000, 1.0),
    row("b", "ES", "lv_cavity", 0, 800, 0.0),  # missed
    row("b", "ES", "rv_cavity", 0, 0, None),
    row("c", "ED", "lv_cavity", 1500, 1700, 0.7),
    row("c", "ES", "lv_cavity", 900, 850, 0.6),  # EF 40 against 50
]


def test_a_missing_structure_counts_zero_in_the_mean_dice_and_one_in_neither_does_not_count() -> None:
    found = summarise(ROWS)
    assert found["n_cases"] == 3
    assert found["dice"] == {
        "mean": pytest.approx((0.9 + 0.8 + 1.0 + 0.0 + 0.7 + 0.6) / 6),
        "n": 6,
        "n_missed": 1,
        "n_extra": 0,
        "n_in_neither": 1,
    }


def test_a_rate_s_mean_is_over_the_rows_that_have_it() -> None:
    rates = [{"sensitivity": 0.5, "ppv": 0.8}, {"sensitivity": 0.0, "ppv": None}]
    rows = [{**one, **two} for one, two in zip((ROWS[0], ROWS[3]), rates, strict=True)]
    found = summarise(rows)
    assert (found["sensitivity"], found["ppv"]) == ({"mean": 0.25, "n": 2}, {"mean": 0.8, "n": 1})
    assert found["by_structure"]["lv_cavity"]["ES"]["ppv"] == {"mean": None, "n": 0}


def test_distances_have_a_mean_without_the_miss_and_one_that_charges_it_the_diagonal() -> None:
    assert summarise(ROWS)["hd95_mm"] == {
        "mean": pytest.approx(4.0),
        "n": 5,
        "mean_charged": pytest.approx((5 * 4 + 300) / 6),
        "n_charged": 1,
    }


def test_structures_and_phases_are_summarised_apart() -> None:
    parts = summarise(ROWS)["by_structure"]
    assert parts["lv_cavity"]["ED"]["dice"]["mean"] == pytest.approx((0.9 + 1.0 + 0.7) / 3)
    assert parts["lv_cavity"]["ES"]["dice"]["n_missed"] == 1
    assert parts["rv_cavity"]["ED"]["dice"] == {"mean": None, "n": 0, "n_missed": 0, "n_extra": 0, "n_in_neither": 0}


def test_ejection_fraction_agreement_leaves_the_missed_case_out_and_says_so() -> None:
    ef = summarise(ROWS)["agreement"]["lv"]["ef_percent"]
    assert (ef["n"], ef["n_left_out"]) == (2, 1)
    assert (ef["mae"], ef["bias"]) == pytest.approx((10.0, 0.0))
    assert ef["sd"] == pytest.approx(200**0.5)  # differences of 10 and -10 over n - 1
    assert (ef["loa_low"], ef["loa_high"]) == pytest.approx((-1.96 * 200**0.5, 1.96 * 200**0.5))
    assert ef["pearson"] is None


def test_volume_agreement_is_in_millilitres() -> None:
    edv = summarise(ROWS)["agreement"]["lv"]["edv_ml"]
    assert edv["n"] == 3
    assert edv["bias"] == pytest.approx((10 + 0 - 20) / 3)
    assert edv["mae"] == pytest.approx((10 + 0 + 20) / 3)
    assert edv["pearson"] == pytest.approx(13300 / (12200 * 15800) ** 0.5)  # sums of products of deviations, times 3


def test_a_ventricle_that_no_row_has_is_not_reported() -> None:
    assert "rv" not in summarise(ROWS[:4])["agreement"]


def test_frames_without_a_phase_are_summarised_and_have_no_agreement() -> None:
    found = summarise([row("a", None, "lv_cavity", 10, 10, 1.0)])
    assert found["by_structure"]["lv_cavity"]["other"]["dice"]["n"] == 1
    assert found["agreement"]["lv"]["ef_percent"]["n"] == 0


def test_nothing_is_summarised_as_nothing_and_never_as_nan() -> None:
    found = summarise([])
    assert (found["n_rows"], found["dice"]["mean"], found["hd_mm"]["mean_charged"]) == (0, None, None)
    json.dumps(found, allow_nan=False)
    json.dumps(summarise(ROWS), allow_nan=False)


def test_slices_are_charged_in_the_unit_of_the_distance() -> None:
    both = {**row("a", "ED", "lv_cavity", 1, 1, 0.5), "hd_px": 2.0, "diagonal_px": 100.0}
    missed = {**row("a", "ED", "lv_cavity", 0, 1, 0.0), "hd_px": None, "diagonal_px": 100.0}
    found = summarise_slices([both, missed])
    assert found["hd_px"] == {"mean": 2.0, "n": 1, "mean_charged": 51.0, "n_charged": 1}
    assert found["hd_mm"]["mean_charged"] == pytest.approx((4 + 300) / 2)
    assert found["by_structure"]["lv_cavity"]["ED"]["dice"]["mean"] == 0.25
