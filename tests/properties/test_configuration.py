"""A configuration says what was meant: dumped and parsed it is the same, and one letter wrong is refused by name."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shortaxis.cli.options import settings_of
from shortaxis.core.errors import BadConfiguration
from shortaxis.core.recipe import Recipe
from shortaxis.methods import method_named, method_names

RECIPES: Mapping[str, Recipe] = {
    f"{method} {name}": recipe for method in method_names() for name, recipe in method_named(method).recipes.items()
}
EVERY = st.sampled_from(sorted(RECIPES))
LETTERS = "abcdefghijklmnopqrstuvwxyz_"


def places(held: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key at every depth, by its way from the top."""
    if isinstance(held, dict):
        for key, inner in held.items():
            yield (*above, key)
            yield from places(inner, (*above, key))


def overlay(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(place):
        value = {key: value}
    return value


def at(held: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        held = held[key]
    return held


@given(EVERY)
def test_every_recipe_dumped_and_parsed_is_itself(name):
    recipe = RECIPES[name]
    assert recipe.overlaid(json.loads(recipe.model_dump_json())) == recipe
    assert recipe.overlaid({}) == recipe


@given(EVERY, st.data())
def test_any_setting_said_again_changes_nothing(name, data):
    recipe = RECIPES[name]
    whole = json.loads(recipe.model_dump_json())
    place = data.draw(st.sampled_from(sorted(places(whole))))
    assert recipe.overlaid(overlay(place, at(whole, place))) == recipe


@given(EVERY, st.data())
def test_any_key_with_one_wrong_letter_is_refused_with_the_nearest_name(name, data):
    recipe = RECIPES[name]
    whole = json.loads(recipe.model_dump_json())
    place = data.draw(st.sampled_from([p for p in sorted(places(whole)) if len(p[-1]) > 4]))
    key = place[-1]
    index, letter = data.draw(st.integers(0, len(key) - 1)), data.draw(st.sampled_from(LETTERS))
    typo = data.draw(st.sampled_from([key[:index] + key[index + 1 :], key[:index] + letter + key[index:]]))
    known = at(whole, place[:-1])
    if typo in known:
        return
    with pytest.raises(BadConfiguration) as refusal:
        recipe.overlaid(overlay((*place[:-1], typo), known[key]))
    assert "did you mean" in refusal.value.way_out
    meant = refusal.value.way_out.split("'")[1]
    assert meant == key or abs(len(meant) - len(typo)) <= 2  # another known name may lie as near


@given(EVERY, st.data())
def test_a_value_of_another_kind_is_refused_and_never_converted(name, data):
    recipe = RECIPES[name]
    whole = json.loads(recipe.model_dump_json())
    numbers = [p for p in sorted(places(whole)) if type(at(whole, p)) in (int, float)]
    place = data.draw(st.sampled_from(numbers))
    for wrong in (str(at(whole, place)), True, [1], {"a": 1}):
        with pytest.raises(BadConfiguration):
            recipe.overlaid(overlay(place, wrong))


@given(st.lists(st.sampled_from(["segment_fit.steps", "segment_fit.seed"]), unique=True), st.integers(1, 10**6))
def test_settings_of_the_command_line_say_what_toml_says(keys, value):
    given_ = settings_of([f"{key}={value}" for key in keys])
    assert given_ == tomllib.loads("\n".join(f"{key} = {value}" for key in keys))
