"""The ablations of the papers as entries: what each takes away, in the keys of its recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shortaxis.core.errors import UnknownName
from shortaxis.core.method import RecipeName
from shortaxis.experiments.plan import Entry

_FOANET = "foanet"
ABLATIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "attention-mnet": {  # Huang et al., table I: "w/o distance loss"
        "M-net": {},
        "M-net without distance loss": {"segment": {"distance_weight": 0.0}},
    },
    "uncertainty-unet": {  # Arega et al., section 3: the baseline and the proposed loss
        "alpha 0 (baseline)": {"segment": {"alpha": 0.0}},
        "alpha 3 (proposed)": {"segment": {"alpha": 3.0}},
    },
    "halsrnet": {  # Fakhfakh et al., section 4.5: "HALSR-Net without ROI"
        "HALSR-Net with ROI": {},
        "HALSR-Net without ROI": {"locate": None},
    },
    "dadu": {  # Mukisa and Bansal, section 4: its parts, one taken away at a time
        "DADU": {},
        "DADU without attention": {"segment": {"attention": "none"}},
        "DADU without edges": {"segment": {"edges": "none"}},
        "DADU without supervision": {"segment": {"supervision": "none"}},
    },
}
SHORT = {"uncertainty": "uncertainty-unet", "mnet": "attention-mnet"}


def ablation_entries(name: str, recipe: RecipeName) -> tuple[Entry, ...]:
    """The rows of a method's ablation. Raises UnknownName with the known ones."""
    method = SHORT.get(name, name)
    if method == _FOANET:
        from shortaxis.methods.foanet import TABLE_I  # here: it needs torch

        return tuple(Entry(label, method, recipe, changes) for label, changes in TABLE_I.items())
    if method not in ABLATIONS:
        known = ", ".join([*ABLATIONS, _FOANET])
        raise UnknownName(f"an ablation of {known}", repr(name), "correct --ablation")
    return tuple(Entry(label, method, recipe, changes) for label, changes in ABLATIONS[method].items())
