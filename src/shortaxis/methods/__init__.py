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
    "attention-unet": "shortaxis.methods.baselines.attention_unet",
    "basic-unet": "shortaxis.methods.baselines.basic_unet",
    "deepmedic": "shortaxis.methods.baselines.deepmedic",
    "fcn-3d": "shortaxis.methods.baselines.fcn_3d",
    "nnunet-plan-2d": "shortaxis.methods.baselines.nnunet_plan_2d",
    "nnunet-plan-3d": "shortaxis.methods.baselines.nnunet_plan_3d",
    "non-local-unet": "shortaxis.methods.baselines.non_local_unet",
    "resunet": "shortaxis.methods.baselines.resunet",
    "resunet-plus-plus": "shortaxis.methods.baselines.resunet_plus_plus",
    "segnet": "shortaxis.methods.baselines.segnet",
    "u-segnet": "shortaxis.methods.baselines.u_segnet",
    "unet-3d": "shortaxis.methods.baselines.unet_3d",
    "unet-plus-plus": "shortaxis.methods.baselines.unet_plus_plus",
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
