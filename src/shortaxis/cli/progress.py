"""What a long run shows on the terminal: one bar, a line for each case that needs a look, and a summary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shortaxis.cli.exit_codes import Exit

if TYPE_CHECKING:
    from shortaxis.pipeline import CaseEvent, CohortResult


class CaseWatch:
    """Called by the pipeline with every event of a case; remembers nothing that the pipeline's result says."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=None)

    def __call__(self, event: CaseEvent) -> None:
        """Show one event."""
        self._bar.update(self._task, total=event.total, completed=event.done, description=escape(event.case))
        if event.refusal is not None:
            self._bar.console.print(f"[red]failed[/red]  {escape(event.case)}\n{escape(event.refusal.describe())}")
        for note in event.notes:
            self._bar.console.print(f"[yellow]{note.code}[/yellow]  {escape(event.case)}: {escape(note.text)}")

    def summarise(self, result: CohortResult, out: Path) -> Exit:
        """Say what was done and where it is; the exit status."""
        console = self._bar.console
        parts = [f"{len(result.done)} done"]
        parts += [f"{len(result.skipped)} done earlier"] if result.skipped else []
        parts += [f"[red]{len(result.failed)} failed[/red]"] if result.failed else []
        console.print(", ".join(parts))
        if result.report is not None:
            console.print(f"report: {escape(str(result.report))}", soft_wrap=True)
        console.print(f"results: {escape(str(out))}", soft_wrap=True)
        if not result.failed:
            return Exit.DONE
        return Exit.SOME_FAILED if result.done or result.skipped else Exit.INPUT_REFUSED


@contextmanager
def watch_cases() -> Iterator[CaseWatch]:
    """A watcher whose bar lives for the length of the block; on stderr, and silent where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield CaseWatch(bar)
