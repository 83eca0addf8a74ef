"""What the Monte-Carlo passes cost in training: seconds a step with alpha 3 and N passes against alpha 0 and one.

    python benchmarks/uncertainty_overhead.py [--recipe tuned] [--passes 5] [--steps 5] [--device cpu]

Steps of both are taken in turn on one random batch of the recipe's size, forward, loss and backward; a first one of each
is not timed, but its multiply-adds forward are counted, of convolutions and matrix products, for one block.
Prediction is the same network in both cases, so there is nothing to measure.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from shortaxis.core.compute import choose_compute
from shortaxis.core.labels import ACDC
from shortaxis.core.sample import Batch
from shortaxis.methods.uncertainty_unet import METHOD, UncertaintyStage


def random_batch(stage: UncertaintyStage, device: str) -> Batch:
    """A batch of the stage's size: time does not depend on what is in it."""
    window = stage.config.window
    size = (stage.fit.batch, window.depth, window.plane.size_px, window.plane.size_px)
    labels = torch.randint(0, len(ACDC.structures) + 1, size)
    return Batch(torch.randn(size)[:, None], {"labels": labels, "drawn": torch.ones_like(labels)}, {}).to(device)


def timed_step(stage: UncertaintyStage, net: torch.nn.Module, batch: Batch, device: str) -> float:
    """Seconds of one forward, loss and backward."""
    began = time.perf_counter()
    stage.loss(net, batch, torch.Generator(device).manual_seed(0)).total.backward()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - began


def forward_multiply_adds(stage: UncertaintyStage, net: torch.nn.Module, batch: Batch, device: str) -> float:
    """Of a step's forward passes, for one of the batch's blocks."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        stage.loss(net, batch, torch.Generator(device).manual_seed(0))
    return counter.get_total_flops() / 2 / len(batch.image)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", choices=("paper", "tuned"), default="tuned")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--batch", type=int, default=None)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    compute = choose_compute(options.device)
    recipe = METHOD.recipes[options.recipe]
    fit = recipe.segment_fit.model_copy(update={"batch": options.batch or recipe.segment_fit.batch})
    settings = {"alpha 0, 1 pass": {"alpha": 0.0}, f"alpha 3, {options.passes} passes": {"passes": options.passes}}
    stages = {name: UncertaintyStage(recipe.segment.model_copy(update=new), fit) for name, new in settings.items()}
    nets = {name: compute.place(stage.build(ACDC)).train() for name, stage in stages.items()}
    batch = random_batch(next(iter(stages.values())), compute.device)
    seconds: dict[str, list[float]] = {name: [] for name in stages}
    counted = {name: forward_multiply_adds(stage, nets[name], batch, compute.device) for name, stage in stages.items()}
    for _ in range(options.steps + 1):
        for name, stage in stages.items():
            with compute.autocast():
                seconds[name].append(timed_step(stage, nets[name], batch, compute.device))
    first = statistics.median(seconds["alpha 0, 1 pass"][1:])
    print(f"{options.recipe}, batch {fit.batch}, {compute.device}, {torch.get_num_threads()} threads")
    print("| step | multiply-adds, G | min s | median s | of the baseline |")
    print("|---|---|---|---|---|")
    for name, values in seconds.items():
        middle = statistics.median(values[1:])
        print(f"| {name} | {counted[name] / 1e9:.1f} | {min(values[1:]):.2f} | {middle:.2f} | {middle / first:.2f} |")


if __name__ == "__main__":
    main()
