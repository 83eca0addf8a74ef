"""python -m tests.mutation [--out FOLDER] [--minutes N] [--every N] [MODULE ...]: which faults no test notices.

Resumed where it stopped: FOLDER/MODULE.json holds how each fault ended, as long as the module stays as it is. Survivors are
printed as file:line and the change. The exit status is 0 whether or not there are any: a survivor is read, not counted.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.mutation.faults import Fault, faults_of
from tests.mutation.targets import TARGETS
from tests.mutation.trial import NOTICED, STALLED, SURVIVED, trial, warm

ROOT = Path(__file__).parents[2]
BASELINE_S, LEAST_S, TIMES = 600.0, 20.0, 6.0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(TARGETS))
    options.add_argument("--out", type=Path, default=Path(".mutants"))
    options.add_argument("--minutes", type=float, default=float("inf"), help="stop after so long; run again to go on")
    options.add_argument("--every", type=int, default=1, help="try every N-th fault only; the others stay to be tried")
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * given.minutes
    warm()
    for name in given.modules or TARGETS:
        _module(name, given.out, until, given.every)
    return 0


def _module(name: str, out: Path, until: float, every: int) -> None:
    tests = TARGETS[name]
    path = ROOT / "src" / "shortaxis" / f"{name.replace('.', '/')}.py"
    source = path.read_text("utf-8")
    digest = hashlib.sha256(source.encode()).hexdigest()
    kept = out / f"{name}.json"
    held: dict[str, Any] = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    if held.get("source") != digest:
        held = {"source": digest, "ends": {}}
    faults = list(faults_of(source))
    open_ = [
        fault for fault in faults[::every] if held["ends"].get(fault.name) in (None, SURVIVED)
    ]  # tests may be better now
    if open_ and time.monotonic() < until:
        end, seconds = trial(f"shortaxis.{name}", None, tests, BASELINE_S)
        if end != SURVIVED:
            _say(f"{name}: its tests do not pass without a fault ({end})")
            return
        for fault in open_:
            if time.monotonic() > until:
                break
            held["ends"][fault.name], _ = trial(f"shortaxis.{name}", fault.source, tests, max(LEAST_S, TIMES * seconds))
            kept.write_text(json.dumps(held, indent=1), "utf-8")
    _report(name, path, faults, held["ends"])


def _report(name: str, path: Path, faults: Sequence[Fault], ends: dict[str, str]) -> None:
    found = [ends.get(fault.name) for fault in faults]
    counts = ", ".join(f"{found.count(end)} {end}" for end in (NOTICED, STALLED, SURVIVED))
    _say(f"{name}: {len(faults)} faults, {counts}, {found.count(None)} not tried")
    for fault in faults:
        if ends.get(fault.name) == SURVIVED:
            _say(f"  {path.relative_to(ROOT)}:{fault.name}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
