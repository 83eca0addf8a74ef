"""MONAI's networks behind our contract: the one place that imports MONAI, and only when a network is built.

MONAI is an optional extra. Importing it takes seconds, so that no method's file does it.
"""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shortaxis.core.errors import PackageMissing

INSTALL = "pip install 'shortaxis[baselines]'"
RELU = ("relu", {"inplace": True})


def monai_nets() -> ModuleType:
    """`monai.networks.nets`. Raises PackageMissing naming the extra where MONAI is not installed."""
    if find_spec("monai") is None:
        raise PackageMissing(
            "MONAI, whose network this baseline is (the extra `baselines`)", "it is not installed", INSTALL
        )
    from monai.networks import nets

    return nets


class FirstOutput(nn.Module):
    """A network that answers a list, of which the first entry is the answer."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        return self.net(image)[0]


class DeeplySupervised(nn.Module):
    """MONAI's DynUNet: in training its outputs by level, the finest first, all at the image's size; else the finest.

    DynUNet registers every block twice, by list and by nesting, which a file of weights would repeat; here they stand
    once. Its heads leave their answers in a list, which is emptied so that no step's graph outlives the step.
    """

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.levels, self.output = net.skip_layers, net.output_block
        self.answers: list[Tensor] = net.heads  # the very list that the nested levels write into

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        finest = self.output(self.levels(image))
        coarser = list(self.answers)
        self.answers[:] = [torch.zeros(1)] * len(coarser)
        if not self.training:
            return finest
        return [finest, *(F.interpolate(answer, finest.shape[2:]) for answer in coarser)]
