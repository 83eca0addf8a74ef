"""Scores as the terminal shows them: every mean with its count, what is not defined as a dash."""

from __future__ import annotations

from typing import Any

import pytest

from shortaxis.cli.tables import print_agreement, print_scores


def means(dice: float | None, n: int, n_missed: int, distance: float | None) -> dict[str, Any]:
    """As `measure.summary` gives them."""
    far = {"mean": distance, "n": n - n_missed, "mean_charged": 100.0, "n_charged": n_missed}
    counts = {"mean": dice, "n": n, "n_missed": n_missed, "n_extra": 0, "n_in_neither": 0}
    overlaps = {"dice": counts, "bdc": {**counts, "mean": 0.5}, "surface_dice": {**counts, "mean": 0.7}}
    rates = {key: {"mean": 0.4, "n": n} for key in ("sensitivity", "specificity", "npv", "accuracy", "volume_error_ml")}
    rates["ppv"] = {"mean": 0.8, "n": n - n_missed}
    distances = ("hd_mm", "hd95_mm", "assd_mm", "hd_one_sided_mm", "hd_px", "hd95_px", "assd_px")
    return {**overlaps, "jaccard": {**counts, "mean": 0.3}, **rates, **dict.fromkeys(distances, far)}


def lines_of(capsys: pytest.CaptureFixture[str], summary: dict[str, Any]) -> list[list[str]]:
    print_scores(summary)
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_scores_stand_beside_their_counts(capsys: pytest.CaptureFixture[str]) -> None:
    agreed = {"n": 2, "n_left_out": 1, "mae": 1.5, "bias": -0.5, "sd": 1.0, "loa_low": -2.46, "loa_high": 1.46}
    summary = {
        "n_cases": 3,
        **means(0.6, 3, 1, 2.5),
        "by_structure": {"lv_cavity": {"ED": means(0.6, 3, 1, 2.5), "ES": means(0.0, 1, 1, None)}},
        "agreement": {"lv": {"edv_ml": {**agreed, "pearson": None}}},
        "phases": "stated by the reference",
        "without_prediction": ["case2_ed"],
        "by_slice": {**means(0.6, 9, 2, 1.5), "by_structure": {"lv_cavity": {"ED": means(0.5, 7, 2, None)}}},
    }
    lines = lines_of(capsys, summary)
    assert ["lv_cavity", "ED", "3", "0.600", "1", "0", "2.50", "2.50", "2.50"] in lines
    assert ["lv_cavity", "ES", "1", "0.000", "1", "0", "–", "–", "–"] in lines
    assert ["all", "3", "0.600", "1", "0", "2.50", "2.50", "2.50"] in lines
    assert ["lv_cavity", "ED", "0.500", "0.700", "100.00", "1", "2.50"] in lines
    assert ["lv_cavity", "ES", "0.500", "0.700", "100.00", "1", "–"] in lines
    rates = ["0.300", "0.400", "0.400", "0.800/2", "0.400", "0.400", "0.40"]  # no ppv of what was missed
    assert ["lv_cavity", "ED", "3", *rates] in lines
    assert ["lv_cavity", "ED", "7", "0.500", "2", "0", *["–"] * 4] in lines
    assert ["all", "9", "0.600", "2", "0", *["1.50"] * 4] in lines
    assert ["lv.edv_ml", "2", "1", "-0.50", "-2.46", "to", "1.46", "1.50", "–"] in lines
    assert ["phases:", "stated", "by", "the", "reference"] in lines
    assert ["no", "prediction:", "case2_ed"] in lines


def test_limits_that_one_pair_does_not_define_are_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    alone = {"n": 1, "n_left_out": 0, "mae": 1.5, "bias": 1.5, "sd": None, "loa_low": None, "loa_high": None}
    summary = {
        "n_cases": 1,
        **means(0.9, 1, 0, 1.0),
        "by_structure": {},
        "agreement": {"lv": {"ef_percent": {**alone, "pearson": None}}},
        "without_prediction": [],
    }
    lines = lines_of(capsys, summary)
    assert ["lv.ef_percent", "1", "0", "1.50", "–", "1.50", "–"] in lines
    assert lines[0][:2] == ["1", "case;"]


def test_who_changes_category_stands_in_a_table_of_both_readings(capsys: pytest.CaptureFixture[str]) -> None:
    categories = {"n": 6, "n_changed": 1, "counts": ((2, 1, 0), (0, 0, 0), (0, 0, 3))}
    names = {"name_a": "one", "name_b": "two", "only_in_a": [], "only_in_b": []}
    print_agreement({"n_cases": 6, "indices": {}, "overlap": {}, "ef_categories": categories, **names})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["EF", "category", "changes:", "1", "of", "6"] in lines
    assert [line[-3:] for line in lines[-4:]] == [
        ["<40", "40-49", ">=50"],
        ["2", "1", "0"],
        ["0", "0", "0"],
        ["0", "0", "3"],
    ]
