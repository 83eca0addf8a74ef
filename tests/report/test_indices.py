"""Measures read as a clinician would write them."""

from __future__ import annotations

import pytest

from shortaxis.report.indices import missing_reason, name_and_unit, sections_of, shown


@pytest.mark.parametrize(
    ("leaf", "name", "unit"),
    [
        ("edv_ml", "End-diastolic volume", "ml"),
        ("ef_percent", "Ejection fraction", "%"),
        ("co_l_min", "Cardiac output", "l/min"),
        ("edv_index_ml_m2", "End-diastolic volume index", "ml/m²"),
        ("mass_index_g_m2", "Myocardial mass index", "g/m²"),
        ("septal_wall_mm", "Septal wall", "mm"),
        ("infarct_share", "Infarct share", ""),
    ],
)
def test_a_key_becomes_a_name_and_a_unit(leaf: str, name: str, unit: str) -> None:
    assert name_and_unit(leaf) == (name, unit)


@pytest.mark.parametrize(
    ("value", "text"),
    [(142.4, "142"), (58.25, "58.2"), (5.456, "5.46"), (0.04567, "0.0457"), (0.0, "0"), (12, "12"), (-3.25, "-3.25")],
)
def test_values_have_three_significant_digits_and_no_exponent(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_not_a_number_is_not_shown_as_one(value: float | None) -> None:
    assert shown(value) is None


def test_an_undefined_value_carries_its_reason() -> None:
    measures = {"lv": {"ef_percent": None, "edv_ml": None}, "reasons": {"lv.ef_percent": "no voxel at end-diastole"}}
    (section,) = sections_of(measures)
    assert [index.reason for index in section.indices] == ["no voxel at end-diastole", "no reason recorded"]


def test_a_reason_for_a_whole_part_holds_for_its_values() -> None:
    assert (
        missing_reason({"reasons": {"rv": "the model does not label it"}}, "rv.edv_ml") == "the model does not label it"
    )


def test_ventricles_come_first_and_unknown_parts_are_shown_too() -> None:
    measures = {"case": "a", "wall": {"septal_mm": 9.0}, "rv": {"edv_ml": 1.0}, "lv": {"edv_ml": 1.0}, "version": 3}
    assert [section.title for section in sections_of(measures)] == ["Left ventricle", "Right ventricle", "Wall"]


def test_a_part_of_which_nothing_is_defined_comes_after_those_that_tell_something() -> None:
    late = {
        "lv": {"edv_ml": None},
        "rv": {"edv_ml": None},
        "infarct": {"infarct_percent": 20.4, "infarct_volume_ml": None},
    }
    assert [section.key for section in sections_of(late)] == ["infarct", "lv", "rv"]


def test_a_normal_range_is_written_out_and_a_value_outside_is_marked() -> None:
    measures = {
        "lv": {"ef_percent": 40.0, "edv_ml": 150.0, "mass_g": 200.0},
        "ranges": {
            "lv.ef_percent": [52, 72],
            "lv.edv_ml": {"low": 88, "high": 227, "source": "A 2017"},
            "lv.mass_g": {"high": 180},
        },
    }
    (section,) = sections_of(measures)
    ef, edv, mass = section.indices
    assert section.has_ranges and section.range_sources == ("A 2017",)
    assert (ef.normal, ef.outside) == ("52 – 72", "below")
    assert (edv.normal, edv.outside) == ("88 – 227", None)
    assert (mass.normal, mass.outside) == ("up to 180", "above")


def test_where_the_heart_rate_comes_from_stands_beside_its_unit() -> None:
    stated = {"heart_rate_bpm": 65.0, "heart_rate_source": "frames times frame time"}
    (section,) = sections_of({"patient": stated})
    assert [(index.name, index.value, index.unit) for index in section.indices] == [
        ("Heart rate", "65.0", "/min, frames times frame time")
    ]
    unknown = {"patient": {"heart_rate_bpm": None, "heart_rate_source": None}, "reasons": {}}
    assert [index.key for index in sections_of(unknown)[0].indices] == ["patient.heart_rate_bpm"]
