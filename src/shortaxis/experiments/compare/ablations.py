"""The ablations of the papers as entries: what each takes away, in the keys of its recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shortaxis.core.errors import BadConfiguration, UnknownName
from shortaxis.core.method import RecipeName
from shortaxis.experiments.compare.plan import Entry

_FOANET = "foanet"
WITH_ROI, WITHOUT_ROI = " with ROI", " without ROI"
_ALPHAS: Mapping[str, Mapping[str, Any]] = {
    "alpha 0 (baseline)": {"segment": {"alpha": 0.0}},
    "alpha 1": {"segment": {"alpha": 1.0}},
    "alpha 3 (proposed)": {"segment": {"alpha": 3.0}},
    "alpha 5": {"segment": {"alpha": 5.0}},
}
ABLATIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "attention-mnet": {  # Huang et al., table I: "w/o distance loss"
        "M-net": {},
        "M-net without distance loss": {"segment": {"distance_weight": 0.0}},
    },
    "uncertainty-unet": {  # Arega et al., section 3: the baseline and the proposed loss
        name: _ALPHAS[name] for name in ("alpha 0 (baseline)", "alpha 3 (proposed)")
    },
    "halsrnet": {  # Fakhfakh et al., section 4.5: "HALSR-Net without ROI"
        f"HALSR-Net{WITH_ROI}": {},
        f"HALSR-Net{WITHOUT_ROI}": {"locate": None},
    },
    "dadu": {  # Mukisa and Bansal, section 4: its parts, one taken away at a time
        "DADU": {},
        "DADU without attention": {"segment": {"attention": "none"}},
        "DADU without edges": {"segment": {"edges": "none"}},
        "DADU without supervision": {"segment": {"supervision": "none"}},
    },
}
# Arega et al., section 2.3: several factors were tried and 3 alone is named; these are ours
SWEEPS: Mapping[str, tuple[str, Mapping[str, Mapping[str, Any]]]] = {"uncertainty-alpha": ("uncertainty-unet", _ALPHAS)}
NO_ROI: Mapping[str, Any] = {"locate": None}
SHORT = {"uncertainty": "uncertainty-unet", "mnet": "attention-mnet"}


def ablation_entries(name: str, recipe: RecipeName) -> tuple[Entry, ...]:
    """The rows of a method's ablation, or of a sweep of one of its settings. Raises UnknownName with the known ones."""
    if name in SWEEPS:
        swept, rows = SWEEPS[name]
        return tuple(Entry(label, swept, recipe, changes) for label, changes in rows.items())
    method = SHORT.get(name, name)
    if method == _FOANET:
        from shortaxis.methods.foanet import TABLE_I  # here: it needs torch

        return tuple(Entry(label, method, recipe, changes) for label, changes in TABLE_I.items())
    if method not in ABLATIONS:
        known = ", ".join([*ABLATIONS, _FOANET, *SWEEPS])
        raise UnknownName(f"an ablation of {known}", repr(name), "correct --ablation")
    return tuple(Entry(label, method, recipe, changes) for label, changes in ABLATIONS[method].items())


def with_and_without_roi(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Each entry, followed by itself without its ROI stage where its method can do without: HALSR-Net's figures 7, 9, 11.

    Entries that have no ROI stage, or were trained elsewhere, stand alone. Raises UnknownName for an unknown method.
    """
    return tuple(one for entry in entries for one in (entry, *_without_roi(entry)))


def _without_roi(entry: Entry) -> tuple[Entry, ...]:
    from shortaxis.methods import method_named  # here: it needs torch

    if entry.trained_elsewhere:
        return ()
    method = method_named(entry.method)
    if getattr(method.recipes[entry.recipe].overlaid(entry.changes), "locate", None) is None:
        return ()
    changes = {**entry.changes, **NO_ROI}
    try:
        method.stages(method.recipes[entry.recipe].overlaid(changes))
    except BadConfiguration:  # it cannot do without, as a network whose window is the box
        return ()
    return (replace(entry, label=f"{entry.label.removesuffix(WITH_ROI)}{WITHOUT_ROI}", changes=changes),)
