"""The program `shortaxis`: its commands, and what every one of them does when something goes wrong."""

from __future__ import annotations

import errno
import inspect
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand

from shortaxis import __version__
from shortaxis.cli.agree import agree
from shortaxis.cli.check import check
from shortaxis.cli.compare import compare
from shortaxis.cli.convert_weights import convert_weights
from shortaxis.cli.demo import demo
from shortaxis.cli.evaluate import evaluate
from shortaxis.cli.exit_codes import Exit, exit_for
from shortaxis.cli.listing import methods, models
from shortaxis.cli.measure import measure
from shortaxis.cli.nnunet import nnunet
from shortaxis.cli.phantom import phantom
from shortaxis.cli.reproduce import reproduce
from shortaxis.cli.segment import segment
from shortaxis.cli.split_effect import split_effect
from shortaxis.cli.train import train
from shortaxis.core.errors import ShortaxisError, WriteFailed


def _help_of(command: Callable[..., None]) -> str:
    """A command's docstring with the lines of a paragraph joined, so that the terminal breaks them where it is wide."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(command.__doc__ or ""))


class PlainCommand(TyperCommand):
    """A command whose help is plain text: `[[entry]]` is shown as it stands, never taken for the terminal's markup."""

    def __init__(self, *words: Any, **settings: Any) -> None:
        super().__init__(*words, **settings)
        self.help = escape(self.help or "")
        for parameter in self.params:
            told = getattr(parameter, "help", None)
            if told:
                setattr(parameter, "help", escape(told))  # noqa: B010 - click's base class knows no help


_EXITS = "Exit status: " + "  ".join(f"[bold]{int(code)}[/bold] {code.meaning}" for code in Exit)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # `run` decides what of an exception is shown
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_INTERRUPTED = "interrupted; what is finished is kept"
_SCANS, _SCIENCE, _SHELF = "Scans", "Methods", "What there is"
for command, panel in (
    (segment, _SCANS),
    (measure, _SCANS),
    (check, _SCANS),
    (train, _SCIENCE),
    (evaluate, _SCIENCE),
    (agree, _SCIENCE),
    (compare, _SCIENCE),
    (reproduce, _SCIENCE),
    (split_effect, _SCIENCE),
    (nnunet, _SCIENCE),
    (convert_weights, _SCIENCE),
    (phantom, _SCIENCE),
    (methods, _SHELF),
    (models, _SHELF),
    (demo, _SHELF),
):
    app.command(cls=PlainCommand, rich_help_panel=panel, help=_help_of(command))(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback(epilog=_EXITS)
def _program(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere in the line.")] = False,
) -> None:
    """Cardiac MR from the scanner's files to masks, clinical indices and a report.

    For research. Not a medical device.
    """


def run() -> None:
    """Entry point: run the command line and exit with a documented status."""
    status = status_of(sys.argv[1:])
    try:
        sys.stdout.flush()  # what was printed into a file on a full disk fails only here
    except OSError as problem:
        if problem.errno in NO_ROOM:  # else nobody reads on, as behind `| head`
            refusal = _no_room(problem)
            print(refusal.describe(), file=sys.stderr)
            status = exit_for(refusal)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter fails on it once more
    sys.exit(status)


def status_of(arguments: list[str]) -> int:
    """Run one command line and give its exit status; refusals go to stderr in the form `ShortaxisError.describe`."""
    debug = "--debug" in arguments
    try:
        app([word for word in arguments if word != "--debug"], prog_name="shortaxis")
    except SystemExit as end:  # how typer ends, also after a usage error
        if _is_interruption(end):
            print(_INTERRUPTED, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(Exit.DONE)
    except KeyboardInterrupt:
        print(_INTERRUPTED, file=sys.stderr)
        return Exit.INTERRUPTED
    except Exception as problem:  # noqa: BLE001 - the last line of defence: whatever it is, one line and a status
        if debug:
            _print_traceback()
        if isinstance(problem, OSError) and problem.errno in NO_ROOM:
            problem = _no_room(problem)
        if not isinstance(problem, ShortaxisError):
            return _internal(problem)
        print(problem.describe(), file=sys.stderr)
        return exit_for(problem)
    return Exit.DONE


def _internal(problem: Exception) -> Exit:
    print(f"SA-E999 internal error: {type(problem).__name__}: {problem}", file=sys.stderr)
    way_out = f"run it again with --debug and report what it shows, with version {__version__}"
    print(f"  way out:  {way_out}", file=sys.stderr)
    return Exit.INTERNAL


def _no_room(problem: OSError) -> WriteFailed:
    """For what is printed; every file goes through the writer, which has its own words."""
    return WriteFailed(
        "room for what is printed", str(problem), "free space, then run the same line again", "the output"
    )


def _is_interruption(end: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it; typer turns that into an exit of its own."""
    while end is not None and not isinstance(end, KeyboardInterrupt):
        end = end.__context__
    return end is not None


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()
