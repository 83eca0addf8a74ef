"""One file per paper. The registry is the literal below; methods from outside join by the entry point group."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

from shortaxis.core.errors import UnknownName
from shortaxis.core.method import Method

ENTRY_POINTS = "shortaxis.methods"
_OURS: Mapping[str, str] = {
    "attention-mnet": "shortaxis.methods.attention_mnet",
    "dadu": "shortaxis.methods.dadu",
    "foanet": "shortaxis.methods.foanet",
    "halsrnet": "shortaxis.methods.halsrnet",
    "uncertainty-unet": "shortaxis.methods.uncertainty_unet",
    "unet": "shortaxis.methods.baselines.unet",
}


def method_names() -> list[str]:
    """Every method's name, ours first."""
    return [*_OURS, *sorted({point.name for point in entry_points(group=ENTRY_POINTS)} - set(_OURS))]


def method_named(name: str) -> Method:
    """The method of that name, imported only now. Raises UnknownName with the nearest names."""
    if name in _OURS:
        return import_module(_OURS[name]).METHOD
    for point in entry_points(group=ENTRY_POINTS):
        if point.name == name:
            return point.load()
    raise UnknownName(f"one of {', '.join(method_names())}", repr(name), "see `shortaxis methods`")
