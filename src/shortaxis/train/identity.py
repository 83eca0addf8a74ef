"""What a trained stage is made of, its cases aside: two stages of which this is equal train to the same weights."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch
from torch import nn

from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage


def stage_identity(stage: Stage, scheme: LabelScheme) -> dict[str, Any]:
    """Kind, name, settings, structures and network as JSON, so that a run is gone on with only by what began it.

    The network itself is asked, because two methods may share a kind of stage and every setting, and differ in it alone.
    """
    settings = {"config": getattr(stage, "config", None), "fit": stage.fit}
    return {
        "kind": f"{type(stage).__module__}.{type(stage).__qualname__}",
        "stage": stage.name,
        "settings": {
            key: None if held is None else json.loads(held.model_dump_json()) for key, held in settings.items()
        },
        "scheme": {str(code): str(structure) for code, structure in scheme.codes.items()},
        "network": _architecture(stage, scheme),
    }


def _architecture(stage: Stage, scheme: LabelScheme) -> str:
    """SHA-256 of the untrained network's layers, their kinds and the shapes of all that it keeps."""
    with torch.random.fork_rng(devices=[]):  # building draws weights; the caller's random numbers stay as they are
        net: nn.Module = stage.build(scheme)
    layers = [(name, f"{type(layer).__module__}.{type(layer).__qualname__}") for name, layer in net.named_modules()]
    kept = [(name, list(tensor.shape)) for name, tensor in net.state_dict().items()]
    return hashlib.sha256(json.dumps([layers, kept]).encode()).hexdigest()
