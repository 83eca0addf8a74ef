"""A trained model in one file: safetensors with a JSON manifest in its header. Nothing in it can run.

Tensors are named `member/stage/parameter`. The manifest names the method, the resolved recipe, the label scheme and the
card; the hash covers every byte of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from shortaxis.core.errors import BadWeights, MissingFile, Unreadable
from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.files.writer import write_bytes

if TYPE_CHECKING:
    from torch import Tensor

Member = Mapping[str, Mapping[str, "Tensor"]]  # stage name -> weights
FORMAT = 1
HEADER_LIMIT_BYTES = 4 * 2**20  # a manifest with a card takes some tens of kilobytes


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
    data = save(tensors, metadata={"shortaxis": json.dumps(manifest, allow_nan=False)})
    write_bytes(path, data)
    return hashlib.sha256(data).hexdigest()


def load_bundle(path: Path) -> Bundle:
    """Read a bundle; weights come back as float32.

    Raises:
        MissingFile: nothing at `path`.
        Unreadable: a file this user may not read.
        BadWeights: not a safetensors file, an oversized header, or a manifest that is not ours.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    if not path.is_file():
        raise MissingFile("a model file (.safetensors)", "no file at that path", "check the path", path)
    try:
        with path.open("rb") as stream:
            header = _header(stream, path.stat().st_size, path)
            manifest = _manifest(header[8:], path)  # before the rest is read: another program's file may be huge
            data = header + stream.read()
    except OSError as problem:
        raise Unreadable("a file this user may read", str(problem.strerror), "check its permissions", path) from problem
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as problem:
        raise BadWeights("a whole safetensors file", str(problem), "fetch or train the model again", path) from problem
    try:
        return _rebuild(manifest, tensors, hashlib.sha256(data).hexdigest())
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise BadWeights(
            "a complete manifest and weights named member/stage/parameter", repr(problem),
            "choose a model made by `shortaxis train`", path,
        ) from problem  # fmt: skip


def _rebuild(manifest: Mapping[str, Any], tensors: Mapping[str, Tensor], sha256: str) -> Bundle:
    """The bundle; any of the caller's four exceptions where a part is missing or of another kind."""
    members: dict[int, dict[str, dict[str, Tensor]]] = {}
    for key, tensor in tensors.items():
        number, stage, name = key.split("/", 2)
        value = tensor.float() if tensor.is_floating_point() else tensor
        members.setdefault(int(number), {}).setdefault(stage, {})[name] = value
    if not members:
        raise ValueError("no weights at all")
    codes = {int(code): Structure(name) for code, name in manifest["scheme"]["codes"].items()}
    parts = manifest["scheme"].get("unions", {})  # of models made before unions were kept there are none
    unions = {Structure(whole): tuple(Structure(part) for part in named) for whole, named in parts.items()}
    return Bundle(
        manifest["method"],
        manifest["recipe_name"],
        dict(manifest["recipe"]),
        LabelScheme(manifest["scheme"]["name"], codes, unions),
        [members[number] for number in sorted(members)],
        dict(manifest["card"]),
        sha256,
    )


def _header(stream: BinaryIO, file_bytes: int, path: Path) -> bytes:
    """A safetensors file's first eight bytes and the header whose length they state, which is checked first."""
    start = stream.read(8)
    size = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= size <= min(HEADER_LIMIT_BYTES, file_bytes - 8):
        raise BadWeights("a safetensors header of sane size", f"{size} bytes", "choose a shortaxis model file", path)
    return start + stream.read(size)


def _manifest(text: bytes, path: Path) -> dict[str, Any]:
    """The JSON manifest out of the header, before anything else is believed."""
    try:
        header = json.loads(text)
        manifest = json.loads(header["__metadata__"]["shortaxis"])
        known = manifest["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise BadWeights(
            "a shortaxis manifest in the header",
            "none that can be read",
            "choose a model made by `shortaxis train`",
            path,
        ) from problem
    if known != FORMAT:
        raise BadWeights(f"format {FORMAT}", f"format {known}", "use the version of shortaxis that made it", path)
    return manifest
