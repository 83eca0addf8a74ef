"""SIGTERM and Ctrl-C in the middle of `shortaxis train`: the last whole step is saved, and the program says how to go on."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shortaxis.cli import progress
from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.main import status_of
from shortaxis.jobs.train_stage import stop_on_signal
from shortaxis.train.state import CURRENT, read_state
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.survival.tasks import SMALL, Training

Watch = Callable[[str, int, int, float], None]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("signals")
    make_acdc_tree(root, 4)
    return root


def train(data: Path, out: Path, *words: str) -> tuple[int, str]:
    told = io.StringIO()
    settings = [
        f"--set={part}.{key}={list(value) if isinstance(value, tuple) else value}".replace("'", '"')
        for part, held in SMALL.items()
        for key, value in held.items()
        if not isinstance(value, dict)
    ]
    crop = [f"--set=segment.crop.{key}={value}" for key, value in SMALL["segment"]["crop"].items()]
    line = ["train", "unet", "--data", str(data), "--dataset", "acdc", "--out", str(out), "--folds", "2"]
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        status = status_of([*line, "--recipe", "tuned", "--device", "cpu", "--precision", "float32",
                            "--workers", "2", *settings, *crop, *words])  # fmt: skip
    return status, told.getvalue()


def sends(kind: signal.Signals, stage: str, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be sent a signal after a step of a stage."""

    @contextmanager
    def watching() -> Iterator[Watch]:
        yield lambda name, step, steps, loss: os.kill(os.getpid(), kind) if (name, step) == (stage, at) else None

    monkeypatch.setattr(progress, "watch_training", watching)


@pytest.mark.parametrize(
    ("kind", "stage", "at"), [(signal.SIGTERM, "segment", 4), (signal.SIGINT, "locate", 2)]
)  # the first with a validation due after it
def test_a_signal_ends_training_with_the_last_whole_step_saved_and_resume_goes_on_to_the_same_model(
    kind: signal.Signals, stage: str, at: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends(kind, stage, at, monkeypatch)
    status, told = train(data, tmp_path / "cut")
    assert status == Exit.INTERRUPTED == 130 and "--resume goes on" in told
    facts, _ = read_state(tmp_path / "cut/fold-0" / stage / CURRENT)
    assert facts["step"] == at
    assert not (tmp_path / "cut/fold-0/model.safetensors").exists()
    monkeypatch.undo()
    status, told = train(data, tmp_path / "cut", "--resume")
    assert status == 0, told
    whole = Training(data)
    whole.run(tmp_path / "whole")
    assert whole.result(tmp_path / "cut") == whole.result(tmp_path / "whole")


def test_a_second_signal_ends_at_once() -> None:
    with stop_on_signal() as stopped:
        assert not stopped()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
