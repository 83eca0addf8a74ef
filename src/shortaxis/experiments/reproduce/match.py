"""Which of our results are which row of a paper: by method, by the settings its ablation switches, by the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from shortaxis.core.errors import UnknownName
from shortaxis.core.method import RecipeName
from shortaxis.experiments.compare.ablations import ablation_entries
from shortaxis.experiments.published.paper import Row, data_set
from shortaxis.experiments.reproduce.held import Held
from shortaxis.methods import method_named, method_names

Changes = Mapping[str, Any]
Key = tuple[str, ...]


def is_row(row: Row, held: Held) -> bool:
    """Whether results are a row's: as the user says, else the same method, ablation and training data.

    An ablation is told by the settings that the method's ablations switch; all others may differ, and are told as
    differences. Results of a model trained elsewhere do not say their settings: they are the whole method's.
    """
    if held.row is not None:
        return held.row == row.name
    if held.method in row.also:
        return True
    if not row.method or held.method != row.method:
        return False
    if row.trained_on and data_set(row.trained_on).layout != (held.dataset or "?"):
        return False
    if held.recipe is None or held.recipe_name not in ("paper", "tuned"):
        return not row.ablation
    name: RecipeName = "paper" if held.recipe_name == "paper" else "tuned"
    switches = _switches(row.method, name)
    return _states(held.recipe, switches) == _states(_expected(row, name), switches)


def ablation_changes(row: Row, recipe: RecipeName) -> Changes:
    """What the row's ablation changes of the recipe; nothing for a row that is the whole method."""
    if not row.ablation:
        return {}
    return next(entry.changes for entry in ablation_entries(row.method, recipe) if entry.label == row.ablation)


def leaves(changes: Changes, above: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every setting that nested changes name, with its value."""
    for name, value in changes.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*above, name))
        else:
            yield (*above, name), value


def setting(recipe: Changes, key: Key) -> Any:
    """A setting of a resolved recipe; None where its group is switched off."""
    value: Any = recipe
    for name in key:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


@cache
def _switches(method: str, recipe: RecipeName) -> frozenset[Key]:
    if method not in method_names():
        return frozenset()
    try:
        entries = ablation_entries(method, recipe)
    except UnknownName:  # a baseline has no ablation
        return frozenset()
    return frozenset(key for entry in entries for key, _ in leaves(entry.changes))


def _expected(row: Row, recipe: RecipeName) -> Changes:
    return method_named(row.method).recipes[recipe].overlaid(ablation_changes(row, recipe)).model_dump(mode="json")


def _states(recipe: Changes, switches: frozenset[Key]) -> dict[Key, Any]:
    return {key: _state(setting(recipe, key)) for key in switches}


def _state(value: Any) -> Any:
    """Of a group of settings only whether it is there: a locator may be another, and is one."""
    return "there" if isinstance(value, Mapping) else value
