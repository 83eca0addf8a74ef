"""A mouse is told in microlitres and milligrams, without anything per body surface; a man as before."""

from __future__ import annotations

from shortaxis.measure.units import HUMAN, MOUSE, restated, units_of

MEASURES = {
    "lv": {"edv_ml": 0.055, "ef_percent": 60.0, "mass_g": 0.09, "co_l_min": 0.015, "edv_index_ml_m2": None},
    "curve": {"lv_ml": [0.055, None, 0.022], "time_ms": [0.0, 10.0, 20.0]},
    "slices": [{"slice_index": 0, "ed_lv_area_mm2": 12.5, "ed_lv_volume_ml": 0.01}],
    "patient": {"bsa_m2": None, "weight_kg": 0.03},
    "reasons": {"lv.edv_index_ml_m2": "unknown", "patient.bsa_m2": "unknown", "rv.edv_ml": "not told"},
    "wall": {"ed_mean_mm": 1.0},
}


def test_a_mouses_keys_and_numbers_change_together() -> None:
    assert restated(MEASURES, MOUSE) == {
        "lv": {"edv_ul": 55.0, "ef_percent": 60.0, "mass_mg": 90.0, "co_ml_min": 15.0},
        "curve": {"lv_ul": [55.0, None, 22.0], "time_ms": [0.0, 10.0, 20.0]},
        "slices": [{"slice_index": 0, "ed_lv_area_mm2": 12.5, "ed_lv_volume_ul": 10.0}],
        "patient": {"weight_kg": 0.03},
        "reasons": {"rv.edv_ul": "not told"},
        "wall": {"ed_mean_mm": 1.0},
    }


def test_a_mans_measures_stay_as_they_are() -> None:
    assert restated(MEASURES, HUMAN) == MEASURES


def test_the_species_chooses_and_an_unknown_one_is_a_man() -> None:
    assert (units_of("mouse"), units_of("human"), units_of(None)) == (MOUSE, HUMAN, HUMAN)
