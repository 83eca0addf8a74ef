"""`shortaxis check`: what would be read, without computing anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.options import FillNonfinite, Inputs, OrientationFrom
from shortaxis.files.trust import Trust, trusting

if TYPE_CHECKING:
    from shortaxis.pipeline import Checked


def check(
    inputs: Inputs,
    fill_nonfinite: FillNonfinite = False,
    orientation_from: OrientationFrom = None,
) -> None:
    """Read inputs as `segment` would and say what was found: cases, sizes, notes and refusals. Writes nothing."""
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    n_read = n_refused = 0
    for found in _checked(inputs, Trust(fill_nonfinite, orientation_from)):
        if found.refusal is not None:
            n_refused += 1
            console.print(
                f"[red]refused[/red]  {escape(found.case)}\n{escape(found.refusal.describe())}", soft_wrap=True
            )
            continue
        n_read += 1
        console.print(f"[green]usable[/green]   {escape(found.case)}  {escape(found.summary)}", soft_wrap=True)
        for note in found.notes:
            console.print(f"         [yellow]{note.code}[/yellow] {escape(note.text)}", soft_wrap=True)
    console.print(f"{n_read} usable, {n_refused} refused")
    if n_refused:
        raise typer.Exit(Exit.SOME_FAILED if n_read else Exit.INPUT_REFUSED)


def _checked(inputs: list[Path], trust: Trust) -> Iterator[Checked]:
    from shortaxis.pipeline import check_inputs

    with trusting(trust):
        yield from check_inputs(inputs)
