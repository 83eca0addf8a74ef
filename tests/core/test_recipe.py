"""A recipe takes changes by name; a name nobody knows is refused with the nearest one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from shortaxis.core.errors import BadConfiguration, MissingFile
from shortaxis.core.recipe import FitRecipe, Recipe, Settings, read_toml


class Window(Settings):
    size_px: int = 96
    widths: tuple[int, ...] = (8, 16)


class TwoParts(Recipe):
    locate: Window | None = None
    segment: Window = Window()
    fit: FitRecipe = FitRecipe(steps=10, batch=2)


BASE = TwoParts()


def test_changes_reach_their_part_and_leave_the_rest() -> None:
    changed = BASE.overlaid({"segment": {"size_px": 64}, "fit": {"optimiser": "sgd", "momentum": 0.9}})
    assert changed.segment == Window(size_px=64) and changed.fit.optimiser == "sgd" and changed.fit.steps == 10
    assert BASE.segment.size_px == 96 and type(changed) is TwoParts


def test_an_absent_part_can_be_given_and_a_given_one_taken_away() -> None:
    given = BASE.overlaid({"locate": {"size_px": 32}})
    assert given.locate == Window(size_px=32)
    assert given.overlaid({"locate": None}).locate is None


def test_lists_of_toml_become_tuples() -> None:
    assert BASE.overlaid({"segment": {"widths": [1, 2, 3]}}).segment.widths == (1, 2, 3)


@pytest.mark.parametrize(
    ("changes", "found", "hint"),
    [
        ({"segmnt": {}}, "segmnt", "'segment'"),
        ({"segment": {"size": 3}}, "segment.size", "'size_px'"),
        ({"fit": {"learning_rat": 1}}, "fit.learning_rat", "'learning_rate'"),
        ({"xyz": 1}, "xyz", "known here: locate, segment, fit"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(changes: dict[str, object], found: str, hint: str) -> None:
    with pytest.raises(BadConfiguration) as refusal:
        BASE.overlaid(changes, Path("mine.toml"))
    assert refusal.value.found == found and hint in refusal.value.way_out and refusal.value.path == Path("mine.toml")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"fit": {"steps": "many"}}, "fit.steps"),
        ({"fit": {"optimiser": "lion"}}, "fit.optimiser"),
        ({"segment": 3}, "segment"),
        ({"locate": {"sizes_px": 3}}, "locate"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_key(changes: dict[str, object], key: str) -> None:
    with pytest.raises(BadConfiguration) as refusal:
        BASE.overlaid(changes)
    assert refusal.value.expected.startswith(key)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        BASE.segment.size_px = 3


def test_toml_is_read_or_refused_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[segment]\nsize_px = 64\n")
    assert read_toml(path) == {"segment": {"size_px": 64}}
    path.write_text("[segment\n")
    with pytest.raises(BadConfiguration, match=r"mine\.toml"):
        read_toml(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadConfiguration):
        read_toml(path)
    with pytest.raises(MissingFile):
        read_toml(tmp_path / "none.toml")


def test_a_setting_without_a_name_is_refused_in_words() -> None:
    with pytest.raises(BadConfiguration) as refusal:
        BASE.overlaid({"": 1})
    assert refusal.value.found == "a setting without a name"
