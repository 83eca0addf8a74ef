"""What it saves to convolve a single small volume in two halves (`core/lone_volume.py`), on this machine's processor.

    OMP_NUM_THREADS=1 python benchmarks/lone_volume.py

Forward and backward pass of the 3D methods' tuned networks over one volume of random grey values, by torch's own way and in
halves, in float32; the median of three, after one that is not counted. The loss is a plain square, so that the networks'
convolutions are what is timed.
"""

from __future__ import annotations

import statistics
import time
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from shortaxis.core.lone_volume import LoneVolumesInHalves
from shortaxis.methods import method_named

SLICES = {"attention-mnet": 10, "uncertainty-unet": 12, "unet-3d": 16}  # of the tuned recipes' blocks


def seconds(net: nn.Module, image: Tensor, way: AbstractContextManager[object]) -> float:
    """Median seconds of a forward and a backward pass."""
    taken = []
    for _ in range(4):
        began = time.perf_counter()
        with way:
            answer = net(image)
        first = answer if isinstance(answer, Tensor) else answer[0]
        first.square().mean().backward()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


def main() -> None:
    """Time both ways and print."""
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| network | slices of 96 x 96 | torch's own way, s | in halves, s |\n|---|---|---|---|")
    for name, slices in SLICES.items():
        method = method_named(name)
        net = method.stages(method.recipes["tuned"])[-1].build(method.default_scheme)
        image = torch.randn((1, 1, slices, 96, 96), generator=torch.Generator().manual_seed(0))
        own, halves = seconds(net, image, nullcontext()), seconds(net, image, LoneVolumesInHalves())
        print(f"| {name} | {slices} | {own:.2f} | {halves:.2f} |", flush=True)


if __name__ == "__main__":
    main()
