"""A shipped model's card: a person's words, what the training recorded, and scores that nobody typed."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

SHIP = runpy.run_path(str(Path(__file__).parents[1] / "tools" / "ship_weights.py"))

WORDS = {"title": "A net", "judged_on": "two patients of fold 0", "licence": "CC BY-NC-SA 4.0"}
TRAINED = {"trained_on": "100 patients", "modality": "cine", "training_cases_sha256": ["aa", "bb"]}


@pytest.fixture
def written() -> dict[str, Any]:
    """What `benchmarks/accuracy.py --out` writes, as far as a card needs it."""
    return {
        "summary": {
            "n_cases": 2,
            "dice": {"mean": 0.87654, "n": 4, "n_missed": 1},
            "by_structure": {
                "lv_cavity": {"ED": {"dice": {"mean": 0.91239}}},
                "infarct": {"ED": {"dice": {"mean": None}}},
            },
            "agreement": {
                "lv": {"ef_percent": {"n": 2, "mae": 2.718}, "edv_ml": {"n": 2, "mae": 5.0}},
                "rv": {"ef_percent": {"n": 0, "mae": None}},
            },
        },
        "heart_probabilities": {f"patient{n}": 0.90 + n / 100 for n in range(11)} | {"nobody found": None},
    }


def test_a_card_has_the_scores_that_were_measured_and_on_whom(written: dict[str, Any]) -> None:
    assert SHIP["card_of"](WORDS, TRAINED, written)["cross_validation"] == {
        "what": "two patients of fold 0",
        "n_cases": 2,
        "mean_dsc": 0.8765,
        "missed": 1,
        "dsc": {"lv_cavity": {"ED": 0.9124}, "infarct": {"ED": None}},
        "lv_ef_mean_absolute_error_points": 2.72,
    }


def test_a_card_counts_the_scans_that_the_training_recorded(written: dict[str, Any]) -> None:
    card = SHIP["card_of"](WORDS, TRAINED, written)
    assert (card["n_training_cases"], card["training_cases_sha256"], card["modality"]) == (2, ["aa", "bb"], "cine")


def test_three_in_ten_of_the_patients_judged_on_lie_below_the_certainty_that_is_noted(written: dict[str, Any]) -> None:
    assert SHIP["card_of"](WORDS, TRAINED, written)["low_heart_probability"] == 0.93  # 0.90, 0.91 and 0.92 of eleven


def test_the_terms_are_those_a_person_stated_and_the_trainings_own_summary_gives_way(written: dict[str, Any]) -> None:
    card = SHIP["card_of"](WORDS, TRAINED, written)
    assert card["licence"] == "CC BY-NC-SA 4.0"
    assert "trained_on" not in card


def test_a_model_that_does_not_say_which_scans_it_has_seen_gets_no_card(written: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="training_cases_sha256"):
        SHIP["card_of"](WORDS, {"modality": "cine"}, written)
