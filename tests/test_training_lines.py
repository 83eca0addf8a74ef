"""The command lines that say how the shipped weights were trained are lines of today's program, to the last setting."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import shortaxis.pipeline
from shortaxis.cli.main import app
from shortaxis.jobs.training_cases import Naming
from shortaxis.methods import method_named

TRAINING = Path(__file__).parents[1] / "weights" / "training"
SETTINGS = sorted(TRAINING.rglob("*.toml"))


def shown_lines() -> list[str]:
    """Every `shortaxis train` line of the page's blocks, continued lines joined."""
    blocks = re.findall(r"```\n(.*?)```", (TRAINING / "README.md").read_text("utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("shortaxis train ")]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks of the pipeline, which trains nothing."""
    seen: dict[str, Any] = {}

    def train_method(method: str, data: Path, dataset: str, out: Path, options: Any, watch: object) -> tuple[Path]:
        seen.update(method=method, dataset=dataset, out=out, options=options)
        return (out / "model.safetensors",)

    monkeypatch.setattr(shortaxis.pipeline, "train_method", train_method)
    monkeypatch.chdir(TRAINING)  # the lines name their settings' files beside the page
    return seen


def test_the_page_shows_every_leg_that_was_trained_by_train() -> None:
    words = [shlex.split(line) for line in shown_lines()]
    assert [(line[2], line[line.index("--config") + 1]) for line in words] == [
        *(("unet", f"leg-{number}.toml") for number in (1, 2, 3, 4)),
        ("dadu", "dadu/leg-2.toml"),
        ("foanet", "foanet/leg-2.toml"),
        ("halsrnet", "halsrnet/leg-4.toml"),
        *(("uncertainty-unet", f"uncertainty-unet-cine/leg-{number}.toml") for number in (2, 3, 4)),
        *(("uncertainty-unet", f"uncertainty-unet-lge/leg-{number}.toml") for number in (1, 2)),
        *(("attention-mnet", f"attention-mnet/leg-{number}.toml") for number in (1, 2)),
    ]


@pytest.mark.parametrize("line", shown_lines())
def test_every_line_is_taken_with_all_its_settings(line: str, asked: dict[str, Any]) -> None:
    answer = CliRunner().invoke(app, shlex.split(line)[1:])
    assert answer.exit_code == 0, answer.output
    method, options = method_named(asked["method"]), asked["options"]
    recipe = method.recipes[options.recipe].overlaid(options.changes)
    assert recipe != method.recipes[options.recipe]  # the leg's own settings reach it
    assert options.fold in (0, "none")
    assert options.stage in (None, *(stage.name for stage in method.stages(recipe)))
    assert (options.init is None) == (options.stage is None)  # later legs start from the one before


def test_names_of_files_reach_the_reader(asked: dict[str, Any]) -> None:
    line = "train unet --data D --dataset labelled --out run --images */sa.nii.gz --labels truth.nii.gz --patient-before _v"
    assert CliRunner().invoke(app, line.split()).exit_code == 0
    assert asked["options"].naming == Naming("*/sa.nii.gz", "truth.nii.gz", "_v")


@pytest.mark.parametrize("leg", [1, 2, 3])
def test_halsrnets_lines_are_taken_with_their_settings(leg: int, asked: dict[str, Any]) -> None:
    line = "train halsrnet --recipe tuned --label-scheme acdc --stage segment --data D --dataset acdc --out run"
    answer = CliRunner().invoke(app, [*line.split(), "--config", f"halsrnet/leg-{leg}.toml", "--init", "FILE"])
    assert answer.exit_code == 0, answer.output
    assert asked["options"].changes["segment_fit"]["steps"] > 0


@pytest.mark.parametrize("file", SETTINGS, ids=lambda file: str(file.relative_to(TRAINING)))
def test_every_file_of_settings_belongs_to_a_line(file: Path) -> None:
    page = (TRAINING / "README.md").read_text("utf-8")
    assert f"--config {file.name}" in page or f"`{file.parent.name}/`" in page
