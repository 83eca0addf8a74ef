"""`shortaxis reproduce`: a paper's table, ours beside it, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from shortaxis.cli.compare import Data, Folds, HeldOut, LocatorSteps, Quick, Slices, Split, Steps, Tests, fold_of
from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.options import Device, Overwrite, Precision, Scheme, Species

if TYPE_CHECKING:
    from rich.console import Console

    from shortaxis.experiments.compare.plan import Plan
    from shortaxis.experiments.reproduce.beside import Beside

_RUN = "Running it"
PaperName = Annotated[str | None, typer.Argument(metavar="PAPER", help="Its method's name; none: every paper.")]
TableName = Annotated[str | None, typer.Argument(metavar="TABLE", help="Its number; none: lists them.")]
Results = Annotated[
    list[str] | None,
    typer.Option("--results", metavar="[ROW=]DIR", help="What `compare` wrote; with ROW= what `evaluate` wrote of it."),
]
Rows = Annotated[list[str] | None, typer.Option("--row", metavar="NAME", help="These rows alone.")]
OutToo = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write reproduce.json, .csv and .md there.")
]
Dataset = Annotated[
    str | None,
    typer.Option("--dataset", metavar="NAME", help="Layout of --data; the data of results that do not say it."),
]
Run = Annotated[bool, typer.Option("--run", help="Run what is not done yet, into --results.", rich_help_panel=_RUN)]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="ROW=FILE", help="A row's model, trained on this split.", rich_help_panel=_RUN),
]
RecipeName = Annotated[
    Literal["paper", "tuned"], typer.Option("--recipe", help="Of what is run.", rich_help_panel=_RUN)
]


def reproduce(
    paper: PaperName = None,
    table: TableName = None,
    results: Results = None,
    row: Rows = None,
    out: OutToo = None,
    overwrite: Overwrite = False,
    dataset: Dataset = None,
    run: Run = False,
    data: Data = None,
    model: Models = None,
    recipe: RecipeName = "paper",
    steps: Steps = None,
    slices: Slices = None,
    locator_steps: LocatorSteps = None,
    fold: HeldOut = None,
    folds: Folds = None,
    split: Split = None,
    test: Tests = None,
    quick: Quick = False,
    label_scheme: Scheme = None,
    species: Species = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Show a paper's table with ours beside each row, and what differs: data, split, budget, recipe, definitions.

    Without TABLE the tables are listed. Ours come from --results; what is not there yet is named with its command, and
    --run runs it as `compare` does: resumable, one split, one budget.
    """
    from shortaxis.experiments.compare.plan import DEFAULT_SLICES, DEFAULT_STEPS, Budget, Plan, other_sets_of
    from shortaxis.experiments.published.paper import data_set, paper_named, paper_names
    from shortaxis.experiments.reproduce.plan import table_entries

    if paper is None or table is None:
        _print_listing([paper] if paper else paper_names())
        return
    wanted, finished = paper_named(paper).table_named(table), True
    if run:
        plan = Plan(
            entries=table_entries(paper_named(paper), wanted, recipe, row or (), model or ()), data=_needed(data, quick),
            dataset=dataset or data_set(wanted.data).layout or "labelled", out=_place_for(results),
            which=fold_of(fold) if fold else 0, folds=folds or 5, split=split, tests=other_sets_of(test or []),
            budget=Budget(steps or DEFAULT_STEPS, slices or DEFAULT_SLICES, locator_steps), species=species,
            label_scheme=label_scheme, by_epoch=wanted.by_epoch, mc_samples=wanted.mc_samples, device=device,
            precision=precision,
        )  # fmt: skip
        finished = _run(plan, quick)
    _show(paper, table, results or [], row or [], dataset, out, overwrite)
    if not finished:
        print("stopped; the same command goes on")
        raise typer.Exit(Exit.INTERRUPTED)


def _needed(data: Path | None, quick: bool) -> Path:
    if data is None and not quick:
        raise typer.BadParameter("expected the folder of the cases, or --quick", param_hint="--data")
    return data or Path()


def _place_for(results: Sequence[str] | None) -> Path:
    if not results or len(results) > 1:
        raise typer.BadParameter("expected one folder to run into", param_hint="--results")
    return Path(results[0])


def _run(plan: Plan, quick: bool) -> bool:
    """Train and score, with the pages of `compare`; false where a signal stopped it."""
    from shortaxis.cli.progress import watch_training
    from shortaxis.experiments.compare.quick import quickened
    from shortaxis.experiments.compare.run import compare
    from shortaxis.experiments.show.publish import publish

    plan = quickened(plan) if quick else plan
    with watch_training() as watch:
        finished = compare(plan, watch)
    print(f"comparison: {publish(plan)}")
    return finished


def _show(paper: str, table: str, results: Sequence[str], rows: Sequence[str], dataset: str | None,
          out: Path | None, overwrite: bool) -> None:  # fmt: skip
    from shortaxis.experiments.published.paper import paper_named
    from shortaxis.experiments.reproduce.beside import set_beside
    from shortaxis.experiments.reproduce.held import read_held
    from shortaxis.experiments.reproduce.write import write_reproduced

    source = paper_named(paper)
    beside = set_beside(source, source.table_named(table), read_held(results, dataset), rows)
    if out is not None:
        write_reproduced(beside, out, overwrite)
    _print_beside(beside)
    if out is not None:
        print(f"results: {out}")


def _print_listing(papers: Sequence[str]) -> None:
    from rich.console import Console

    from shortaxis.experiments.published.paper import paper_named
    from shortaxis.experiments.reproduce.write import listing

    console = Console()
    for name in papers:
        found = paper_named(name)
        _print_rows(console, f"{found.method}: {found.citation}", listing([found]), left_out=("paper",))
        for line in found.left_out:
            console.print(f"Not among them: {line}", markup=False, highlight=False)
    console.print("shortaxis reproduce PAPER TABLE shows one; docs/how-to/reproduce.md", highlight=False)


def _print_beside(beside: Beside) -> None:
    from rich.console import Console

    from shortaxis.experiments.reproduce.write import (
        commands,
        definition_rows,
        difference_rows,
        missing_rows,
        told,
        wide_rows,
    )

    console = Console()
    for line in told(beside):
        console.print(line, markup=False, highlight=False)
    for part in _that_fit(wide_rows(beside), console.width):
        _print_rows(console, "", part)
    for title, rows in (
        ("What differs", difference_rows(beside)),
        ("Columns", definition_rows(beside)),
        ("No figure of ours", missing_rows(beside)),
    ):
        _print_rows(console, title, rows)
    if lines := commands(beside):
        print("To run what is not there yet:")
        for line in lines:
            print(f"  {line}")  # unbroken, so that it can be copied


def _that_fit(rows: Sequence[Mapping[str, str]], width: int) -> Iterator[list[dict[str, str]]]:
    """The rows in parts of so many columns as fit beside the first two."""
    row, whose, *others = rows[0]
    names = [row, whose]
    taken, left = list(names), width - sum(_width(rows, name) for name in names)
    room = left
    for name in others:
        needs = _width(rows, name)
        if needs > room and len(taken) > len(names):
            yield [{key: row[key] for key in taken} for row in rows]
            taken, room = list(names), left
        taken.append(name)
        room -= needs
    yield [{key: row[key] for key in taken} for row in rows]


def _width(rows: Sequence[Mapping[str, str]], name: str) -> int:
    return 2 + max(len(name), *(len(row[name]) for row in rows))


def _print_rows(console: Console, title: str, rows: Sequence[Mapping[str, str]], left_out: Sequence[str] = ()) -> None:
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    names = [name for name in rows[0] if name not in left_out]
    shown = Table(
        title=f"\n{title}" if title else "", title_justify="left", box=None, header_style="bold", pad_edge=False
    )
    for name in names:
        numeric = all(row[name][:1].isdigit() or len(row[name]) <= 1 for row in rows)
        shown.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(row[name]) for name in names))
    console.print(shown)
