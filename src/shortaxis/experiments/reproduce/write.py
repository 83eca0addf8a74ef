"""A paper's table beside ours as rows, for the terminal and for `reproduce.json`, `reproduce.csv` and `reproduce.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shortaxis.experiments.published.paper import Paper, PublishedCell, PublishedTable, data_set, places_of
from shortaxis.experiments.reproduce.beside import WHAT, Beside, Line, OurLine, data_told, run_command
from shortaxis.experiments.reproduce.quantities import Measured
from shortaxis.experiments.table import UNDEFINED, shown
from shortaxis.files.replace import refuse_to_replace
from shortaxis.files.writer import write_csv, write_json, write_text
from shortaxis.report.markdown import headed, markdown_table

JSON, CSV, MARKDOWN = OUTPUTS = ("reproduce.json", "reproduce.csv", "reproduce.md")
WHO, FIRST = "row", "whose"
STATUS = {"beside": "paper", "not run": "paper; not run here", "published only": "paper alone"}


def listing(papers: Sequence[Paper]) -> list[dict[str, str]]:
    """A row per table: the paper, the table, what is in it, its data, and whether it can be run here."""
    return [
        {
            "paper": paper.method,
            "table": table.name,
            "section": table.section,
            "what": table.caption,
            "data": data_set(table.data).title,
            "can be run here": _runnable(paper, table),
        }
        for paper in papers
        for table in paper.table
    ]


def wide_rows(beside: Beside) -> list[dict[str, str]]:
    """The table as it is looked at: the paper's row, and ours below it, with the same columns."""
    rows: list[dict[str, str]] = []
    places = _places(beside)
    for line in beside.lines:
        cells = {
            c.heading: published_text(v, p) for c, v, p in zip(beside.columns, line.row.values, places, strict=True)
        }
        rows.append({WHO: line.row.name, FIRST: STATUS[line.status], **cells})
        for ours in line.ours:
            figures = zip(beside.columns, ours.figures, places, strict=True)
            who = f"ours: {ours.held.result.label}"
            rows.append({WHO: "", FIRST: who, **{c.heading: figure_text(f, p) for c, f, p in figures}})
    return rows


def difference_rows(beside: Beside) -> list[dict[str, str]]:
    """What differs: data, split, budget, recipe; the paper's way, ours, and of which rows."""
    rows = [
        {"what": difference.what, WHO: _pair(line, ours), "paper": difference.paper, "ours": difference.ours}
        for what in WHAT
        for line in beside.lines
        for ours in line.ours
        for difference in ours.differs
        if difference.what == what
    ]
    return joined(rows, WHO)


def missing_rows(beside: Beside) -> list[dict[str, str]]:
    """Cells of ours without a figure, and why."""
    rows = [
        {"column": column.heading, WHO: _pair(line, ours), "why": why}
        for at, column in enumerate(beside.columns)
        for line in beside.lines
        for ours in line.ours
        if (why := _why_none(ours.figures[at], column.differs))
    ]
    return joined(joined(rows, WHO), "column")


def definition_rows(beside: Beside) -> list[dict[str, str]]:
    """Each column's definitions; columns of one definition share a row."""
    return joined(beside.definitions(), "column")


def joined(rows: Sequence[Mapping[str, str]], key: str) -> list[dict[str, str]]:
    """Rows that are alike but for `key` as one, with its values together."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for row in rows:
        alike.setdefault(tuple((name, text) for name, text in row.items() if name != key), []).append(row[key])
    order = list(rows[0]) if rows else []
    return [
        {name: {**dict(rest), key: ", ".join(dict.fromkeys(names))}[name] for name in order}
        for rest, names in alike.items()
    ]


def _pair(line: Line, ours: OurLine) -> str:
    return f"{line.row.name} (ours: {ours.held.result.label})"


def told(beside: Beside) -> list[str]:
    """What stands over the table: the paper, the data and who has it, notes, results that are no row of it."""
    paper, table = beside.paper, beside.table
    lines = [
        f"{paper.title} ({paper.citation}), table {table.name}, section {table.section}: {table.caption}.",
        f"Data: {data_told(beside.data)}",
        *([f"Note: {table.note}"] if table.note else []),
    ]
    if beside.unplaced:
        names = ", ".join(f"{held.result.label} ({held.method or 'no method named'})" for held in beside.unplaced)
        lines.append(f"Results that are no row of this table: {names}.")
    return lines


def commands(beside: Beside) -> list[str]:
    """The commands that would run what was not run yet: of the whole table where nothing was, else of each row."""
    wanting = [line for line in beside.lines if line.command]
    if wanting and not any(line.ours for line in beside.lines) and len(wanting) > 1:
        return [run_command(beside.paper, beside.table)]
    return list(dict.fromkeys(line.command for line in wanting if line.command))


def write_reproduced(beside: Beside, out: Path, overwrite: bool = False) -> None:
    """Write `reproduce.json`, `.csv` (a row per cell) and `.md` into `out`. Raises OutputExists and WriteFailed."""
    refuse_to_replace(out, OUTPUTS, overwrite)
    write_json(out / JSON, as_json(beside))
    write_csv(out / CSV, cell_rows(beside))
    write_text(out / MARKDOWN, markdown(beside))


def as_json(beside: Beside) -> dict[str, Any]:
    """The whole as plain values; a published cell that the paper leaves empty is `-`, as in the data."""
    paper, table = beside.paper, beside.table
    return {
        "paper": {"name": paper.method, "citation": paper.citation, "budget": paper.budget},
        "table": {name: getattr(table, name) for name in ("name", "section", "caption", "tested", "split", "note")},
        "data": beside.data.model_dump(),
        "columns": beside.definitions(),
        "rows": [_line_json(beside, line) for line in beside.lines],
        "unplaced": [{"label": held.result.label, "folder": str(held.folder)} for held in beside.unplaced],
        "commands": commands(beside),
    }


def cell_rows(beside: Beside) -> list[dict[str, Any]]:
    """A row per published cell and result of ours, with everything that differs."""
    rows: list[dict[str, Any]] = []
    for line in beside.lines:
        for at, (column, said) in enumerate(zip(beside.columns, beside.definitions(), strict=True)):
            first = {
                "paper": beside.paper.method, "table": beside.table.name, "row": line.row.name,
                "column": column.name, "unit": column.unit, "published": line.row.values[at], "status": line.status,
            }  # fmt: skip
            definitions = {f"definition {key}": said[key] for key in ("paper", "ours", "differs")}
            rows += [{**first, **_ours_cells(ours, at, column.differs), **definitions} for ours in line.ours]
            if not line.ours:
                rows.append({**first, **_NO_CELLS, "why none": line.row.why or line.status, **definitions})
    return rows


def markdown(beside: Beside) -> str:
    """The page: table, differences, definitions, what is missing, and the commands."""
    parts = [headed(f"{beside.paper.title}, table {beside.table.name}"), *told(beside), _pipe(wide_rows(beside))]
    for title, rows in (
        ("What differs", difference_rows(beside)),
        ("Columns", definition_rows(beside)),
        ("No figure of ours", missing_rows(beside)),
    ):
        if rows:
            parts += [f"## {title}", _pipe(rows)]
    if lines := commands(beside):
        parts += ["## To run", "```\n" + "\n".join(lines) + "\n```"]
    return "\n\n".join(parts) + "\n"


def published_text(cell: PublishedCell, places: int) -> str:
    """A published cell; what the paper leaves empty is an en dash."""
    if isinstance(cell, str):
        return UNDEFINED if cell == "-" else cell
    return f"{cell:.{places}f}" if places else str(cell)


def figure_text(figure: Measured | None, places: int) -> str:
    """A figure of ours, with how many patients it is over where that is not all."""
    if figure is None or figure.value is None:
        return UNDEFINED
    text = f"{figure.value:.{places}f}" if places else shown(round(figure.value))
    return text if figure.n == figure.of else f"{text} (n {figure.n}/{figure.of})"


def _places(beside: Beside) -> list[int]:
    cells = [[row.values[at] for row in beside.table.row] for at in range(len(beside.columns))]
    return [2 if all(isinstance(cell, str) for cell in column) else places_of(column) for column in cells]


def _why_none(figure: Measured | None, differs: str) -> str:
    if figure is None:
        return differs
    return figure.reason if figure.value is None else ""


def _runnable(paper: Paper, table: PublishedTable) -> str:
    methods = [row for row in table.row if row.method]
    if not (methods and any(column.ours for column in paper.columns_of(table))):
        return "no"
    rows = "every row" if len(methods) == len(table.row) else f"{len(methods)} of {len(table.row)} rows"
    access = data_set(table.data).access
    return {
        "public": rows,
        "request": f"{rows}, with the data (on request)",
        "private": f"{rows}, on other data alone (the paper's are private)",
    }[access]


def _line_json(beside: Beside, line: Line) -> dict[str, Any]:
    headings = [column.heading for column in beside.columns]
    return {
        "row": line.row.name,
        "method": line.row.method or None,
        "status": line.status,
        "why": line.row.why or None,
        "published": dict(zip(headings, line.row.values, strict=True)),
        "ours": [
            {
                "label": ours.held.result.label,
                "folder": str(ours.held.folder),
                "by": ours.held.source,
                "figures": {h: _figure_json(f) for h, f in zip(headings, ours.figures, strict=True)},
                "differs": [asdict(difference) for difference in ours.differs],
            }
            for ours in line.ours
        ],
        "command": line.command,
    }


def _figure_json(figure: Measured | None) -> dict[str, Any]:
    return {"value": None, "reason": "no quantity of ours"} if figure is None else asdict(figure)


_NO_CELLS: Mapping[str, Any] = dict.fromkeys(("entry", "results", "ours", "n", "of", "why none"))


def _ours_cells(ours: OurLine, at: int, differs: str) -> dict[str, Any]:
    figure = ours.figures[at]
    cells = {**_NO_CELLS, "entry": ours.held.result.label, "results": str(ours.held.folder)}
    if figure is not None:
        cells |= {"ours": figure.value, "n": figure.n, "of": figure.of}
    cells["why none"] = _why_none(figure, differs) or None
    for difference in ours.differs:
        cells |= {f"{difference.what} paper": difference.paper, f"{difference.what} ours": difference.ours}
    return cells


def _pipe(rows: Sequence[Mapping[str, str]]) -> str:
    return markdown_table(list(rows[0]), rows)
