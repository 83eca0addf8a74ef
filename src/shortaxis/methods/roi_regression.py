"""A box around the heart by regression: the first phase of HALSR-Net (section 3.1), also used before the baselines.

M. Fakhfakh, L. Sarry, P. Clarysse, Computerized Medical Imaging and Graphics 123:102546, 2025; see `halsrnet.py`.

The idea. An encoder of four blocks condenses a whole slice; dense layers, three 1x1 convolutions, one convolution as
large as its input and three more 1x1 convolutions turn it into four numbers: the bottom-left and the top-right corner
of the box around the structures. No class map, no threshold.

    section, equation, figure            here
    3.1, fig. 2                          RoiRegressionNet
    eq. 1                                RoiRegressionStage.loss
    4.4, table 3                         measure/roi.py
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from shortaxis.core.errors import WrongDimensions
from shortaxis.core.recipe import Settings


class RoiRegressionConfig(Settings):
    """The regression network of section 3.1 and the box made of its answers."""

    input_size: int = 256  # pixels, square; unstated; ours: near the size of a cine slice
    widths: tuple[int, int, int, int] = (32, 64, 128, 256)  # section 3.1
    convolutions: int = 2  # 3x3 convolutions per block; unstated; ours, as in HALSR-Net's own blocks
    dense_width: int = 512  # section 3.1
    reduce_widths: tuple[int, int, int] = (256, 128, 64)  # "reduce the dimensionality in the filter space"; ours
    global_width: int = 128  # section 3.1, after the A x A convolution
    head_widths: tuple[int, int] = (64, 32)  # unstated; ours; the third 1x1 gives the four outputs
    margin: float = 0.0  # share of the box's sides added all around; section 4.4: the bounding box itself
    aggregate: Literal["slice", "study"] = "slice"  # section 3.1: a box per image


def convolution(inputs: int, outputs: int, size: int = 3) -> nn.Sequential:
    """A convolution that keeps height and width, with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)
    )


class RoiRegressionNet(nn.Module):
    """Figure 2: [B, 1, S, S] -> [B, 4]: bottom-left (row, col) and top-right (row, col) as shares of the side S.

    Raises WrongDimensions for an image that is not `input_size` square: the A x A convolution fits one size only.
    """

    def __init__(self, config: RoiRegressionConfig) -> None:
        super().__init__()
        self.input_size = config.input_size
        encoder: list[nn.Module] = []
        inputs = 1
        for width in config.widths:
            for _ in range(config.convolutions):
                encoder.append(convolution(inputs, width))
                inputs = width
            encoder.append(nn.MaxPool2d(2))
        self.encoder = nn.Sequential(*encoder)  # [B, 256, A, A]
        self.dense = nn.Sequential(  # fully connected over channels at every position
            convolution(inputs, config.dense_width, 1), convolution(config.dense_width, config.dense_width, 1)
        )  # [B, 512, A, A]
        widths = (config.dense_width, *config.reduce_widths)
        self.reduce = nn.Sequential(*(convolution(a, b, 1) for a, b in pairwise(widths)))
        side = config.input_size // 2 ** len(config.widths)
        # From here on a map is one pixel: a batch of one has no variance to normalise by.
        self.whole = nn.Sequential(nn.Conv2d(widths[-1], config.global_width, side), nn.ReLU(True))  # [B, 128, 1, 1]
        first, second = config.head_widths
        self.head = nn.Sequential(
            nn.Conv2d(config.global_width, first, 1),
            nn.ReLU(True),
            nn.Conv2d(first, second, 1),
            nn.ReLU(True),
            nn.Conv2d(second, 4, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[2:] != (self.input_size, self.input_size):
            raise WrongDimensions(
                f"images of {self.input_size} x {self.input_size}",
                " x ".join(str(n) for n in image.shape[2:]),
                "fit the slices to the network's input size, or build the network for theirs",
            )
        return self.head(self.whole(self.reduce(self.dense(self.encoder(image))))).flatten(1)


def box_to_targets(corners: Tensor, side: int) -> Tensor:
    """Two opposite corners [B, 2, 2] in pixels as the network's four numbers [B, 4].

    Any two opposite corners will do: a flip turns bottom-left into another corner, the box is the same.
    """
    first, last = corners.amin(1), corners.amax(1)  # [B, 2] each, (row, col)
    bottom_left = torch.stack([last[:, 0], first[:, 1]], dim=1)
    top_right = torch.stack([first[:, 0], last[:, 1]], dim=1)
    return torch.cat([bottom_left, top_right], dim=1) / side


def outputs_to_corners(outputs: Tensor, side: int) -> Tensor:
    """The network's four numbers [B, 4] as the box's first and last corner [B, 2, 2] (row, col) in pixels."""
    points = outputs.float().reshape(-1, 2, 2) * side
    return torch.stack([points.amin(1), points.amax(1)], dim=1)
