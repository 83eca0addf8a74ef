"""A paper's table with ours beside each row, and what differs: data, split, budget, recipe, and each column's definition."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shortaxis.experiments.compare.results import Row as ScoreRow
from shortaxis.experiments.compare.values import cases_of, short
from shortaxis.experiments.published.paper import Column, DataSet, Paper, PublishedTable, Row, data_set
from shortaxis.experiments.reproduce.held import NOT_STATED, Held
from shortaxis.experiments.reproduce.match import is_row, leaves, setting
from shortaxis.experiments.reproduce.quantities import QUANTITIES, Measured, Scope, quantity_says

Status = Literal["beside", "not run", "published only"]
WHAT = ("data", "split", "budget", "recipe")


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same: what, how the paper has it, how ours has it."""

    what: str
    paper: str
    ours: str


@dataclass(frozen=True)
class OurLine:
    """Results of ours beside a row; a figure for each column, None where there is nothing of ours by its definition."""

    held: Held
    figures: tuple[Measured | None, ...]
    differs: tuple[Difference, ...]


@dataclass(frozen=True)
class Line:
    """A row of the paper, ours beside it, and the command that would run it where there is one."""

    row: Row
    status: Status
    ours: tuple[OurLine, ...]
    command: str | None


@dataclass(frozen=True)
class Beside:
    """A paper's table with ours.

    Attributes:
        lines: a line per row of the paper.
        unplaced: results that are no row of this table.
    """

    paper: Paper
    table: PublishedTable
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    unplaced: tuple[Held, ...]

    @property
    def data(self) -> DataSet:
        """What the paper's table was made on."""
        return data_set(self.table.data)

    def definitions(self) -> list[dict[str, str]]:
        """A row per column: the paper's definition, ours, and in what they differ."""
        return [
            {
                "column": column.heading,
                "paper": column.says,
                "ours": _said_here(column, self.lines),
                "differs": column.differs or "nothing known",
            }
            for column in self.columns
        ]


def set_beside(paper: Paper, table: PublishedTable, held: Sequence[Held], rows: Sequence[str] = ()) -> Beside:
    """The table with the results that are its rows.

    Args:
        held: results of ours.
        rows: names of the rows wanted; empty takes all.

    Raises UnknownName for a row, wanted or named by results, that the table has not.
    """
    for name in (*rows, *(result.row for result in held if result.row is not None)):
        table.row_named(name)
    wanted = [row for row in table.row if not rows or row.name in rows]
    columns = paper.columns_of(table)
    lines = tuple(_line(paper, table, row, columns, held) for row in wanted)
    placed = {id(ours.held) for line in lines for ours in line.ours}
    return Beside(paper, table, columns, lines, tuple(result for result in held if id(result) not in placed))


def run_command(paper: Paper, table: PublishedTable, row: Row | None = None) -> str:
    """The command that runs a table, or one row of it."""
    layout = data_set(table.data).layout or "labelled"
    only = ["--row", row.name] if row else []
    words = ["shortaxis", "reproduce", paper.method, table.name, *only, "--run"]
    return shlex.join([*words, "--data", "DIR", "--dataset", layout, "--results", "RESULTS"])


def data_told(data: DataSet) -> str:
    """Who can have the data, and what to run on instead."""
    owners = {
        "public": "public",
        "request": "given by its owners on request; nothing of it comes along",
        "private": "data not available: private to the paper's authors",
    }[data.access]
    return f"{data.title}: {owners}. {data.says[0].upper()}{data.says[1:]}."


def _line(paper: Paper, table: PublishedTable, row: Row, columns: Sequence[Column], held: Sequence[Held]) -> Line:
    ours = tuple(_our_line(paper, table, row, columns, result) for result in held if is_row(row, result))
    if ours:
        status: Status = "beside"
    else:
        status = "not run" if row.method and any(column.ours for column in columns) else "published only"
    return Line(row, status, ours, run_command(paper, table, row) if status == "not run" else None)


def _our_line(paper: Paper, table: PublishedTable, row: Row, columns: Sequence[Column], held: Held) -> OurLine:
    figures = tuple(_figure(row, column, held) for column in columns)
    return OurLine(held, figures, _differences(paper, table, row, held))


def _figure(row: Row, column: Column, held: Held) -> Measured | None:
    if not column.ours:
        return None
    rows, reason = _rows_for(row, column, held)
    if reason:
        return Measured(None, reason=reason)
    return QUANTITIES[column.ours].of(Scope(held, rows, column))


def _rows_for(row: Row, column: Column, held: Held) -> tuple[Sequence[ScoreRow], str]:
    """The rows of scores for a column, or why there are none: of its kind, its data set, its moment, its phase."""
    kind = QUANTITIES[column.ours].rows
    rows: Sequence[ScoreRow] = held.result.every(kind)
    if column.data and column.ours not in _OF_TRAINING:
        wanted = data_set(column.data)
        layout = wanted.layout
        if layout != held.dataset:
            if layout not in held.result.elsewhere:
                there = "not scored on" if layout else "data not available:"
                return (), f"{there} {wanted.title}"
            rows = held.result.everywhere(kind, layout)
    if row.share is not None and row.share < 1:
        rows = _part_way(row.share, held)
        if not rows:
            return (), "not scored on the way: --by-epoch"
    return [score for score in rows if not row.phases or score.get("phase") in row.phases], ""


_OF_TRAINING = ("seconds_per_epoch", "last_stage_parameters", "last_stage_parameters_m")


def _part_way(share: float, held: Held) -> list[ScoreRow]:
    found: list[ScoreRow] = []
    for scores in held.result.folds.values():
        if not (scores.get("stages") and held.recipe):
            return []
        steps = held.recipe[f"{scores['stages'][-1]['stage']}_fit"]["steps"]
        found += [row for at in scores.get("by_step", ()) if at["step"] == round(steps * share) for row in at["rows"]]
    return found


def _differences(paper: Paper, table: PublishedTable, row: Row, held: Held) -> tuple[Difference, ...]:
    cases = len(cases_of(held.result))
    data = f"{held.dataset or NOT_STATED}, {cases} patient{'' if cases == 1 else 's'}"
    theirs = data_set(row.trained_on or table.data).title
    return (
        Difference("data", f"{theirs}: {table.tested}" if table.tested else theirs, data),
        Difference("split", table.split, held.split),
        Difference("budget", paper.budget, held.budget),
        Difference("recipe", _their_recipe(row), _our_recipe(row, held)),
    )


def _their_recipe(row: Row) -> str:
    roi = {None: "ROI stage not stated", True: "behind a ROI stage", False: "without a ROI stage"}[row.roi]
    return f"{row.name}, {roi}"


def _our_recipe(row: Row, held: Held) -> str:
    differs = [row.differs] if row.differs and held.method == row.method else []
    if held.recipe is None:
        who = f"`{held.method}`, {held.recipe_name} recipe" if held.method else "whatever made the masks"
        return "; ".join([who, f"entry {held.result.label!r}", "its settings are not in the results", *differs])
    name = "paper recipe" if held.recipe_name == "paper" else "tuned recipe, ours and not the paper's"
    told = [f"`{held.method}`, {name}", f"entry {held.result.label!r}"]
    if "locate" in held.recipe:
        told.append("behind a ROI stage" if held.recipe["locate"] is not None else "without a ROI stage")
    for key, value in leaves(row.changes):
        if setting(held.recipe, key) != value:
            told.append(f"{'.'.join(key)} is {_short(setting(held.recipe, key))}, the row's would be {_short(value)}")
    return "; ".join([*told, *differs])


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _said_here(column: Column, lines: Sequence[Line]) -> str:
    """Our definition: as what wrote the results has it, each way that occurs."""
    if not column.ours:
        return "none"
    shown = [ours.held for line in lines for ours in line.ours]
    said: Mapping[str, None] = dict.fromkeys(quantity_says(column.ours, held) for held in shown)
    statistic = "" if column.statistic == "mean" else f"{column.statistic} over patients of: "
    several = f"; mean of {' and '.join(map(short, column.structures))}" if len(column.structures) > 1 else ""
    return statistic + ("; or ".join(said) or quantity_says(column.ours)) + several
