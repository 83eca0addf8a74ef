"""Kills a task at random moments, lets it go on, and holds what it comes to against a run that nothing interrupted.

Every attempt is a fork of this process, which has imported torch already: a kill costs what the task takes, not torch's
start. A child that ends by itself is never taken for a killed one, and a killed one is never waited for in vain.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch

MOST_KILLS_IN_A_ROW = 6  # then the task is let go on to its end, which is what is compared
SHARE = (
    0.4  # of the task's length, within which a kill comes: what goes on is shorter, and several in a row reach its end
)
LIMIT_S = 120.0  # for a whole run of a task that takes seconds


class Task(Protocol):
    """Something that writes into a folder and, called again, goes on there."""

    @property
    def name(self) -> str: ...

    def run(self, folder: Path) -> None:
        """Begin, or go on; done when it returns."""
        ...

    def check(self, folder: Path) -> None:
        """Raise AssertionError where a kill left something that cannot be read, or lost more than it may."""
        ...

    def result(self, folder: Path) -> dict[str, str]:
        """What must be equal to the bit: a hash by name."""
        ...


@dataclass
class Tally:
    """What became of a task's kills."""

    task: str
    kills: int = 0
    runs: int = 0
    unreadable: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The figures in one line."""
        return (
            f"{self.task:<12} {self.kills:>5} kills {self.runs:>5} runs finished {len(self.unreadable):>4} unreadable"
            f" {len(self.failed):>4} failed {len(self.different):>4} different"
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost."""
        return not (self.unreadable or self.failed or self.different)


def kill_at_random(task: Task, kills: int, root: Path, seed: int) -> Tally:
    """Kill `task` so many times by SIGKILL at random moments; see `Tally`."""
    rng, tally = random.Random(seed), Tally(task.name)
    whole = root / "whole"
    began = time.monotonic()
    if (told := _finish(task, whole)) is not None:
        tally.failed.append(told)
        return tally
    length_s = time.monotonic() - began
    expected = task.result(whole)
    while tally.kills < kills:
        folder = root / f"run-{tally.runs}"
        _worn_down(task, folder, min(kills - tally.kills, MOST_KILLS_IN_A_ROW), SHARE * length_s, rng, tally)
        if (told := _finish(task, folder)) is not None:
            tally.failed.append(told)
        elif (found := task.result(folder)) != expected:
            names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
            tally.different.append(", ".join(names))
        tally.runs += 1
        shutil.rmtree(folder, ignore_errors=True)
    return tally


def _worn_down(task: Task, folder: Path, kills: int, within_s: float, rng: random.Random, tally: Tally) -> None:
    """Up to so many kills in one folder; fewer where the task ended before one came."""
    for _ in range(kills):
        child = _start(task, folder)
        time.sleep(rng.uniform(0.0, within_s))
        if os.waitpid(child, os.WNOHANG)[0] == child:
            return  # it was done, or failed; `_finish` says which
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        tally.kills += 1
        try:
            task.check(folder)
        except Exception as problem:  # noqa: BLE001 - whatever cannot be read is what is being counted
            tally.unreadable.append(f"{type(problem).__name__}: {problem}")


def _finish(task: Task, folder: Path) -> str | None:
    """Let the task go on to its end; what it said where it did not get there."""
    child, deadline = _start(task, folder), time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended == child:
            return None if status == 0 else _log(folder).read_text("utf-8")[-2000:]
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return f"not done after {LIMIT_S:g} s"


def _start(task: Task, folder: Path) -> int:
    """A fork that runs the task in a process group of its own and never returns; its process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        while os.getpgid(child) != child:  # until it leads its own group, a kill of the group would miss it
            time.sleep(0.0005)
        return child
    status = 1
    try:
        os.setpgid(0, 0)
        _quietly(task.run, folder)
        status = 0
    except BaseException:  # noqa: BLE001 - a fork must end here, whatever it was
        _log(folder).write_text(traceback.format_exc(), "utf-8")
    finally:
        os._exit(status)


def _quietly(run: Callable[[Path], None], folder: Path) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    torch.set_num_threads(1)
    run(folder)


def _log(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.log")
