"""What a run over many cases shows, and the status it ends with."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.progress import TrainingLog, status_of_cohort, watch_cases
from shortaxis.core.errors import DamagedFile, OutputExists, ShortaxisError, WrongKindOfScan
from shortaxis.core.study import Note


def event(case: str, notes: tuple[Note, ...] = (), refusal: ShortaxisError | None = None) -> Any:
    return SimpleNamespace(case=case, done=1, total=3, notes=notes, refusal=refusal)


def result(
    done: int = 0,
    skipped: int = 0,
    failed: tuple[ShortaxisError, ...] = (),
    set_aside: tuple[ShortaxisError, ...] = (),
) -> Any:
    return SimpleNamespace(
        terms="model acdc: its terms",
        done=["x"] * done,
        skipped=["x"] * skipped,
        failed={f"case{number}": refusal for number, refusal in enumerate(failed)},
        set_aside={f"view{number}": refusal for number, refusal in enumerate(set_aside)},
        report=None,
    )


DAMAGED = DamagedFile("a whole file", "half of one", "copy it again", "a.nii")
LONG_AXIS = WrongKindOfScan("a short axis", "1 slice under a name that says long axis", "leave it out", "a_4ch.nii")
EXISTS = OutputExists("an empty folder", "results", "give --overwrite", "out/a")


@pytest.mark.parametrize(
    ("cohort", "status"),
    [
        (result(done=2), Exit.DONE),
        (result(skipped=2), Exit.DONE),
        (result(done=1, set_aside=(LONG_AXIS,)), Exit.DONE),
        (result(failed=(LONG_AXIS,)), Exit.INPUT_REFUSED),
        (result(done=1, failed=(DAMAGED,)), Exit.SOME_FAILED),
        (result(skipped=1, failed=(EXISTS,)), Exit.SOME_FAILED),
        (result(failed=(DAMAGED,)), Exit.INPUT_REFUSED),
        (result(failed=(EXISTS, EXISTS)), Exit.NOT_WRITTEN),
        (result(failed=(EXISTS, DAMAGED)), Exit.INPUT_REFUSED),
    ],
)
def test_a_cohort_ends_with_the_status_of_what_became_of_it(cohort: Any, status: Exit) -> None:
    assert status_of_cohort(cohort) is status


def test_a_refused_case_is_told_in_full_and_a_note_once(capsys: pytest.CaptureFixture[str]) -> None:
    note = Note("SA-W020", "The spacing [mm] was taken from pixdim.")
    with watch_cases() as watch:
        watch(event("one", notes=(note,)))
        watch(event("two", notes=(note,)))
        watch(event("three", refusal=DAMAGED))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("SA-W020  one: The spacing [mm] was taken from pixdim.") == 1
    assert "two" not in told.err
    assert DAMAGED.describe() in told.err


def test_the_summary_counts_cases_and_repeated_notes(capsys: pytest.CaptureFixture[str]) -> None:
    note = Note("SA-W020", "The spacing was taken from pixdim.")
    with watch_cases() as watch:
        watch(event("one", notes=(note,)))
        watch(event("two", notes=(note,)))
    assert watch.summarise(result(done=2, skipped=1, failed=(DAMAGED,)), Path("out")) is Exit.SOME_FAILED
    assert capsys.readouterr().out.splitlines() == [
        "2 done, 1 done earlier, 1 failed",
        "SA-W020 was noted 2 times",
        "model acdc: its terms",
        "results: out",
    ]


def test_the_summary_names_what_was_set_aside(capsys: pytest.CaptureFixture[str]) -> None:
    with watch_cases() as watch:
        assert watch.summarise(result(done=1, set_aside=(LONG_AXIS,)), Path("out")) is Exit.DONE
    assert capsys.readouterr().out.splitlines()[:2] == [
        "1 done, 1 set aside",
        "set aside: view0, 1 slice under a name that says long axis (a_4ch.nii)",
    ]


def test_without_a_terminal_training_says_a_line_a_minute_with_the_time_left() -> None:
    out, times = StringIO(), iter([0.0, 30.0, 60.0, 61.0, 62.0])
    log = TrainingLog(Console(file=out, width=200), lambda: next(times))
    for step in (1, 16, 31, 32, 61):
        log("segment", step, 61, 0.5)
    assert out.getvalue().splitlines() == [
        "segment  step 31/61  loss 0.5000, 1 min left",
        "segment  step 61/61  loss 0.5000, 0 min left",
    ]
