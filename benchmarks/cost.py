"""What methods cost: parameters and multiply-adds at full width, and on request seconds and memory of a training step.

    python benchmarks/cost.py unet foanet --recipe tuned
    python benchmarks/cost.py dadu --recipe paper --steps 3

Counted on the phantom (10 slices of 256 x 216) with the box of its drawn heart. Multiply-adds are those of convolutions and
matrix products of one forward pass in prediction; per slice, over all of a frame's samples. With `--steps N` each stage
takes N training steps on one batch of its recipe's size in a process of its own: the median's seconds without the first (of
one step, that one), and the process' highest memory (VmHWM, libraries included; on a GPU torch's own figure).
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from typing import Literal, cast

from shortaxis.core.compute import choose_compute
from shortaxis.core.labels import LabelScheme, scheme_named
from shortaxis.core.method import Stage
from shortaxis.core.study import Study
from shortaxis.experiments.compare.cost import high_water_mib
from shortaxis.experiments.network_cost import NetworkCost, drawn_box, network_cost
from shortaxis.methods import method_named, method_names
from shortaxis.read.phantom import PhantomRecipe, make_phantom

RecipeName = Literal["paper", "tuned"]
FRAMES = PhantomRecipe(frames=2)


def stages_of(name: str, recipe: RecipeName) -> tuple[Stage, ...]:
    """A method's stages at its recipe's full width."""
    method = method_named(name)
    return method.stages(method.recipes[recipe])


def scheme_of(name: str, asked: str | None) -> LabelScheme:
    """The scheme asked for, else the method's own."""
    return scheme_named(asked) if asked else method_named(name).default_scheme


def counted(name: str, recipe: RecipeName, scheme: LabelScheme, study: Study) -> Iterator[tuple[str, NetworkCost]]:
    """Every stage with its cost; all but a first locator see the drawn box."""
    stages = stages_of(name, recipe)
    for position, stage in enumerate(stages):
        first_of_several = position == 0 and len(stages) > 1
        yield stage.name, network_cost(stage, scheme, study, None if first_of_several else drawn_box(study))


def timed(name: str, recipe: RecipeName, scheme: str | None, position: int, steps: int, device: str) -> list[float]:
    """[median seconds of a step, highest memory in MiB] of a stage; runs in a process of its own."""
    import numpy as np
    import torch

    from shortaxis.core.sample import collate
    from shortaxis.train.loop import build_optimiser

    compute, chosen = choose_compute(device), scheme_of(name, scheme)
    stage, study = stages_of(name, recipe)[position], make_phantom(FRAMES).study
    examples = list(stage.examples(study, chosen, None))
    rng = np.random.default_rng(0)
    batch = collate([stage.augment(examples[at % len(examples)], rng) for at in range(stage.fit.batch)])
    net = compute.place(stage.build(chosen)).train()
    optimiser, batch, seconds = build_optimiser(net, stage.fit), batch.to(compute.device), []
    for step in range(steps):
        began = time.perf_counter()
        optimiser.zero_grad()
        with compute.autocast():
            loss = stage.loss(net, batch, torch.Generator(compute.device).manual_seed(step))
        loss.total.backward()
        optimiser.step()
        if compute.device.startswith("cuda"):
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    on_gpu = compute.device.startswith("cuda")
    peak = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else high_water_mib()
    return [statistics.median(seconds[1:] or seconds), float("nan") if peak is None else peak]


def main() -> None:
    """Count, measure where asked, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=method_names(), help="all of them if none is named")
    parser.add_argument("--recipe", choices=("paper", "tuned"), action="append")
    parser.add_argument("--label-scheme", default=None, help="the method's own if not given")
    parser.add_argument("--steps", type=int, default=0, help="training steps to measure; 0: none")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    study = make_phantom(FRAMES).study
    measured = " s per step | peak MiB |" if options.steps else ""
    print(f"| method | recipe | stage | parameters | input | multiply-adds a sample | a slice |{measured}")
    print("|---" * (9 if options.steps else 7) + "|")
    spawn = multiprocessing.get_context("spawn")
    for name in options.methods:
        for recipe in cast("list[RecipeName]", options.recipe or ["paper", "tuned"]):
            scheme = scheme_of(name, options.label_scheme)
            for position, (stage, cost) in enumerate(counted(name, recipe, scheme, study)):
                shape = " x ".join(map(str, cost.input_shape))
                row = f"| {name} | {recipe} | {stage} | {cost.parameters:,} | {shape} "
                row += f"| {cost.multiply_adds / 1e9:.2f} G | {cost.per_slice / 1e9:.2f} G |"
                if options.steps:
                    with spawn.Pool(1) as pool:
                        asked = (name, recipe, options.label_scheme, position, options.steps, options.device)
                        seconds, peak = pool.apply(timed, asked)
                    row += f" {seconds:.2f} | {peak:.0f} |"
                print(row, flush=True)


if __name__ == "__main__":
    main()
