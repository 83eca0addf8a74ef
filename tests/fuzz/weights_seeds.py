"""Model files of ours, plain safetensors, and foreign .pth files."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from safetensors.torch import save

from shortaxis.core.compute import Compute
from shortaxis.core.errors import ShortaxisError
from shortaxis.files.bundle import load_bundle, save_bundle
from shortaxis.files.foreign_weights import convert_weights
from shortaxis.files.tensors import load_tensors
from shortaxis.jobs.models import ready_model
from shortaxis.train.state import CURRENT, State, load_state, save_state
from tests.attacks.weights_attacks import sound
from tests.fuzz.mutate import BINARY, TEXT
from tests.fuzz.seed import Said, Seed, digest
from tests.fuzz.wrapped import header_text, resealed_manifest, resealed_weights

IDENTITY = {"recipe": {"steps": 3}, "scheme": "acdc"}
CPU = Compute("cpu", False)


def weights(folder: Path) -> list[Seed]:
    """A sealed bundle, of which an accepted mutant says the same; a plain file, of which it need not; a run's state."""
    ours, plain = folder / "ours" / "model.safetensors", folder / "plain" / "weights.safetensors"
    save_bundle(ours, sound())
    plain.parent.mkdir()
    content = save({"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.ones(2, dtype=torch.int64)})
    state = folder / "state"
    save_state(state, State(3, {"a": torch.arange(6.0)}, {"0.step": torch.ones(1)}, best_loss=0.5), IDENTITY)
    rewrapped = [*[resealed_manifest] * 6, *map(resealed_weights, BINARY)]
    heads = [header_text(mutator) for mutator in (*TEXT, *BINARY)]
    return [
        Seed(ours, ours.read_bytes(), opened_bundle, [*BINARY, *heads], rewrapped, is_checksummed=True),
        Seed(plain, content, opened_plain, [*BINARY, *heads]),
        Seed(state / CURRENT, (state / CURRENT).read_bytes(), _state, [*BINARY, *heads], is_checksummed=True),
    ]


def pth(folder: Path) -> list[Seed]:
    """PyTorch's two layouts, the zip and the old stream."""
    held = {"state_dict": {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}, "epoch": 3}
    seeds = []
    for kind, is_zip in (("zip", True), ("stream", False)):
        (folder / kind).mkdir(parents=True)
        stream = io.BytesIO()
        torch.save(held, stream, _use_new_zipfile_serialization=is_zip)
        seeds.append(Seed(folder / kind / "net.pth", stream.getvalue(), _converted))
    return seeds


def opened_bundle(path: Path) -> Said:
    """Weights and manifest; and the networks built, unless the method refuses that."""
    bundle = load_bundle(path)
    said = {
        f"{number}/{stage}/{name}": digest(value.numpy())
        for number, member in enumerate(bundle.members)
        for stage, tensors in member.items()
        for name, value in tensors.items()
    }
    try:
        ready_model(path, CPU)
    except ShortaxisError as refusal:
        said["refused"] = refusal.code
    told = (bundle.method, bundle.recipe_name, bundle.recipe, dict(bundle.scheme.codes), bundle.scheme.name)
    return {**said, "manifest": digest((told, bundle.card))}


def opened_plain(path: Path) -> Said:
    """Its tensors."""
    return {name: digest(value.numpy()) for name, value in load_tensors(path).items()}


def _state(path: Path) -> Said:
    """The state of a run, which is found whole or not at all; a damaged one is set aside by the reader."""
    for other in path.parent.iterdir():
        if other != path:
            other.unlink()
    held = load_state(path.parent, IDENTITY)
    return {} if held is None else {"step": str(held.step), "net": digest(held.net["a"].numpy())}


def _converted(path: Path) -> Said:
    return {name: str(shape) for name, shape in convert_weights(path, path.with_name("out.safetensors"), True).items()}
