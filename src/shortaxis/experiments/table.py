"""One table: the same cells as Markdown, as CSV and in the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shortaxis.experiments.statistics import Interval
from shortaxis.files.writer import write_csv

Cell = str | float | int | None | Interval
UNDEFINED = "–"


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its CSV file.
        title: over it.
        rows: one mapping a row, column -> cell; an `Interval` is one cell here and four columns of the CSV.
        notes: sentences beneath it.
        places: decimals by column; 2 where not named.
    """

    name: str
    title: str
    rows: Sequence[Mapping[str, Cell]]
    notes: Sequence[str] = ()
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """In the order of their first appearance."""
        return columns(self.rows)

    def cells(self) -> Iterator[list[str]]:
        """Each row's cells as text; a mean over fewer than the row's `n` says over how many."""
        for row in self.rows:
            texts = [shown(row.get(column), self.places.get(column, 2)) for column in self.columns]
            yield [
                text + _count(row.get(column), row.get("n")) for column, text in zip(self.columns, texts, strict=True)
            ]

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers, to be set right."""
        return [
            any(isinstance(row.get(column), (int, float, Interval)) for row in self.rows) for column in self.columns
        ]

    def markdown(self) -> str:
        """The table with its title and notes."""
        if not self.rows:
            return f"## {self.title}\n\n" + "\n".join(self.notes)
        rule = ["---:" if right else "---" for right in self.numeric]
        lines = [self.columns, rule, *self.cells()]
        body = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
        return "\n\n".join([f"## {self.title}", body, *self.notes])

    def write_csv(self, folder: Path) -> Path:
        """`folder/<name>.csv`, unrounded. Raises WriteFailed."""
        path = folder / f"{self.name}.csv"
        write_csv(path, [dict(_unfolded(row)) for row in self.rows])
        return path


def columns(rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    """The rows' columns in the order of their first appearance."""
    return list(dict.fromkeys(column for row in rows for column in row))


def shown(cell: Cell, places: int = 2) -> str:
    """A cell as text; a mean with its interval in brackets; an en dash where it is not defined."""
    if isinstance(cell, Interval):
        if cell.mean is None or cell.low is None or cell.high is None:
            return shown(cell.mean, places)
        return f"{cell.mean:z.{places}f} [{cell.low:z.{places}f}, {cell.high:z.{places}f}]"
    if cell is None:
        return UNDEFINED
    if isinstance(cell, float):
        return f"{cell:z.{places}f}"  # z: what rounds to nought has no sign
    return str(cell)


def _count(cell: Cell, of: Cell) -> str:
    if not (isinstance(cell, Interval) and isinstance(of, int)):
        return ""
    return f" (n {cell.n})" if cell.mean is not None and cell.n < of else ""


def _unfolded(row: Mapping[str, Cell]) -> Iterator[tuple[str, Any]]:
    for column, cell in row.items():
        if isinstance(cell, Interval):
            yield column, cell.mean
            yield from ((f"{column} {name}", getattr(cell, name)) for name in ("low", "high", "n"))
        else:
            yield column, cell
