"""Random kills (SIGKILL) over training, keeping trained stages, and predicting.

    python -m benchmarks.kills --kills 200

After each kill what is on disk must be readable and at most one save interval lost; the task then goes on, is killed
again, and what it comes to in the end must equal an uninterrupted run's to the bit. A line for each task and one for all;
exit status 1 where anything was lost. On a CPU, with networks and look-alike data that take seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import cv2  # noqa: F401 - imported before the forks, which else would each wait for it
import scipy.ndimage  # noqa: F401
import torch

from shortaxis.report import html  # noqa: F401
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.survival.harness import Task, kill_at_random
from tests.survival.tasks import Keeping, Predicting, Training

SHARES = {"training": 0.4, "keeping": 0.2, "predicting": 0.4}


def main() -> None:
    """Kill, go on, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    began, tallies = time.monotonic(), []
    with tempfile.TemporaryDirectory() as name:
        for task in tasks(Path(name)):
            count = round(SHARES[task.name] * options.kills)
            tally = kill_at_random(task, count, Path(name) / task.name, options.seed)
            tallies.append(tally)
            print(tally.line, flush=True)
            for what in (*tally.unreadable, *tally.failed, *tally.different):
                print(f"  {what}")
    clean = all(tally.is_clean for tally in tallies)
    total = sum(tally.kills for tally in tallies)
    lost = sum(len(tally.unreadable) + len(tally.failed) + len(tally.different) for tally in tallies)
    print(f"{total} kills, seed {options.seed}: {lost} states, runs or results lost; {time.monotonic() - began:.0f} s")
    sys.exit(0 if clean else 1)


def tasks(root: Path) -> list[Task]:
    """The tasks on four look-alike patients, with a model that was trained on them for the one that predicts."""
    make_acdc_tree(root / "data", 4)
    training = Training(root / "data")
    training.run(root / "model")
    return [training, Keeping(root / "data"), Predicting(root / "data", root / "model/fold-0/model.safetensors")]


if __name__ == "__main__":
    main()
