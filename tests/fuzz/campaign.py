"""A format's mutants in a worker that may die, watched from here.

A mutant that kills or stalls the worker inside a decoder, which for a user runs in a child process, is opened once more as
a user would; it counts as refused only if that ends in one typed refusal. Any other death or stall is a finding.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
STALL_S = 30.0  # a mutant takes milliseconds; this is a busy machine's allowance
DECODER_STALL_S = 10.0  # a decoder that is still at work then is looked at as a user would meet it
START_S = 180.0  # imports and seeds
AS_A_USER_S = 120.0  # a child process is held to `worker.CHILD_SECONDS`
_DIED = {"died": True}


@dataclass
class Tally:
    """What a format's mutants came to. Mutable: it grows while they run.

    Attributes:
        done: mutants so far; the next one has this number.
        refused: by code.
        accepted: opened without complaint.
        decoder_deaths: mutants that ended the decoder, each one typed refusal for a user.
        findings: by the mutant's number what went wrong.
        seconds: spent on them, all runs together.
        peak_mb: the most memory the worker ever held.
    """

    done: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    decoder_deaths: int = 0
    findings: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    peak_mb: int = 0

    def line(self, name: str) -> str:
        """The format's line in the table."""
        by_code = ", ".join(f"{code} {count}" for code, count in sorted(self.refused.items()))
        return (
            f"{name}: {self.done} mutants, {sum(self.refused.values())} refused ({by_code}), {self.accepted} accepted, "
            f"{self.decoder_deaths} ended the decoder's process, {len(self.findings)} findings, "
            f"{self.seconds:.0f} s, peak {self.peak_mb} MB"
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def fuzz(name: str, tally: Tally, until: int, keep: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """Go on with a format from `tally.done` to `until` mutants; `keep` is called with the tally now and then."""
    while tally.done < until:
        began, first = time.monotonic(), tally.done
        for line in _watched(name, first, until):
            _count(name, tally, line)
            tally.seconds, began = tally.seconds + time.monotonic() - began, time.monotonic()
            if tally.done % 200 == 0:
                keep(tally)
        if tally.done == first:
            raise RuntimeError(f"the worker of {name} does not start")
        keep(tally)
    return tally


def _count(name: str, tally: Tally, line: dict[str, Any]) -> None:
    tally.peak_mb = max(tally.peak_mb, line.get("peak_kb", 0) // 1024)
    if "died" in line:
        number = line["number"]
        if line["phase"] == "child":
            tally.decoder_deaths += 1
            line = _as_a_user(name, number)
        else:
            line = {"finding": f"the process {line['how']}"}
    else:
        number = line["end"]
    if "finding" in line:
        tally.findings[str(number)] = line["finding"]
    elif "refused" in line:
        tally.refused[line["refused"]] = tally.refused.get(line["refused"], 0) + 1
    else:
        tally.accepted += 1
    tally.done = number + 1


def _as_a_user(name: str, number: int) -> dict[str, Any]:
    """One mutant again, decoders in a child process."""
    lines = list(_watched(name, number, number + 1, "--child", stall_s=AS_A_USER_S))
    last = lines[-1] if lines else _DIED
    return {"finding": f"the process {last.get('how', 'does not start')}"} if "died" in last else last


def _watched(name: str, first: int, last: int, *options: str, stall_s: float = STALL_S) -> Iterator[dict[str, Any]]:
    """The worker's ends, and as the last one how it died, where it did."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.fuzz.worker", name, folder, str(first), str(last), *options]
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "OMP_NUM_THREADS": "1",
            "PYTHONHASHSEED": "0",
        }
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment)
        try:
            yield from _ends(worker, stall_s)
        finally:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()


def _ends(worker: subprocess.Popen[str], stall_s: float) -> Iterator[dict[str, Any]]:
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(worker, lines), daemon=True).start()
    number, phase, how = None, "back", ""
    while not how:
        try:
            text = lines.get(timeout=_patience(number, phase, stall_s))
        except queue.Empty:
            how = "stalled"
            break
        if not text:
            how = f"ended with status {worker.wait()}"
            break
        line = json.loads(text)
        if "begin" in line:
            number, phase = line["begin"], "back"
        elif "phase" in line:
            phase = line["phase"]
        else:
            number, phase = None, "back"
            yield line
    if number is not None:
        yield {"died": True, "number": number, "phase": phase, "how": how}


def _patience(number: int | None, phase: str, stall_s: float) -> float:
    if number is None:
        return START_S
    return min(stall_s, DECODER_STALL_S) if phase == "child" else stall_s


def _listen(worker: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    if worker.stdout is not None:
        for text in worker.stdout:
            lines.put(text)
    lines.put("")
