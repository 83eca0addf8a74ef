"""A paper's table as entries of a comparison, so that `reproduce --run` is `compare` under another name."""

from __future__ import annotations

from collections.abc import Sequence

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.method import RecipeName
from shortaxis.experiments.compare.plan import Entry, entries_of
from shortaxis.experiments.compare.quick import laid_over
from shortaxis.experiments.published.paper import Paper, PublishedTable, Row
from shortaxis.experiments.reproduce.match import ablation_changes


def table_entries(
    paper: Paper, table: PublishedTable, recipe: RecipeName, rows: Sequence[str] = (), models: Sequence[str] = ()
) -> tuple[Entry, ...]:
    """An entry for each method and configuration of the table; rows of one entry share it.

    Args:
        rows: names of the rows wanted; empty takes all.
        models: `ROW=FILE` of models trained elsewhere, which stand for their rows instead of being trained.

    Raises:
        UnknownName: a row that is not there.
        BadConfiguration: none of the rows wanted can be run here.
    """
    given = entries_of((), models, recipe)
    done = {table.row_named(entry.label).name for entry in given}
    wanted = [row for row in [table.row_named(name) for name in rows] or table.row if row.name not in done]
    groups: dict[str, list[Row]] = {}
    for row in wanted if any(column.ours for column in paper.columns_of(table)) else ():
        if row.method:
            groups.setdefault(repr((row.method, row.ablation, row.changes)), []).append(row)
    if not (groups or given):
        found = "; ".join(dict.fromkeys(row.why or "no column of ours" for row in wanted))
        expected = "a row that can be run here"
        raise BadConfiguration(expected, found, f"see `shortaxis reproduce {paper.method} {table.name}`")
    return (*given, *(_entry(paper, group, recipe) for group in groups.values()))


def _entry(paper: Paper, rows: Sequence[Row], recipe: RecipeName) -> Entry:
    first = rows[0]
    alone = len(rows) == 1 and not first.trained_on
    name = first.name.replace("++", " plus plus")  # a folder's name holds no plus, and UNet++ is not UNet
    label = first.ablation or (name if alone else paper.title)
    return Entry(label, first.method, recipe, laid_over(ablation_changes(first, recipe), first.changes))
