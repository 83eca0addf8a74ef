"""What differs between two sets of settings, told in a line."""

from __future__ import annotations

import pytest

from shortaxis.core.differences import differences


def test_equal_settings_differ_in_nothing() -> None:
    assert differences({"a": {"b": [1, 2]}}, {"a": {"b": (1, 2)}}) == ""  # a tuple is a list, as it is on disk


@pytest.mark.parametrize(
    ("stored", "wanted", "told"),
    [
        ({"fit": {"steps": 300}}, {"fit": {"steps": 4000}}, "fit.steps 4000 (was 300)"),
        ({"widths": [4, 8]}, {"widths": [4, 6]}, "widths [4, 6] (was [4, 8])"),
        ({"loss": "dice", "on": True}, {"loss": "bce", "on": False}, "loss bce (was dice), on false (was true)"),
        ({"decay": 0.999}, {"decay": None}, "decay none (was 0.999)"),
        ({"config": None}, {"config": {"a": 1}}, 'config {"a": 1} (was none)'),
        ({"a": 1}, {"a": 1, "b": None}, "other b"),  # a setting that the version before did not have
        ({"fit": {"a": 1, "b": 2}}, {"fit": {"a": 1}}, "other fit.b"),
        ({"hash": "a" * 64}, {"hash": "b" * 64}, "other hash"),
        ([1], {"a": 1}, "another"),
    ],
)
def test_each_difference_is_told_with_both_values_where_they_are_short(
    stored: object, wanted: object, told: str
) -> None:
    assert differences(stored, wanted) == told


def test_what_stands_inside_the_named_mapping_is_told_by_its_own_key() -> None:
    before = {"recipe_name": "tuned", "recipe": {"fit": {"steps": 3}}}
    now = {"recipe_name": "paper", "recipe": {"fit": {"steps": 4}}}
    assert differences(before, now, inside="recipe") == "recipe_name paper (was tuned), fit.steps 4 (was 3)"
    assert differences({"recipe": 1}, {"recipe": 2}, inside="recipe") == "recipe 2 (was 1)"


def test_the_sixth_difference_and_those_after_it_are_counted() -> None:
    before, now = ({f"s{k}": value for k in range(7)} for value in (0, 1))
    told = "s0 1 (was 0), s1 1 (was 0), s2 1 (was 0), s3 1 (was 0), s4 1 (was 0)"
    assert differences(before, now) == f"{told} and 2 more"
    assert differences({"s0": 0} | {f"s{k}": 1 for k in range(1, 7)}, now) == "s0 1 (was 0)"
