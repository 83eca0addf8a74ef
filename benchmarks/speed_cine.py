"""Whole-process time and peak memory of `shortaxis segment` on a 4D cine of 30 different frames x 10 slices of 256 x 216.

    python benchmarks/speed_cine.py [--runs 5]

The scan is the phantom (its frames differ). Each run is a fresh process with every output written: masks, measures,
report, manifest. One run to warm the disk's cache is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from shortaxis.pipeline import write_phantom
from shortaxis.read.phantom import PhantomRecipe


def timed_run(scan: Path, out: Path, extra: list[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak memory in MiB of one process."""
    command = [sys.executable, "-m", "shortaxis", "segment", str(scan), "--out", str(out), *extra]
    began = time.monotonic()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]  # the table of indices, once for every run
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"segment ended with status {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print one table row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", default=None)
    options = parser.parse_args()
    extra = ["--model", options.model] if options.model else []
    with tempfile.TemporaryDirectory() as folder:
        scan = write_phantom(PhantomRecipe(), Path(folder) / "scan")
        runs = [timed_run(scan, Path(folder) / f"out{index}", extra) for index in range(options.runs + 1)][1:]
    print(f"| {'figure':<14} | min | median | max |")
    print("|---|---|---|---|")
    for name, values in zip(("wall s", "CPU s", "peak MiB"), zip(*runs, strict=True), strict=True):
        print(f"| {name:<14} | {min(values):.1f} | {statistics.median(values):.1f} | {max(values):.1f} |")


if __name__ == "__main__":
    main()
