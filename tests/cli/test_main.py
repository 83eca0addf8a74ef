"""What the program does with what it is told, and the status it ends with."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import get_type_hints

import pytest
import typer
import typer.rich_utils

import shortaxis
from shortaxis.cli import main, options
from shortaxis.cli.exit_codes import Exit, exit_for
from shortaxis.core.errors import (
    BadConfiguration,
    DamagedFile,
    InternalFault,
    OutputExists,
    UnknownName,
    WriteFailed,
    every_error,
)
from shortaxis.files.trust import Trust


def pipeline_where(monkeypatch: pytest.MonkeyPatch, **functions: object) -> None:
    """Stand a pipeline in for the real one, so that what is tested is the command alone."""
    stand_in = ModuleType("shortaxis.pipeline")
    for name, function in functions.items():
        setattr(stand_in, name, function)
    monkeypatch.setitem(sys.modules, "shortaxis.pipeline", stand_in)
    monkeypatch.setitem(vars(shortaxis), "pipeline", stand_in)


def raising(problem: BaseException) -> object:
    def function(*_: object, **__: object) -> None:
        raise problem

    return function


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.status_of(["--version"]) == Exit.DONE
    assert capsys.readouterr().out.strip() == shortaxis.__version__


def test_help_names_every_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.status_of(["--help"]) == Exit.DONE
    told = " ".join(capsys.readouterr().out.split())
    for code in Exit:
        assert f"{int(code)} {code.meaning}" in told


def test_a_fault_of_the_program_in_a_case_has_the_status_of_one() -> None:
    assert exit_for(InternalFault("a case like any other", "ZeroDivisionError", "please report this")) is Exit.INTERNAL


def test_demo_ends_with_the_measured_fraction_beside_the_true_one_and_the_place_of_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shown = SimpleNamespace(terms="model acdc: its terms", measured_ef_percent=56.51, true_ef_percent=60.0)
    pipeline_where(monkeypatch, demo=lambda out: SimpleNamespace(**vars(shown), report=out / "report.html"))
    assert main.status_of(["demo", "--out", str(tmp_path)]) == Exit.DONE
    assert capsys.readouterr().out.splitlines() == [
        "model acdc: its terms",
        "Left-ventricular ejection fraction: measured 56.5 %, true 60.0 %",
        f"Report: {tmp_path / 'report.html'}",
    ]


def test_every_option_says_what_it_is() -> None:
    for name, command in typer.main.get_command(main.app).commands.items():  # type: ignore[attr-defined]
        for option in command.params:
            assert option.param_type_name == "argument" or option.help, f"{name} {option.opts}"


def test_every_help_shows_its_words_as_they_were_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A word in square brackets, such as a TOML table's, is no markup for the terminal to take away."""
    monkeypatch.setattr(typer.rich_utils, "MAX_WIDTH", 500)
    for registered in main.app.registered_commands:
        assert registered.callback is not None
        name = str(registered.name or registered.callback.__name__).replace("_", "-")
        assert main.status_of([name, "--help"]) == Exit.DONE
        shown = " ".join(capsys.readouterr().out.split())
        hints = get_type_hints(registered.callback, include_extras=True).values()
        facts = [fact for hint in hints for fact in getattr(hint, "__metadata__", ())]
        told = [fact.help for fact in facts if getattr(fact, "help", None)]
        for words in [*told, *str(registered.help).split("\n\n")]:
            assert " ".join(words.split()) in shown, f"{name}: {words}"


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.status_of(["segment", "--colour"]) == Exit.USAGE
    assert "--colour" in capsys.readouterr().err


def test_a_refusal_is_told_on_stderr_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline_where(
        monkeypatch, list_methods=raising(DamagedFile("a whole file", "half of one", "copy it again", "a.nii"))
    )
    assert main.status_of(["methods"]) == Exit.INPUT_REFUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "SA-E003 damaged or truncated file",
        "  file:     a.nii",
        "  expected: a whole file",
        "  found:    half of one",
        "  way out:  copy it again",
    ]


def test_an_unforeseen_error_is_one_line_and_a_way_to_report_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline_where(monkeypatch, list_methods=raising(ZeroDivisionError("division by zero")))
    assert main.status_of(["methods"]) == Exit.INTERNAL
    first, second = capsys.readouterr().err.splitlines()
    assert first == "SA-E999 internal error: ZeroDivisionError: division by zero"
    assert "--debug" in second


def test_debug_shows_the_traceback_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline_where(monkeypatch, list_methods=raising(ZeroDivisionError("division by zero")))
    for line in (["--debug", "methods"], ["methods", "--debug"]):
        assert main.status_of(line) == Exit.INTERNAL
        assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interruption_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline_where(monkeypatch, list_methods=raising(KeyboardInterrupt()))
    assert main.status_of(["methods"]) == Exit.INTERRUPTED


def test_a_reader_that_stops_listening_is_no_error_to_talk_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline_where(monkeypatch, list_methods=raising(BrokenPipeError(32, "Broken pipe")))
    main.status_of(["methods"])
    assert capsys.readouterr().err == ""


def test_each_refusal_has_a_status_by_its_block() -> None:
    assert exit_for(DamagedFile("", "", "")) is Exit.INPUT_REFUSED
    assert exit_for(OutputExists("", "", "")) is Exit.NOT_WRITTEN
    assert exit_for(BadConfiguration("", "", "")) is Exit.CONFIGURATION
    assert exit_for(UnknownName("", "", "")) is Exit.USAGE
    refusals = [kind for kind in every_error() if kind is not InternalFault]
    assert all(exit_for(kind("", "", "")) in set(Exit) - {Exit.DONE, Exit.INTERNAL} for kind in refusals)


@pytest.mark.parametrize(("text", "share"), [(None, None), ("1/1", (1, 1)), ("2/8", (2, 8))])
def test_a_share_of_the_cases_is_counted_from_one(text: str | None, share: tuple[int, int] | None) -> None:
    assert options.shard_of(text) == share


@pytest.mark.parametrize("text", ["0/4", "5/4", "2", "a/b", "-1/4", "1/4/2"])
def test_an_impossible_share_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="i/n"):
        options.shard_of(text)


def test_a_box_is_first_row_first_column_last_row_last_column() -> None:
    assert options.box_of("60,80, 190,200") == (60, 80, 190, 200)


@pytest.mark.parametrize("text", ["60,80,190", "190,80,60,200", "60,80,190,80", "a,b,c,d"])
def test_an_impossible_box_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected r0"):
        options.box_of(text)


def test_settings_are_toml_values_under_dotted_names() -> None:
    told = ["fit.steps=10", "fit.learning_rate=1e-3", "repair=true", "widths=[1, 2]", "name=unet", 'text="1"']
    assert options.settings_of(told) == {
        "fit": {"steps": 10, "learning_rate": 1e-3},
        "repair": True,
        "widths": [1, 2],
        "name": "unet",
        "text": "1",
    }


@pytest.mark.parametrize("text", ["steps", "=3", "a..b=3"])
def test_a_setting_without_a_name_or_a_value_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="key=value"):
        options.settings_of([text])


def test_a_setting_cannot_be_value_and_group() -> None:
    with pytest.raises(typer.BadParameter, match="both"):
        options.settings_of(["fit=1", "fit.steps=2"])


def test_frame_numbers_become_indices_and_what_is_not_given_stays_unknown() -> None:
    facts = options.facts_of("female", 170.0, None, None, None, 1, 13)
    assert (facts.ed_index, facts.es_index) == (0, 12)
    assert (facts.sex, facts.height_cm, facts.weight_kg) == ("female", 170.0, None)


@pytest.mark.parametrize("height", [0.0, -170.0, float("nan"), float("inf")])
def test_a_height_that_is_no_length_is_refused(height: float) -> None:
    with pytest.raises(typer.BadParameter, match="above 0"):
        options.facts_of(None, height, None, None, None, None, None)


def test_a_height_in_metres_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="metres"):
        options.facts_of(None, 1.78, None, None, None, None, None)


def test_ctrl_c_says_that_what_is_finished_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline_where(monkeypatch, list_methods=raising(KeyboardInterrupt()))
    main.status_of(["methods"])
    assert capsys.readouterr().err == "interrupted; what is finished is kept\n"


def test_an_unknown_label_scheme_is_refused_before_any_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["segment", str(tmp_path), "-o", str(tmp_path / "out"), "--label-scheme", "acdcc"]
    assert main.status_of(line) == Exit.USAGE
    assert "SA-E060" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_input_that_may_not_be_read_is_left_to_the_reader_to_refuse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Path] = []
    pipeline_where(
        monkeypatch,
        check_inputs=lambda inputs: asked.extend(inputs) or [],
        Trust=Trust,
        trusting=lambda trust: nullcontext(),
    )
    (tmp_path / "a.nii").touch()
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    assert main.status_of(["check", str(tmp_path / "a.nii")]) == Exit.DONE
    assert asked == [tmp_path / "a.nii"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", [["methods"], ["--help"]])
def test_a_full_disk_under_what_is_printed_is_a_refusal_and_a_status(words: list[str]) -> None:
    program = [sys.executable, "-c", "from shortaxis.cli.main import run; run()", *words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == exit_for(WriteFailed("", "", ""))
    assert "SA-E006" in done.stderr and "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


def test_the_lines_of_a_help_text_are_joined_within_a_paragraph() -> None:
    def command() -> None:
        """First.

        Second paragraph
        goes on.
        """

    assert main._help_of(command) == "First.\n\nSecond paragraph goes on."
