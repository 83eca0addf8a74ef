"""What is compared with what: entries, folds, one budget for all, and where the patients are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shortaxis.core.compute import Precision
from shortaxis.core.errors import BadConfiguration, UnknownName
from shortaxis.core.method import RecipeName
from shortaxis.core.recipe import Recipe, Settings, read_toml
from shortaxis.core.study import Species
from shortaxis.files.names import slug

WhichFolds = int | Literal["all"]
DEFAULT_STEPS, DEFAULT_SLICES = 1500, 12


@dataclass(frozen=True)
class Entry:
    """One row of the tables.

    Attributes:
        label: how the tables call it.
        method: a name from `shortaxis methods`; empty where `models` say it.
        recipe: the recipe it starts from.
        changes: nested settings laid over the recipe; the budget is laid over these.
        models: files trained elsewhere on the same split, which then stand in the table instead of being trained.
        nnunet: folder of `shortaxis nnunet` and nnU-Net's configuration, whose masks stand in the table.
    """

    label: str
    method: str = ""
    recipe: RecipeName = "tuned"
    changes: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[Path, ...] = ()
    nnunet: tuple[Path, Literal["2d", "3d_fullres"]] | None = None

    @property
    def trained_elsewhere(self) -> bool:
        """Whether nothing of it is trained here."""
        return bool(self.models) or self.nnunet is not None

    @property
    def folder(self) -> str:
        """The entry's folder name."""
        return slug(self.label)


@dataclass(frozen=True)
class Budget:
    """What every entry may spend: optimiser steps, and slices a step (a 3D method takes blocks of as many together).

    Attributes:
        locator_steps: at most so many steps for each stage before the last; None: at most `steps`.
    """

    steps: int = DEFAULT_STEPS
    slices: int = DEFAULT_SLICES
    locator_steps: int | None = None


@dataclass(frozen=True)
class Plan:
    """A whole comparison.

    Attributes:
        data, dataset: the patients; `dataset` "phantom" makes them.
        which: the folds to run.
        split: file of folds, or the name of one that comes along; None: `folds` of them, made by patient.
        reference: label of the entry that the others are tested against; None: "unet", else the first.
        tests: other data sets as (layout, folder), each entry is evaluated on too.
        by_epoch: the held-out patients are also scored at so many equal parts of the training; 0: at its end alone.
        mc_samples: Monte-Carlo samples for methods that draw them; None: one plain pass.
        published: papers' tables, as (paper, table), whose figures stand in the page beside the entries.
        checked_in_training: so many training patients are segmented too, for the accuracy on them.
    """

    entries: tuple[Entry, ...]
    data: Path
    dataset: str
    out: Path
    which: WhichFolds = 0
    folds: int = 5
    split: str | None = None
    budget: Budget = Budget()
    label_scheme: str | None = None
    species: Species | None = None
    reference: str | None = None
    tests: tuple[tuple[str, Path], ...] = ()
    by_epoch: int = 0
    mc_samples: int | None = None
    published: tuple[tuple[str, str], ...] = ()
    checked_in_training: int = 5
    device: str = "auto"
    precision: Precision = "auto"
    workers: int = 1

    def __post_init__(self) -> None:
        labels = [entry.label for entry in self.entries]
        if not labels:
            raise BadConfiguration("at least one method or model to compare", "none", "name a method, or give --model")
        folders = [entry.folder for entry in self.entries]
        twice = sorted({name for name in folders if folders.count(name) > 1})
        if twice:
            raise BadConfiguration(
                "entries with names of their own", f"{', '.join(twice)} more than once", "give each [[entry]] a label"
            )
        if self.reference is not None and self.reference not in labels:
            raise UnknownName(f"one of {', '.join(labels)}", repr(self.reference), "correct --reference")

    @property
    def reference_label(self) -> str:
        """The entry that the others are tested against."""
        labels = [entry.label for entry in self.entries]
        return self.reference or ("unet" if "unet" in labels else labels[0])


class EntryTable(Settings):
    """An `[[entry]]` of the file: a method with changes to its recipe, or models that exist already."""

    label: str | None = None
    method: str | None = None
    recipe: RecipeName | None = None
    changes: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    model: str | list[str] = []  # noqa: RUF012


class PlanFile(Recipe):
    """What a TOML file may say of a comparison; the command line's word is stronger."""

    steps: int = DEFAULT_STEPS
    slices: int = DEFAULT_SLICES
    locator_steps: int | None = None
    fold: int | Literal["all"] = 0
    folds: int = 5
    split: str | None = None
    reference: str | None = None
    entry: list[EntryTable] = []  # noqa: RUF012


def read_plan_file(path: Path, recipe: RecipeName) -> tuple[PlanFile, tuple[Entry, ...]]:
    """A TOML file's settings and its `[[entry]]` tables. Raises BadConfiguration naming what is unknown."""
    read = PlanFile().overlaid(read_toml(path), path)
    return read, tuple(_entry(table, recipe, path) for table in read.entry)


def _entry(table: EntryTable, recipe: RecipeName, path: Path) -> Entry:
    models = [table.model] if isinstance(table.model, str) else table.model
    files = tuple(path.parent / name for name in models)
    method = table.method or ""
    if bool(method) == bool(files):
        found = f"{method or 'no method'} and {len(files)} models"
        raise BadConfiguration("either a method or a model in each [[entry]]", found, "give one", path)
    return Entry(table.label or method or files[0].stem, method, table.recipe or recipe, table.changes, files)


def entries_of(methods: Sequence[str], models: Sequence[str], recipe: RecipeName) -> tuple[Entry, ...]:
    """Entries of the command line: methods by name, and `LABEL=FILE` of models; a label's files make one entry.

    Raises BadConfiguration for a model without a label.
    """
    files: dict[str, list[Path]] = {}
    for given in models:
        label, equals, name = given.partition("=")
        if not (equals and label and name):
            raise BadConfiguration("--model LABEL=FILE", repr(given), "say how the tables shall call it")
        files.setdefault(label, []).append(Path(name))
    trained = tuple(Entry(label, models=tuple(paths)) for label, paths in files.items())
    return tuple(Entry(name, name, recipe) for name in methods) + trained


def other_sets_of(given: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    """`DATASET=DIR` of other data sets. Raises BadConfiguration for one of another form."""
    pairs = []
    for text in given:
        dataset, equals, folder = text.partition("=")
        if not (equals and dataset and folder):
            raise BadConfiguration("--test DATASET=DIR", repr(text), "such as --test sunnybrook=sunnybrook/")
        pairs.append((dataset, Path(folder)))
    return tuple(pairs)
