"""Killed at random moments, nothing is lost but the time since the last save; `benchmarks/kills.py` does many more."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lookalike.acdc_tree import make_acdc_tree
from tests.survival.harness import Task, kill_at_random
from tests.survival.tasks import Keeping, Predicting, Training

NAMES = ("training", "keeping", "predicting")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Task]:
    root = tmp_path_factory.mktemp("kills")
    make_acdc_tree(root / "data", 4)
    training = Training(root / "data")
    training.run(root / "model")
    model = root / "model/fold-0/model.safetensors"
    every = (training, Keeping(root / "data"), Predicting(root / "data/training", model))
    return {task.name: task for task in every}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_few_kills_leave_goes_on_to_the_same_result(name: str, tasks: dict[str, Task], tmp_path: Path) -> None:
    tally = kill_at_random(tasks[name], 2, tmp_path, seed=1)
    assert tally.kills == 2 and tally.is_clean, tally


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kills"), [("training", 80), ("keeping", 40), ("predicting", 80)])
def test_what_many_kills_leave_goes_on_to_the_same_result(
    name: str, kills: int, tasks: dict[str, Task], tmp_path: Path
) -> None:
    tally = kill_at_random(tasks[name], kills, tmp_path, seed=2)
    assert tally.kills == kills and tally.is_clean, tally


@dataclass(frozen=True)
class Careless:
    """Writes in place, and counts how often it began: all that the harness is there to find."""

    name: str = "careless"

    def run(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "result").open("a") as file:
            for _ in range(40):
                file.write("x")
                file.flush()
                time.sleep(0.005)

    def check(self, folder: Path) -> None:
        path = folder / "result"
        assert not path.exists() or path.stat().st_size % 40 == 0, "half a result"

    def result(self, folder: Path) -> dict[str, str]:
        return {"result": (folder / "result").read_text()}


def test_a_task_that_writes_in_place_is_caught(tmp_path: Path) -> None:
    tally = kill_at_random(Careless(), 6, tmp_path, seed=0)
    assert tally.unreadable and tally.different and not tally.failed


@dataclass(frozen=True)
class Failing(Careless):
    def run(self, folder: Path) -> None:
        raise ValueError(f"no, says {os.getpid()}")


def test_a_task_that_fails_is_heard_and_not_taken_for_a_killed_one(tmp_path: Path) -> None:
    tally = kill_at_random(Failing(), 1, tmp_path, seed=0)
    assert "no, says" in tally.failed[0] and not tally.is_clean
