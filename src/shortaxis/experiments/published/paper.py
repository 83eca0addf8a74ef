"""A paper's tables as data: read from `<method>.toml` beside this file, strictly.

A cell is a number, or text where the paper has text. `-` stands where the paper has nothing, `?` where it has a question
mark. Each column says how the paper defines it, which quantity of ours stands beside it, and in what the two differ; an
empty `differs` beside an `ours` claims that they are the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import StrictFloat, StrictInt, StrictStr

from shortaxis.core.errors import UnknownName
from shortaxis.core.recipe import Settings, read_toml

FOLDER = Path(__file__).parent
DATA_SETS = "data_sets"
EMPTY = ("-", "?")
PublishedCell = StrictInt | StrictFloat | StrictStr


class DataSet(Settings):
    """What a table was made on, and who can have it.

    Attributes:
        layout: what `--dataset` calls it; empty where it was never given out.
        access: `public`, `request` (given by its owners) or `private` (nobody outside has it).
    """

    title: str
    layout: str
    access: Literal["public", "request", "private"]
    says: str


class Column(Settings):
    """A column as the paper has it, and what of ours stands beside it.

    Attributes:
        says: the paper's definition, in our words.
        ours: name of a quantity (`reproduce.quantities`); empty where we have none.
        differs: in what the two differ; why there is none, where there is none.
        structures, phases: which rows of scores ours takes; empty takes all.
        scale: ours times this is in the paper's unit.
        data: the data set of this column, where columns have data sets of their own.
        third: the part of the stack it is of, where it is not of the whole.
    """

    name: str
    says: str
    differs: str
    unit: str = ""
    ours: str = ""
    structures: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    statistic: Literal["mean", "median", "sd"] = "mean"
    scale: float = 1.0
    data: str = ""
    third: Literal["", "base", "middle", "apex"] = ""

    @property
    def heading(self) -> str:
        """The name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


class Row(Settings):
    """A row as the paper has it, and which method here it is.

    Attributes:
        method: a name from `shortaxis methods`; empty where nobody can run it here, and `why` says so.
        ablation: label of the method's ablation (`compare --ablation`) that the row is; empty: the whole method.
        changes: settings of the recipe that belong to the row.
        roi: whether the paper has a ROI stage before it; None where it does not say.
        share: of the training after which the row was scored.
        trained_on: the data set of this row, where rows have data sets of their own.
        also: methods of results that are this row too, though we do not run them (`nnunet`: nnU-Net itself).
        differs: in what `method` is not the paper's.
    """

    name: str
    values: tuple[PublishedCell, ...]
    method: str = ""
    why: str = ""
    ablation: str = ""
    changes: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    roi: bool | None = None
    phases: tuple[str, ...] = ()
    share: float | None = None
    trained_on: str = ""
    also: tuple[str, ...] = ()
    differs: str = ""


class PublishedTable(Settings):
    """A table of a paper.

    Attributes:
        name: its number as the paper writes it; `N-text` for figures that only the running text has.
        data: name of the data set.
        tested, split: on what and on which split, as far as the paper says.
        columns: name of a list of columns that several tables share.
        by_epoch, mc_samples: what a comparison must be asked for to have the table.
    """

    name: str
    section: str
    caption: str
    data: str
    row: tuple[Row, ...]
    split: str
    tested: str = ""
    note: str = ""
    column: tuple[Column, ...] = ()
    columns: str = ""
    by_epoch: int = 0
    mc_samples: int | None = None

    def row_named(self, name: str) -> Row:
        """The row of that name. Raises UnknownName with the nearest."""
        known = [row.name for row in self.row]
        if name not in known:
            raise UnknownName(f"a row of table {self.name}: {', '.join(known)}", repr(name), nearest(name, known))
        return self.row[known.index(name)]


class Paper(Settings):
    """A paper's tables.

    Attributes:
        method: our name of its method, and of the paper.
        budget: how it trains.
        left_out: what of its figures is not here, and why.
    """

    method: str
    title: str
    citation: str
    budget: str
    left_out: tuple[str, ...]
    table: tuple[PublishedTable, ...]
    columns: dict[str, tuple[Column, ...]] = {}  # noqa: RUF012

    def table_named(self, name: str) -> PublishedTable:
        """The table of that number. Raises UnknownName with the nearest."""
        known = {table.name.lower(): table for table in self.table}
        asked = name.lower().removeprefix("table").strip(" ._-")
        if asked not in known:
            tables = ", ".join(table.name for table in self.table)
            raise UnknownName(f"a table of {self.title}: {tables}", repr(name), nearest(asked, known))
        return known[asked]

    def columns_of(self, table: PublishedTable) -> tuple[Column, ...]:
        """The table's columns, its own or the shared ones."""
        return self.columns[table.columns] if table.columns else table.column


def paper_names() -> list[str]:
    """The papers, by our name of their method."""
    return sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != DATA_SETS)


@cache
def paper_named(name: str) -> Paper:
    """The paper of that name. Raises UnknownName with the nearest."""
    known = paper_names()
    if name not in known:
        raise UnknownName(f"a paper: {', '.join(known)}", repr(name), nearest(name, known))
    return Paper.model_validate(read_toml(FOLDER / f"{name}.toml"))


@cache
def data_set(name: str) -> DataSet:
    """The data set that a table's `data` names."""
    return DataSet.model_validate(read_toml(FOLDER / f"{DATA_SETS}.toml")[name])


def number_of(cell: PublishedCell) -> float | None:
    """A cell's number; None where the paper has text or nothing."""
    return None if isinstance(cell, str) else float(cell)


def places_of(cells: Iterable[PublishedCell]) -> int:
    """The most decimals that a column is printed with."""
    numbers = [repr(cell) for cell in cells if isinstance(cell, float)]
    return max((len(text.partition(".")[2]) for text in numbers), default=0)


def nearest(name: str, known: Iterable[str]) -> str:
    """A way out that names the nearest of the known names."""
    names = list(known)
    near = [held for held in names if name and name in held] or difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    return f"did you mean {near[0]!r}?" if near else "see `shortaxis reproduce` for what there is"
