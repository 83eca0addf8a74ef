"""A comparison of a minute: phantoms, tiny networks, a few steps. It shows that the machinery works and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shortaxis.experiments.compare.plan import Budget, Plan

METHODS = ("unet", "halsrnet")
BUDGET = Budget(steps=40, slices=8, locator_steps=60)
FAST = {"learning_rate": 1e-2, "average_decay": 0.9}  # so that something is learned in seconds
NOTE = "Phantoms, tiny networks, a few steps: a smoke test of the program, never evidence about a method."

_LOCATE = {
    "input_size": 32, "widths": [4, 4, 8, 8], "dense_width": 8, "reduce_widths": [8, 8, 8], "global_width": 8,
    "head_widths": [8, 8],
}  # fmt: skip
_CROP = {"size_px": 32, "pixel_mm": 4.0, "room_px": 4}
_BLOCK = {"plane": _CROP, "depth": 6}
SMALL: Mapping[str, Mapping[str, Any]] = {  # of the tuned recipes
    "unet": {"locate": _LOCATE, "segment": {"widths": [4, 8], "crop": _CROP}},
    "halsrnet": {
        "locate": _LOCATE,
        "segment": {"window": _CROP, "widths": [4, 4, 8, 8, 8], "pooling_width": 4, "hapm_width": 4},
    },
    "dadu": {"locate": _LOCATE, "segment": {"window": _CROP, "widths": [4, 6, 8]}},
    "attention-mnet": {
        "locate": _LOCATE,
        "segment": {"window": _BLOCK, "widths": [2, 2, 3, 4], "gate_kernel": [1, 3, 3], "input_width": 2},
    },
    "uncertainty-unet": {
        "locate": _LOCATE,
        "segment": {
            "window": _BLOCK,
            "plan": {"widths": [4, 6], "strides": [[1, 2, 2]], "kernels": [[1, 3, 3], [1, 3, 3]]},
        },
    },
    "foanet": {
        "locate": {
            "net": {"widths": [2, 3, 4, 4, 4], "specialised": [2, 2, 2, 2, 2]}, "window": {"size_px": 32},
        },
        "segment": {
            "net": {"widths": [2, 3, 4, 4, 4], "specialised": [2, 2, 2, 2, 2], "fuse": 4}, "window": {"crop": _CROP},
        },
    },
}  # fmt: skip


def quickened(plan: Plan) -> Plan:
    """The plan on phantoms, with small networks where they are known, two folds and a budget of seconds."""
    small = tuple(
        replace(entry, recipe="tuned", changes=laid_over(_small(entry.method), entry.changes)) for entry in plan.entries
    )
    return replace(
        plan, entries=small, dataset="phantom", split=None, folds=2, budget=BUDGET, checked_in_training=1, workers=0
    )


def _small(method: str) -> Mapping[str, Any]:
    """The small networks of a method we know, trained fast; nothing for any other."""
    return {**SMALL[method], "locate_fit": FAST, "segment_fit": FAST} if method in SMALL else {}


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings, those of `above` stronger; a whole that `above` replaces by no group stays replaced."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            value = laid_over(under, value)
        merged[key] = value
    return merged
