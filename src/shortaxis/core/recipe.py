"""Recipes: frozen settings, a TOML overlay, and a refusal of keys nobody knows.

A recipe is one pydantic model per method; its parts are models too. `docs` and `methods` name the source of each
default beside it.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from shortaxis.core.errors import BadConfiguration, MissingFile, TooLarge, Unreadable

TOML_LIMIT_BYTES = 2**20  # a recipe takes a few kilobytes
SHOWN_LENGTH = 200  # of a value that is refused
_CHECKED_KIND = re.compile(r"function-\w+\[\w+\(\), (\w+)\]")  # pydantic's word for one of several kinds, validated
_OF_ANOTHER_KIND = ("literal_error", "extra_forbidden", "model_type", "none_required")

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, or a chance; for fields of `Settings`."""

Decay = Annotated[float, Field(ge=0, lt=1)]
"""How much of a running mean stays at each step; for fields of `Settings`."""


def _with_a_middle(side: int) -> int:
    if side % 2 == 0:
        raise ValueError("a kernel's side must be odd")
    return side


KernelSide = Annotated[int, Field(ge=1), AfterValidator(_with_a_middle)]
"""The side of a convolution's kernel that keeps the size of its map; for fields of `Settings`."""


class Settings(BaseModel):
    """Base of every group of settings: frozen, strict about names, without NaN and infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def none_in_words(value: Any) -> Any:
    """None for the word `none`: TOML has no null. For fields of `Settings` that may be None, as a `BeforeValidator`."""
    return None if value == "none" else value


class FitRecipe(Settings):
    """How one stage is trained. Budgets are in optimiser steps, never in minutes."""

    steps: int = Field(ge=0)
    batch: int = Field(ge=1)
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: NonNegativeFloat = 1e-3
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    epsilon: NonNegativeFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0
    momentum: NonNegativeFloat = 0.0
    nesterov: bool = False
    schedule: Literal["constant", "cosine", "plateau", "polynomial"] = "constant"
    warmup_steps: NonNegativeInt = 0
    plateau_patience: NonNegativeInt = 8  # validations without improvement before the rate falls
    plateau_factor: Share = 0.5
    plateau_min_delta: NonNegativeFloat = 1e-4
    polynomial_power: NonNegativeFloat = 0.9
    validate_every: int = Field(default=100, ge=1)  # steps
    patience: NonNegativeInt | None = None  # validations without improvement before stopping; None: run to the end
    keep: Literal["best", "last"] = "best"  # which state is the result
    average_decay: Decay | None = None  # exponential moving average of the weights, which is then what is validated
    clip_norm: PositiveFloat | None = None
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _has_a_momentum_for_nesterovs(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov wants a momentum above 0")
        return self


class Recipe(Settings):
    """A method's whole recipe; methods subclass it with their own parts (a locator, a segmenter)."""

    def overlaid(self, changes: Mapping[str, Any], source: Path | None = None) -> Self:
        """This recipe with nested `changes`: mappings, lists, numbers and text, as TOML and JSON have them.

        Raises BadConfiguration naming the nearest known key, or the key whose value is of another kind. Nothing is
        converted: `"3"` is no number and `true` is none either.
        """
        merged = _merge(self.model_dump(), changes, (), source)
        try:
            return type(self).model_validate_json(json.dumps(merged), strict=True)
        except ValidationError as problem:
            raise _refusal(_most_telling(problem.errors()), type(self), source) from problem
        except (TypeError, ValueError, RecursionError) as problem:  # a date, a set, nesting without end
            expected = "numbers, text, lists and tables alone"
            raise BadConfiguration(expected, _shown(problem), "correct the configuration", source) from problem


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as nested dictionaries. Raises MissingFile, Unreadable, TooLarge or BadConfiguration."""
    try:
        if not path.is_file():
            raise MissingFile("a TOML configuration file", "nothing at that path", "check the path", path)
        size = path.stat().st_size
        if size > TOML_LIMIT_BYTES:
            limit = f"a configuration of at most {TOML_LIMIT_BYTES} bytes"
            raise TooLarge(limit, f"{size} bytes", "check that this is the right file", path)
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as problem:
        raise Unreadable("a file this user may read", str(problem.strerror), "check its permissions", path) from problem
    except (ValueError, RecursionError) as problem:  # TOMLDecodeError, no UTF-8, or a number of thousands of digits
        raise BadConfiguration("valid TOML in UTF-8", _shown(problem), "correct the file", path) from problem


def _most_telling(errors: Sequence[ErrorDetails]) -> ErrorDetails:
    """The first error that is of the kind meant: where settings may be of several kinds, the others complain too."""
    order = (None, *_OF_ANOTHER_KIND)
    return min(errors, key=lambda error: order.index(error["type"] if error["type"] in order else None))


def _refusal(first: ErrorDetails, kind: type[BaseModel], source: Path | None) -> BadConfiguration:
    key = ".".join(_CHECKED_KIND.sub(r"\1", str(part)) for part in first["loc"])
    way_out = "correct the value in the configuration"
    if first["type"] == "extra_forbidden":
        way_out = _hint(str(first["loc"][-1]), list(_names_beside(kind, first["loc"])))
    return BadConfiguration(f"{key}: {first['msg']}", _shown(first.get("input")), way_out, source)


def _names_beside(kind: type[BaseModel], place: tuple[int | str, ...]) -> Iterator[str]:
    """The settings known where the last part of `place` stands, of every kind that its part of the recipe may be."""
    kinds = [kind]
    for part in place[:-1]:
        inner = [
            own for k in kinds if part in k.model_fields for own in _models_in(k.model_fields[str(part)].annotation)
        ]
        kinds = inner or kinds  # a union's own tag stands in the place too
    for known in kinds:
        yield from known.model_fields


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _hint(key: str, known: Iterable[str]) -> str:
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(key, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"


def _shown(value: object) -> str:
    """A value in the terminal: one line, of sane length, without control characters."""
    text = str(value) if isinstance(value, Exception) else repr(value)
    line = "".join(letter if letter.isprintable() else "?" for letter in text)
    return line if len(line) <= SHOWN_LENGTH else f"{line[:SHOWN_LENGTH]}..."


def _merge(base: Any, changes: Any, above: tuple[str, ...], source: Path | None) -> Any:
    if not (isinstance(base, dict) and isinstance(changes, Mapping)):
        return changes
    merged = dict(base)
    for key, value in changes.items():
        if key not in base:
            place = ".".join((*above, str(key)))
            raise BadConfiguration(
                "only known settings", _shown(place)[1:-1] or "a setting without a name", _hint(str(key), base), source
            )
        merged[key] = _merge(base[key], value, (*above, key), source)
    return merged
