"""Recipes: frozen settings, a TOML overlay, and a refusal of keys nobody knows.

A recipe is one pydantic model per method; its parts are models too. `docs` and `methods` name the source of each
default beside it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from shortaxis.core.errors import BadConfiguration, MissingFile


class Settings(BaseModel):
    """Base of every group of settings: frozen, strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def none_in_words(value: Any) -> Any:
    """None for the word `none`: TOML has no null. For fields of `Settings` that may be None, as a `BeforeValidator`."""
    return None if value == "none" else value


class FitRecipe(Settings):
    """How one stage is trained. Budgets are in optimiser steps, never in minutes."""

    steps: int
    batch: int
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    nesterov: bool = False
    schedule: Literal["constant", "cosine", "plateau", "polynomial"] = "constant"
    warmup_steps: int = 0
    plateau_patience: int = 8  # validations without improvement before the rate falls
    plateau_factor: float = 0.5
    plateau_min_delta: float = 1e-4
    polynomial_power: float = 0.9
    validate_every: int = 100  # steps
    patience: int | None = None  # validations without improvement before stopping early; None: run to the end
    keep: Literal["best", "last"] = "best"  # which state is the result
    average_decay: float | None = None  # exponential moving average of the weights, which is then what is validated
    clip_norm: float | None = None
    seed: int = 0


class Recipe(Settings):
    """A method's whole recipe; methods subclass it with their own parts (a locator, a segmenter)."""

    def overlaid(self, changes: Mapping[str, Any], source: Path | None = None) -> Self:
        """This recipe with nested `changes`. Raises BadConfiguration naming the nearest known key."""
        merged = _merge(self.model_dump(), changes, (), source)
        try:
            return type(self).model_validate(merged)
        except ValidationError as problem:
            first = problem.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise BadConfiguration(
                f"{key}: {first['msg']}", repr(first.get("input")), "correct the value in the configuration", source
            ) from problem


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as nested dictionaries. Raises MissingFile or BadConfiguration."""
    if not path.is_file():
        raise MissingFile("a TOML configuration file", "nothing at that path", "check the path", path)
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadConfiguration("valid TOML in UTF-8", str(problem), "correct the file", path) from problem


def _merge(base: Any, changes: Any, above: tuple[str, ...], source: Path | None) -> Any:
    if not (isinstance(base, dict) and isinstance(changes, Mapping)):
        return changes
    merged = dict(base)
    for key, value in changes.items():
        if key not in base:
            near = difflib.get_close_matches(key, base, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(base)}"
            raise BadConfiguration("only known settings", ".".join((*above, key)), hint, source)
        merged[key] = _merge(base[key], value, (*above, key), source)
    return merged
