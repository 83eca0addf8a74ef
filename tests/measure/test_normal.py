"""Body surface area by hand; ranges as the abstract of Petersen et al. 2017 states mean and SD."""

from __future__ import annotations

import pytest

from shortaxis.core.study import Facts
from shortaxis.measure.normal import body_surface_area_m2, normal_ranges


def test_180_cm_and_80_kg_are_two_square_metres() -> None:
    assert body_surface_area_m2(180.0, 80.0) == pytest.approx(2.0)


def test_body_surface_area_needs_height_and_weight() -> None:
    assert body_surface_area_m2(None, 80.0) is None
    assert body_surface_area_m2(180.0, None) is None


@pytest.mark.parametrize(
    ("sex", "key", "mean", "sd"),
    [
        ("female", "lv.ef_percent", 61, 5),
        ("male", "lv.ef_percent", 58, 5),
        ("female", "lv.mass_index_g_m2", 42, 7),
        ("male", "lv.mass_index_g_m2", 53, 9),
    ],
)
def test_a_range_is_mean_plus_minus_1_96_sd_and_names_its_source(sex, key, mean, sd) -> None:
    found = normal_ranges(Facts(sex=sex))[key]
    assert (found["low"], found["high"]) == pytest.approx((mean - 1.96 * sd, mean + 1.96 * sd))
    assert "Petersen" in found["source"]


def test_without_sex_or_for_a_mouse_there_is_no_range() -> None:
    assert normal_ranges(Facts()) == {}
    assert normal_ranges(Facts(sex="male", species="mouse")) == {}
