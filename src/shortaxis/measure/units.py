"""The units a heart is told in: millilitres and grams of a man, microlitres and milligrams of a mouse.

Everything is computed in ml and g. `restated` turns a finished dictionary of measures into the species' units, by the
suffix of its keys, so that no measure needs to know whose heart it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

PER_BODY_SURFACE = re.compile(r"(^|_)m2$")  # bsa_m2, edv_index_ml_m2; not area_mm2


@dataclass(frozen=True)
class Unit:
    """What a key's suffix becomes, and what its values are multiplied by."""

    suffix: str
    factor: float


@dataclass(frozen=True)
class Units:
    """The units of a species: suffixes that change, and whether there are values per body surface."""

    changed: Mapping[str, Unit]
    has_body_surface: bool


HUMAN = Units({}, has_body_surface=True)
MOUSE = Units(
    {"ml": Unit("ul", 1e3), "g": Unit("mg", 1e3), "l_min": Unit("ml_min", 1e3)},
    has_body_surface=False,  # Mosteller's formula is for people, and nothing of a mouse is indexed by it
)


def units_of(species: Literal["human", "mouse"] | None) -> Units:
    """The units of a species; a man's where it is unknown."""
    return MOUSE if species == "mouse" else HUMAN


def restated(measures: Mapping[str, Any], units: Units) -> dict[str, Any]:
    """Measures in ml and g (nested, lists and rows too) under the keys and in the numbers of `units`.

    Dotted keys of `reasons` are restated as the keys they speak of. Values per body surface are left out where the
    species has none.
    """
    if units == HUMAN:
        return dict(measures)
    found: dict[str, Any] = {}
    for key, value in measures.items():
        if units.has_body_surface or not PER_BODY_SURFACE.search(key):
            name, factor = _renamed(key, units)
            found[name] = _restated_value(value, factor, units)
    return found


def _renamed(key: str, units: Units) -> tuple[str, float]:
    for suffix, unit in units.changed.items():
        if key.endswith(f"_{suffix}"):
            return key.removesuffix(suffix) + unit.suffix, unit.factor
    return key, 1.0


def _restated_value(value: Any, factor: float, units: Units) -> Any:
    if isinstance(value, Mapping):
        return restated(value, units)
    if isinstance(value, list):
        return [_restated_value(item, factor, units) for item in value]
    return value * factor if isinstance(value, float) and factor != 1.0 else value
