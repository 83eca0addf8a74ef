"""What a model file's manifest may say: every part of the kind it must be, and a seal over all of the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NoReturn

from shortaxis.core.labels import LabelScheme, Structure

PARTS = frozenset({"format", "method", "recipe_name", "recipe", "scheme", "card", "sha256"})
SEAL = "sha256"
_CARD_TEXTS = ("trained_on", "licence", "citation", "experimental")
_CARD_SHARES = ("low_heart_probability",)
_CARD_CHOICES: Mapping[str, tuple[str, ...]] = {"modality": ("cine", "lge"), "species": ("human", "mouse")}


def parse(header: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors' entries of a safetensors header, and the manifest in it. Raises what a header that is none brings."""
    entries = json.loads(header, parse_constant=_refuse_constant)
    text = entries.pop("__metadata__")["shortaxis"]
    return entries, json.loads(text, parse_constant=_refuse_constant)


def seal_of(data: bytes) -> str:
    """The hash of a whole model file but for its own seal. A file changed anywhere has another."""
    size = int.from_bytes(data[:8], "little")
    entries, manifest = parse(data[8 : 8 + size])
    said = [entries, {key: value for key, value in manifest.items() if key != SEAL}]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update(memoryview(data)[8 + size :])
    return digest.hexdigest()


def check(manifest: Mapping[str, Any]) -> None:
    """Raises ValueError where a part is unknown or of another kind; KeyError where one is missing."""
    if strangers := sorted(set(manifest) - PARTS):
        raise ValueError(f"unknown in the manifest: {', '.join(strangers[:5])}")
    for key in ("method", "recipe_name"):
        _be(isinstance(manifest[key], str), key)
    for key in ("recipe", "scheme", "card"):
        _be(isinstance(manifest[key], dict), key)
    card = manifest["card"]
    for key in _CARD_TEXTS:
        _be(isinstance(card.get(key, ""), str), f"card.{key}")
    for key in _CARD_SHARES:
        _be(_is_share(card.get(key, 0.0)), f"card.{key}")
    for key, choices in _CARD_CHOICES.items():
        _be(card.get(key, choices[0]) in choices, f"card.{key}")
    hashes = card.get("training_cases_sha256", [])
    _be(isinstance(hashes, list) and all(isinstance(held, str) for held in hashes), "card.training_cases_sha256")


def scheme_of(stated: Mapping[str, Any]) -> LabelScheme:
    """The label scheme of a manifest. Raises ValueError, KeyError, TypeError or AttributeError where it is none."""
    codes = {int(code): Structure(name) for code, name in stated["codes"].items()}
    parts = stated.get("unions", {})  # of models made before unions were kept there are none
    unions = {Structure(whole): tuple(Structure(part) for part in named) for whole, named in parts.items()}
    _be(isinstance(stated["name"], str), "scheme.name")
    _be(bool(codes) and all(0 < code < 256 for code in codes), "scheme.codes")
    _be(len(set(codes.values())) == len(codes) == len(stated["codes"]), "scheme.codes")
    _be(all(set(named) <= set(codes.values()) and named for named in unions.values()), "scheme.unions")
    return LabelScheme(stated["name"], codes, unions)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _be(is_so: bool, part: str) -> None:
    if not is_so:
        raise ValueError(f"{part} is not of its kind")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} in JSON")
