"""A trained model in one file: safetensors with a JSON manifest in its header. Nothing in it can run.

Tensors are named `member/stage/parameter`. The manifest names the method, the resolved recipe, the label scheme and the
card. A seal in the manifest covers the rest of it and all weights; `sha256` is of every byte of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shortaxis.core.errors import BadWeights
from shortaxis.core.labels import LabelScheme
from shortaxis.files.bundle_manifest import SEAL, check, parse, scheme_of, seal_of
from shortaxis.files.tensors import read_safetensors
from shortaxis.files.writer import write_bytes

if TYPE_CHECKING:
    from torch import Tensor

Member = Mapping[str, Mapping[str, "Tensor"]]  # stage name -> weights
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Bundle:
    """A trained method.

    Attributes:
        method: the method's name in the registry.
        recipe_name: `paper` or `tuned`.
        recipe: the resolved recipe as nested dictionaries.
        scheme: the structures it finds and their numbers.
        members: one set of weights per fold.
        card: what it was trained on, how well it does, its licence.
        sha256: of the file; empty before it is written.
    """

    method: str
    recipe_name: str
    recipe: Mapping[str, Any]
    scheme: LabelScheme
    members: Sequence[Member]
    card: Mapping[str, Any]
    sha256: str = ""


def save_bundle(path: Path, bundle: Bundle) -> str:
    """Write a bundle in float16 (float32 where a number is too large for it) and return its sha256. Raises WriteFailed."""
    import torch
    from safetensors.torch import save

    def stored(value: Tensor) -> Tensor:
        half = value.to(torch.float16) if value.is_floating_point() else value
        fits = bool(torch.isfinite(half).all()) or not bool(torch.isfinite(value).all())
        return (half if fits else value.float()).contiguous().cpu()  # beyond 65504: kept in float32

    tensors = {
        f"{number}/{stage}/{name}": stored(value)
        for number, member in enumerate(bundle.members)
        for stage, weights in member.items()
        for name, value in weights.items()
    }
    manifest = {
        "format": FORMAT,
        "method": bundle.method,
        "recipe_name": bundle.recipe_name,
        "recipe": bundle.recipe,
        "scheme": {
            "name": bundle.scheme.name,
            "codes": {str(code): str(structure) for code, structure in bundle.scheme.codes.items()},
            "unions": {str(whole): [str(part) for part in parts] for whole, parts in bundle.scheme.unions.items()},
        },
        "card": bundle.card,
    }
    unsealed = save(tensors, metadata={"shortaxis": json.dumps(manifest, allow_nan=False)})
    sealed = {**manifest, SEAL: seal_of(unsealed)}
    data = save(tensors, metadata={"shortaxis": json.dumps(sealed, allow_nan=False)})
    write_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def load_bundle(path: Path) -> Bundle:
    """Read a bundle; weights come back as float32.

    Raises:
        BadWeights: a manifest that is not ours, a seal that does not fit, or weights that are not finite.
        MissingFile, Unreadable, TooLarge, BadWeights: as `read_safetensors`.
    """
    data, tensors = read_safetensors(path, lambda header: _manifest(header, path))
    manifest = _manifest(data[8 : 8 + int.from_bytes(data[:8], "little")], path)
    try:
        check(manifest)
        bundle = _rebuild(manifest, tensors, hashlib.sha256(data).hexdigest())
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise BadWeights(
            "a complete manifest and finite weights named member/stage/parameter", repr(problem)[:200],
            "choose a model made by `shortaxis train`", path,
        ) from problem  # fmt: skip
    if SEAL in manifest and manifest[SEAL] != seal_of(data):  # models made before there were seals have none
        raise BadWeights("the content its seal was made for", "other content", "fetch or train the model again", path)
    return bundle


def _rebuild(manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], sha256: str) -> Bundle:
    """The bundle; any of the caller's four exceptions where a part is missing or of another kind."""
    members: dict[int, dict[str, dict[str, Tensor]]] = {}
    for key, tensor in tensors.items():
        number, stage, name = key.split("/", 2)
        value = tensor.float() if tensor.is_floating_point() else tensor
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ValueError(f"{key} holds NaN or infinity")
        members.setdefault(int(number), {}).setdefault(stage, {})[name] = value
    if not members:
        raise ValueError("no weights at all")
    return Bundle(
        manifest["method"],
        manifest["recipe_name"],
        dict(manifest["recipe"]),
        scheme_of(manifest["scheme"]),
        [members[number] for number in range(len(members))],
        dict(manifest["card"]),
        sha256,
    )


def _manifest(text: bytes, path: Path) -> dict[str, Any]:
    """The JSON manifest out of the header, before anything else is believed."""
    try:
        _, manifest = parse(text)
        known = manifest["format"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise BadWeights(
            "a shortaxis manifest in the header",
            "none that can be read",
            "choose a model made by `shortaxis train`",
            path,
        ) from problem
    if known != FORMAT:
        raise BadWeights(f"format {FORMAT}", f"format {known}"[:80], "use the version of shortaxis that made it", path)
    return manifest
