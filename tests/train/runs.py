"""Runs that tests start in processes of their own: one that is killed, and two that train together."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from shortaxis.core.compute import Compute
from shortaxis.core.labels import ACDC
from shortaxis.core.method import Loss
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch
from shortaxis.losses.dice_ce import dice_ce_loss
from shortaxis.train.distributed import process_group, rank_and_world
from shortaxis.train.loop import FitRun, fit
from tests.train.tiny import TinyStage, tiny_samples

CPU = Compute("cpu", False)
EXAMPLES, VALIDATION = tiny_samples(10), tiny_samples(4, seed=1)
# 10 examples in batches of 4: step 3 lies across two epochs. All that a state must carry is switched on.
FULL = TinyStage(
    FitRecipe(
        steps=9,
        batch=4,
        optimiser="adamw",
        learning_rate=0.02,
        weight_decay=0.01,
        schedule="plateau",
        plateau_patience=0,
        plateau_min_delta=0.5,
        warmup_steps=2,
        validate_every=2,
        average_decay=0.9,
        clip_norm=1.0,
    )
)


def run_in(folder: Path) -> FitRun:
    return FitRun(folder, CPU, {"run": "test"}, save_every=2, workers=0)


def killed_run(folder: Path, step: int) -> None:
    """Train `FULL` and die without a word right after `step`."""

    def report(done: int, steps: int, loss: float) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    fit(FULL, ACDC, EXAMPLES, VALIDATION, replace(run_in(folder), report=report, workers=2))


@dataclass(frozen=True)
class SeveralPasses(TinyStage):
    """Two passes through the network in one step, as Monte-Carlo dropout makes them."""

    def loss(self, net: torch.nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        logits = torch.stack([net(batch.image) for _ in range(2)]).mean(0)
        return Loss(*dice_ce_loss(logits, batch.fields["labels"]))


@dataclass(frozen=True)
class CrossEntropy(TinyStage):
    """A loss that is a mean over samples, so that two halves average to the whole."""

    def loss(self, net: torch.nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        return Loss(torch.nn.functional.cross_entropy(net(batch.image), batch.fields["labels"]))


PLAIN = CrossEntropy(FitRecipe(steps=5, batch=4, learning_rate=0.02, average_decay=0.9), norm=False, dropout=0.0)
PASSES = SeveralPasses(FitRecipe(steps=2, batch=4))


def together(folder: Path) -> None:
    """What each of two processes does: three runs, each process's weights beside each other."""
    with process_group():
        rank, _ = rank_and_world()
        facts = {}
        for name, stage, stops in (("plain", PLAIN, False), ("full", FULL, True), ("passes", PASSES, False)):
            seen: list[int] = []
            run = replace(
                run_in(folder / name),
                report=lambda done, steps, loss, seen=seen: seen.append(done),
                stop=lambda seen=seen, stops=stops: stops and rank == 0 and seen[-1] == 7,  # only one was asked to stop
            )
            state = fit(stage, ACDC, EXAMPLES, VALIDATION if stage is FULL else [], run)
            save_file({k: v.contiguous() for k, v in state.net.items()}, folder / f"{name}-{rank}.safetensors")
            facts[name] = {"step": state.step, "losses": state.validation_losses, "reported": len(seen)}
        (folder / f"facts-{rank}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "killed":
        killed_run(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        together(Path(sys.argv[2]))
