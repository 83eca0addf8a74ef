"""The state of a run on disk: one safetensors file, two generations, never half written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from shortaxis.core.errors import CannotResume

CURRENT, PREVIOUS = "state.safetensors", "state.previous.safetensors"


@dataclass
class State:
    """Everything a run needs to go on as if nothing had happened. Mutable: it is what training changes.

    Attributes:
        step: optimiser steps done.
        net: the network's weights and buffers.
        optimiser: the optimiser's tensors by `index.name`.
        average: the moving average of `net`, where the recipe keeps one.
        best: the weights of the best validation, where there was one.
        validation_losses: one per validation so far.
        best_loss: the lowest of them.
    """

    step: int = 0
    net: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, Tensor] = field(default_factory=dict)
    validation_losses: list[float] = field(default_factory=list)
    best_loss: float | None = None


_GROUPS = ("net", "optimiser", "average", "best")


def save_state(folder: Path, state: State, identity: Mapping[str, Any]) -> None:
    """Write the state beside the last one, then let it take its place.

    A kill at any moment leaves at least one whole file: the new one is complete and on disk before the old is renamed.
    `identity` (recipe, cases, scheme) must be the same on resuming.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group in _GROUPS
        for name, tensor in getattr(state, group).items()
    }
    facts = {
        "step": state.step,
        "validation_losses": state.validation_losses,
        "best_loss": state.best_loss,
        "identity": identity,
    }
    temporary = folder / (CURRENT + ".part")
    with temporary.open("wb") as file:
        file.write(save(tensors, metadata={"shortaxis_state": json.dumps(facts)}))
        file.flush()
        os.fsync(file.fileno())
    if (folder / CURRENT).exists():
        (folder / CURRENT).replace(folder / PREVIOUS)
    temporary.replace(folder / CURRENT)


def load_state(folder: Path, identity: Mapping[str, Any]) -> State | None:
    """The newest whole state in `folder`, or None. Raises CannotResume where it belongs to another run."""
    for name in (CURRENT, PREVIOUS):
        path = folder / name
        if not path.is_file():
            continue
        try:
            with safe_open(str(path), framework="pt") as file:
                facts = json.loads(file.metadata()["shortaxis_state"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        except (SafetensorError, KeyError, ValueError, TypeError, OSError):
            continue  # the other generation is whole; TypeError: a file without any metadata
        _refuse_other_run(path, facts["identity"], identity)
        return _rebuild(facts, tensors)
    return None


def _rebuild(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> State:
    state = State(facts["step"], validation_losses=facts["validation_losses"], best_loss=facts["best_loss"])
    for key, tensor in tensors.items():
        group, _, name = key.partition("/")
        getattr(state, group)[name] = tensor
    return state


def _refuse_other_run(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    wanted = json.loads(json.dumps(wanted))  # tuples become lists, as they did on the way to disk
    differing = sorted(key for key in {*stored, *wanted} if stored.get(key) != wanted.get(key))
    if differing:
        raise CannotResume(
            "the same recipe, cases and label scheme as when the run began",
            f"other {', '.join(differing)}",
            "repeat the original command, or train into another folder",
            path,
        )


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state as flat tensors."""
    flat: dict[str, Tensor] = {}
    for index, held in optimiser.state_dict()["state"].items():
        for name, value in held.items():
            if value is not None:
                flat[f"{index}.{name}"] = torch.as_tensor(value)
    return flat


def restore_optimiser(optimiser: torch.optim.Optimizer, flat: Mapping[str, Tensor]) -> None:
    """Put flat tensors back into a fresh optimiser of the same parameters."""
    held: dict[int, dict[str, Tensor]] = {}
    for key, tensor in flat.items():
        index, _, name = key.partition(".")
        held.setdefault(int(index), {})[name] = tensor
    optimiser.load_state_dict({"state": held, "param_groups": optimiser.state_dict()["param_groups"]})
