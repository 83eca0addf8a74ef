"""The state of a run on disk: one safetensors file, two generations, never half written."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from shortaxis.core.differences import differences
from shortaxis.core.errors import CannotResume, DamagedFile
from shortaxis.files.replace import remove_leftovers, replace_file

CURRENT, PREVIOUS, DAMAGED = "state.safetensors", "state.previous.safetensors", "state.damaged.safetensors"


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

    Raises WriteFailed; the last state is then where and as it was.
    """
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
    text = json.dumps(facts)
    whole = save(tensors, metadata={"shortaxis_state": text, "sha256": _digest(text, tensors)})
    remove_leftovers(folder / CURRENT)
    replace_file(folder / CURRENT, whole, keep=folder / PREVIOUS)


def load_state(folder: Path, identity: Mapping[str, Any]) -> State | None:
    """The newest whole state in `folder`, or None where there never was one.

    Raises:
        CannotResume: it belongs to another run.
        DamagedFile: states are there and none is whole; to begin anew in silence would lose a run in silence.
    """
    found = [folder / name for name in (CURRENT, PREVIOUS) if (folder / name).is_file()]
    for path in found:
        try:
            facts, tensors = read_state(path)
        except (SafetensorError, KeyError, ValueError, TypeError, OSError):
            continue  # the other generation is whole; TypeError: a file without any metadata
        if path.name == PREVIOUS and found[0] != path:
            _set_aside(found[0])
        _refuse_other_run(path, facts["identity"], identity)
        return _rebuild(facts, tensors)
    if found:
        raise DamagedFile(
            "a whole state to go on from", "none that can be read", "remove it to begin anew, or restore it", found[0]
        )
    return None


def _set_aside(damaged: Path) -> None:
    """Rename a newest state that is not whole: left there, the next save would let it push out the whole one."""
    with contextlib.suppress(FileNotFoundError):  # another process of the group was faster
        damaged.replace(damaged.with_name(DAMAGED))


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """A state file's facts and tensors. Raises ValueError beside safetensors' own where it is not whole."""
    with safe_open(str(path), framework="pt") as file:
        held = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    text = held["shortaxis_state"]
    if held["sha256"] != _digest(text, tensors):
        raise ValueError("the state's hash differs")
    return json.loads(text), tensors


def _digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of a state's facts and tensors: safetensors itself keeps none, and a flipped bit is another network."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        held = tensors[name]
        digest.update(f"\0{name}\0{held.dtype}\0{tuple(held.shape)}\0".encode())
        digest.update(held.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _rebuild(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> State:
    state = State(facts["step"], validation_losses=facts["validation_losses"], best_loss=facts["best_loss"])
    for key, tensor in tensors.items():
        group, _, name = key.partition("/")
        getattr(state, group)[name] = tensor
    return state


def _refuse_other_run(path: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    differing = differences(stored, wanted, inside="settings")
    if differing:
        stage = f"{wanted['stage']}: " if "stage" in wanted else ""
        raise CannotResume(
            "the same recipe, cases and label scheme as when the run began",
            f"{stage}{differing}",
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
