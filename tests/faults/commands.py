"""Command lines that write, as small as the program can be asked for, each with what lies in its folder before."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shortaxis.cli.main import status_of
from tests.faults.disk import Files, files_below
from tests.network.every_command import BUDGET, SETTINGS, TINY

Line = Callable[[Path, Path], list[str]]  # a folder of inputs, the folder to write into -> the words


@dataclass(frozen=True)
class Command:
    """A command line that writes.

    Attributes:
        name: the command's.
        line: its words, repeated to go on or to write over.
        before: the words of an earlier run into the same folder, of which nothing may be lost; none where any earlier
            files will do.
        repeats: whether two clean runs give the same bytes.
        of_cases: whether it works case by case: each has a folder that is replaced as one, what fails is told case by
            case, and the tables over all of them say so.
    """

    name: str
    line: Line
    before: Line | None = None
    repeats: bool = True
    of_cases: bool = False


def run(words: list[str]) -> tuple[int, str]:
    """The exit status of a command line, and all that it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = status_of(words)
    return status, said.getvalue()


def done(words: list[str]) -> None:
    """A run that must end well."""
    status, said = run(words)
    assert status == 0, said


def make_inputs(folder: Path) -> None:
    """What the lines below read."""
    import torch

    from tests.lookalike.acdc_tree import make_acdc_tree

    make_acdc_tree(folder / "acdc", 4)
    (folder / "tiny.toml").write_text(TINY)
    torch.save({"weight": torch.ones(4000)}, folder / "foreign.pth")
    done(["phantom", "--out", str(folder / "phantom"), "--frames", "2", "--slices", "3", "--pixel", "4"])
    done(_train(folder, folder / "run", "0"))


def whole(command: Command, inputs: Path, out: Path) -> tuple[Files, Files]:
    """The folder before and after a run that nothing stops; `before` makes it where the command has such a line."""
    earlier: Files = {}
    if command.before is not None:
        done(command.before(inputs, out))
        earlier = files_below(out)
    done(command.line(inputs, out))
    return earlier, files_below(out)


def _train(inputs: Path, out: Path, fold: str) -> list[str]:
    data = ["--data", str(inputs / "acdc"), "--dataset", "acdc"]
    small = [word for setting in SETTINGS for word in ("--set", setting)]
    return ["train", "unet", *data, "--out", str(out), "--recipe", "tuned", "--folds", "2", "--fold", fold, *small,
            "--resume"]  # fmt: skip


def _compare(inputs: Path, out: Path, fold: str) -> list[str]:
    data = ["--data", str(inputs / "acdc"), "--dataset", "acdc", "--config", str(inputs / "tiny.toml")]
    return ["compare", *data, "--out", str(out), "--train-cases", "0", "--fold", fold, *BUDGET]


def _labels(inputs: Path) -> str:
    return str(inputs / "phantom" / "phantom_gt.nii.gz")


def _scan(inputs: Path) -> str:
    return str(inputs / "phantom" / "phantom.nii.gz")


def _segment(inputs: Path, out: Path) -> list[str]:
    scans = [_scan(inputs), str(inputs / "acdc/training/patient001/patient001_frame01.nii.gz")]
    model = str(inputs / "run/fold-0/model.safetensors")
    return ["segment", *scans, "--out", str(out), "--model", model, "--device", "cpu", "--overwrite"]


def _evaluate(inputs: Path, out: Path) -> list[str]:
    both = ["--reference", str(inputs / "phantom"), "--prediction", str(inputs / "phantom")]
    return ["evaluate", *both, "--out", str(out), "--overwrite"]


def _agree(inputs: Path, out: Path) -> list[str]:
    return ["agree", str(inputs / "acdc"), str(inputs / "acdc"), "--out", str(out), "--overwrite"]


COMMANDS = (
    Command(
        "phantom",
        lambda inputs, out: [
            "phantom", "--out", str(out), "--frames", "3", "--slices", "3", "--pixel", "4", "--overwrite",
        ],
    ),
    Command("segment", _segment, of_cases=True),
    Command("measure", lambda i, out: ["measure", _scan(i), _labels(i), "--out", str(out), "--overwrite"]),
    Command("evaluate", _evaluate),
    Command("agree", _agree),
    Command("reproduce", lambda inputs, out: ["reproduce", "halsrnet", "table-1", "--out", str(out), "--overwrite"]),
    Command(
        "convert-weights",
        lambda inputs, out: [
            "convert-weights", str(inputs / "foreign.pth"), "--out", str(out / "w.safetensors"), "--overwrite",
        ],
    ),
    Command(
        "train", lambda inputs, out: _train(inputs, out, "1"), lambda inputs, out: _train(inputs, out, "0"), repeats=False
    ),
    Command(
        "compare", lambda inputs, out: _compare(inputs, out, "1"), lambda inputs, out: _compare(inputs, out, "0"),
        repeats=False,
    ),
)  # fmt: skip
