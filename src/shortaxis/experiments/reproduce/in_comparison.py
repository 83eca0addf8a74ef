"""A paper's figures in a comparison's own page: rows that nobody can run here stand there, marked as published."""

from __future__ import annotations

from collections.abc import Sequence

from shortaxis.core.errors import BadConfiguration
from shortaxis.experiments.compare.plan import Plan
from shortaxis.experiments.published.paper import paper_named
from shortaxis.experiments.reproduce.beside import set_beside
from shortaxis.experiments.reproduce.held import read_held
from shortaxis.experiments.reproduce.write import definition_rows, difference_rows, told, wide_rows
from shortaxis.experiments.table import Table


def published_of(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """`PAPER/TABLE` as the names of both. Raises BadConfiguration for another form, UnknownName for what is not there."""
    pairs = []
    for text in given:
        paper, slash, table = text.partition("/")
        if not (slash and table):
            raise BadConfiguration("--published PAPER/TABLE", repr(text), "such as --published dadu/3")
        pairs.append((paper, paper_named(paper).table_named(table).name))
    return tuple(pairs)


def published_tables(plan: Plan) -> list[Table]:
    """Each of the plan's published tables, with the plan's entries below the rows that they are."""
    labels = {entry.label for entry in plan.entries}
    held = [found for found in read_held([str(plan.out)], plan.dataset) if found.result.label in labels]
    tables = []
    for name, number in plan.published:
        paper = paper_named(name)
        beside = set_beside(paper, paper.table_named(number), held)
        notes = [
            *told(beside),
            "paper alone: a published figure that nobody can run here. paper; not run here: not in this comparison.",
            *(
                f"{d['what'].capitalize()}, {d['row']}: paper {d['paper']}; ours {d['ours']}."
                for d in difference_rows(beside)
            ),
            *(
                f"{d['column']}: paper {d['paper']}; ours {d['ours']}; what differs: {d['differs']}."
                for d in definition_rows(beside)
            ),
        ]
        title = f"{paper.title}, table {number}: published figures, and ours"
        tables.append(Table(f"published_{name}_{number}", title, wide_rows(beside), notes))
    return tables
