"""Provenance: what made a result, so that it can be made again. No paths, no names of patients, no date by itself."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

from pydantic import BaseModel

from shortaxis.core.errors import MissingFile
from shortaxis.report.page import plain

RESEARCH_USE = "Research use only. Not for diagnosis."
_PACKAGES = ("numpy", "torch", "scipy", "opencv-python-headless", "nibabel", "pydicom")
_CARD_SUMMARY = (
    "title",
    "licence",
    "license",
    "scheme",
    "trained_on",
    "n_training_cases",
    "version",
    "intended_use",
    "experimental",
)


@dataclass(frozen=True)
class ModelIdentity:
    """Which model made the labels.

    Attributes:
        name: as on the command line.
        weights_sha256: hash of each member's weights by the member's name.
        card: the model's card; the manifest keeps its summary.
    """

    name: str
    weights_sha256: Mapping[str, str]
    card: Mapping[str, Any] = field(default_factory=dict)


def build_manifest(
    input_sha256: str,
    model: ModelIdentity | None,
    recipe: BaseModel | Mapping[str, Any] | None,
    options: Mapping[str, Any],
    outputs: Sequence[Path],
    folder: Path,
) -> dict[str, Any]:
    """The provenance of one case as plain JSON values.

    Args:
        input_sha256: of the input's bytes (`Study.sha256`).
        model: None where the labels were read, not predicted.
        recipe: the resolved recipe.
        options: what was asked for; anything that is a path is left out.
        outputs: files written, all inside `folder`.
        folder: outputs are named relative to it.

    Raises:
        MissingFile: an output is not there.
    """
    return {
        "statement": RESEARCH_USE,
        "program": {"name": "shortaxis", "version": _installed("shortaxis")},
        "model": None if model is None else _described(model),
        "recipe": plain(recipe.model_dump() if isinstance(recipe, BaseModel) else recipe),
        "input_sha256": input_sha256 or None,
        "options": plain(dict(_without_paths(options))),
        "outputs": {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(outputs)},
        "software": {"python": platform.python_version(), **{name: _installed(name) for name in _PACKAGES}},
    }


def file_sha256(path: Path) -> str:
    """A file's SHA-256 in hexadecimal. Raises MissingFile."""
    if not path.is_file():
        raise MissingFile("an output file", "nothing at that path", "build the manifest after the outputs", path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _described(model: ModelIdentity) -> dict[str, Any]:
    summary = {key: plain(model.card[key]) for key in _CARD_SUMMARY if key in model.card}
    return {"name": model.name, "weights_sha256": dict(model.weights_sha256), "card": summary}


def _without_paths(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Options without values that are, or hold, a path: where files lie may name a patient or a person."""
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield key, dict(_without_paths(value))
        elif isinstance(value, (list, tuple)):
            if not any(_is_path(item) for item in value):
                yield key, list(value)
        elif not _is_path(value):
            yield key, value


def _is_path(value: Any) -> bool:
    if isinstance(value, PurePath):
        return True
    return isinstance(value, str) and (value.startswith(("/", "~", "./", "../")) or PureWindowsPath(value).drive != "")


def _installed(package: str) -> str | None:
    """A package's version, asked without importing it; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
