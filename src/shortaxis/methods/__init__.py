"""One file per paper. The registry is the literal below; methods from outside join by the entry point group."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from shortaxis.core.errors import BadConfiguration, UnknownName
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
    """The name of every method that can be used, ours first.

    Ours are not imported for it. Those from outside are: one that is broken is left out, so that all others are there,
    and is refused by its name when it is asked for.
    """
    return [*_OURS, *sorted(point.name for point in _announced().values() if _works(point))]


def method_named(name: str) -> Method:
    """The method of that name, imported only now.

    Raises UnknownName with the nearest names, or BadConfiguration where the package that announces it is broken.
    """
    if name in _OURS:
        return import_module(_OURS[name]).METHOD
    if point := _announced().get(name):
        return _loaded(point)
    raise UnknownName(f"one of {', '.join(method_names())}", repr(name), "see `shortaxis methods`")


def _announced() -> dict[str, EntryPoint]:
    """The methods from outside by name; where two packages announce one name, or one of ours, the first stands."""
    points: dict[str, EntryPoint] = {}
    for point in entry_points(group=ENTRY_POINTS):
        if point.name not in _OURS:
            points.setdefault(point.name, point)
    return points


def _works(point: EntryPoint) -> bool:
    try:
        _loaded(point)
    except BadConfiguration:
        return False
    return True


def _loaded(point: EntryPoint) -> Method:
    try:
        method = point.load()
    except Exception as problem:  # whatever a stranger's module meets, it is the package that must be named
        raise _broken(point, repr(problem)[:200]) from problem
    if not isinstance(method, Method):
        raise _broken(point, f"no Method but a thing of type {type(method).__name__!r}")
    if method.name != point.name:  # a model's file keeps the method's own name, and is looked up by it
        raise _broken(point, f"a method that calls itself {method.name!r}")
    return method


def _broken(point: EntryPoint, found: str) -> BadConfiguration:
    way_out = f"install the package again that announces it ({point.value}), or a later version, or remove it"
    return BadConfiguration(f"a package whose entry point {point.name!r} is the method of that name", found, way_out)
