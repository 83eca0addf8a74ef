"""What a long run shows on the terminal: a bar on stderr, what needs a look, and a summary."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from shortaxis.cli.exit_codes import Exit, exit_for

if TYPE_CHECKING:
    from shortaxis.pipeline import CaseEvent, CohortResult

LINE_EVERY_S = 60.0


class CaseWatch:
    """Called by the pipeline with every event of a case.

    A note is shown the first time it arises; a cohort of one scanner would else repeat one sentence for every case.
    """

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("reading", total=None)
        self._notes: Counter[str] = Counter()

    def __call__(self, event: CaseEvent) -> None:
        """Show one event."""
        case = escape(event.case)
        self._bar.update(self._task, total=event.total, completed=event.done, description=case)
        if event.refusal is not None:
            self._bar.console.print(f"[red]failed[/red]  {case}\n{escape(event.refusal.describe())}", soft_wrap=True)
        for note in event.notes:
            if not self._notes[note.code]:
                self._bar.console.print(f"[yellow]{note.code}[/yellow]  {case}: {escape(note.text)}", soft_wrap=True)
            self._notes[note.code] += 1

    def summarise(self, result: CohortResult, out: Path) -> Exit:
        """Print what was done and where it is; the exit status."""
        parts = [f"{len(result.done)} done"]
        parts += [f"{len(result.skipped)} done earlier"] if result.skipped else []
        parts += [f"{len(result.set_aside)} set aside"] if result.set_aside else []
        parts += [f"{len(result.failed)} failed"] if result.failed else []
        print(", ".join(parts))
        for case, refusal in result.set_aside.items():
            print(f"set aside: {case}, {refusal.found} ({refusal.path})")
        for code, count in sorted(self._notes.items()):
            if count > 1:
                print(f"{code} was noted {count} times")
        print(result.terms)
        print(f"results: {out}")
        if result.report is not None:
            print(f"report: {result.report}")
        return status_of_cohort(result)


def status_of_cohort(result: CohortResult) -> Exit:
    """The exit status of a run over cases: where nothing at all was done, that of the refusals if they agree."""
    if not result.failed:
        return Exit.DONE
    if result.done or result.skipped:
        return Exit.SOME_FAILED
    kinds = {exit_for(refusal) for refusal in result.failed.values()}
    return kinds.pop() if len(kinds) == 1 else Exit.INPUT_REFUSED


@contextmanager
def watch_cases() -> Iterator[CaseWatch]:
    """A watcher of cases whose bar lives for the length of the block."""
    with _bar() as bar:
        yield CaseWatch(bar)


@contextmanager
def watch_training() -> Iterator[Callable[[str, int, int, float], None]]:
    """A watcher of training: stage, step, steps, loss."""
    with _bar() as bar:
        task = bar.add_task("reading", total=None)

        log = TrainingLog(bar.console) if bar.disable else None

        def watch(stage: str, step: int, steps: int, loss: float) -> None:
            bar.update(task, total=steps, completed=step, description=f"{escape(stage)}  loss {loss:.4f}")
            if log is not None:
                log(stage, step, steps, loss)

        yield watch


class TrainingLog:
    """Where there is no terminal for a bar, a line a minute with the time left."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._stage, self._first, self._began, self._told = "", 0, 0.0, 0.0

    def __call__(self, stage: str, step: int, steps: int, loss: float) -> None:
        """Hear of a step; say something if the last line is a minute old or the stage is done."""
        now = self._clock()
        if stage != self._stage:
            self._stage, self._first, self._began, self._told = stage, step, now, now
        if now - self._told < LINE_EVERY_S and step < steps:
            return
        self._told = now
        done = step - self._first
        left = f", {(now - self._began) / done * (steps - step) / 60:.0f} min left" if done else ""
        self._console.print(f"{stage}  step {step}/{steps}  loss {loss:.4f}{left}", highlight=False)


def _bar() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
