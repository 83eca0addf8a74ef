"""ResUNet++: residual units, squeeze and excitation, atrous pyramids and attention in the decoder.

Jha D, Smedsrud PH, Johansen D, de Lange T, Johansen HD, Halvorsen P, Riegler MA. A comprehensive study on colorectal polyp
segmentation with ResUNet++, conditional random field and test-time augmentation. IEEE JBHI 25(6):2029-2040, 2021; the
network is that of the same group's ResUNet++, IEEE ISM 2019. Ours, as MONAI has none.

    fig. 2, stem                Stem: two 3x3 convolutions beside a 1x1
    residual units              ResidualUnit: batch normalisation, ReLU, 3x3, twice, beside a 1x1; strided, not pooled
    squeeze and excitation      Excite, after the stem and after each encoder unit but the last
    ASPP, as bridge and at end  Pyramid: 3x3 at rates 6, 12, 18, summed, then 1x1
    attention units             Attention: the encoder's map of the level above tells what of the decoder's map passes

Differs: softmax over classes in place of one sigmoid; no conditional random field, no test-time augmentation. The
pyramid's rates and its undilated branch, squeeze's ratio 8 and nearest upsampling follow the authors' released code as
it is commonly described; the papers leave them open.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_segmenter import behind_roi, plain_method, tuned

RATES = (1, 6, 12, 18)
EXCITE_RATIO = 8


def before_convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """Batch normalisation, ReLU, 3x3 convolution."""
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, 3, stride, 1))


class Excite(nn.Module):
    """Squeeze and excitation: each channel weighed by what all channels' means say."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // EXCITE_RATIO)
        self.weigh = nn.Sequential(
            nn.Linear(channels, inner, bias=False), nn.ReLU(), nn.Linear(inner, channels, bias=False), nn.Sigmoid()
        )

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.weigh(maps.mean((2, 3)))[:, :, None, None]


class ResidualUnit(nn.Module):
    """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.path = nn.Sequential(before_convolution(inputs, outputs, stride), before_convolution(outputs, outputs))
        self.link = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, maps: Tensor) -> Tensor:
        return self.path(maps) + self.link(maps)


class Stem(nn.Module):
    """[B, inputs, H, W] -> [B, outputs, H, W]; the image itself is not normalised first."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.path = nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), before_convolution(outputs, outputs))
        self.link = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, maps: Tensor) -> Tensor:
        return self.path(maps) + self.link(maps)


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: dilated 3x3 convolutions of one map, normalised and summed, then 1x1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=rate, dilation=rate), nn.BatchNorm2d(outputs))
            for rate in RATES
        )
        self.merge = nn.Conv2d(outputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.merge(torch.stack([branch(maps) for branch in self.branches]).sum(0))


class Attention(nn.Module):
    """The decoder's map [B, below, h, w], weighed with the help of the encoder's [B, skip, 2h, 2w]."""

    def __init__(self, skip: int, below: int) -> None:
        super().__init__()
        self.of_skip = nn.Sequential(before_convolution(skip, below), nn.MaxPool2d(2))
        self.of_below = before_convolution(below, below)
        self.merge = before_convolution(below, below)

    def forward(self, skip: Tensor, below: Tensor) -> Tensor:
        return below * self.merge(self.of_skip(skip) + self.of_below(below))


class ResUNetPlusPlus(nn.Module):
    """[batch, channels, row, col] to logits; the last width is the bridge's. Sizes divisible by 2^(levels - 2)."""

    def __init__(self, channels: int, classes: int, widths: Widths) -> None:
        super().__init__()
        *encoder, bridge = widths
        self.stem = Stem(channels, encoder[0])
        self.excite = nn.ModuleList(Excite(width) for width in encoder[:-1])
        self.down = nn.ModuleList(ResidualUnit(above, width, 2) for above, width in pairwise(encoder))
        self.bridge = Pyramid(encoder[-1], bridge)
        skips = encoder[-2::-1]  # from the bottom up
        self.attention, self.up = nn.ModuleList(), nn.ModuleList()
        for skip, below, here in zip(skips, (bridge, *encoder[:0:-1]), encoder[:0:-1], strict=False):
            self.attention.append(Attention(skip, below))
            self.up.append(ResidualUnit(below + skip, here))
        self.last = Pyramid(encoder[1], encoder[0])
        self.head = nn.Conv2d(encoder[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        maps, skips = self.stem(image), list[Tensor]()
        for excite, down in zip(self.excite, self.down, strict=True):
            skips.append(excite(maps))
            maps = down(skips[-1])
        maps = self.bridge(maps)
        for attention, up in zip(self.attention, self.up, strict=True):
            skip = skips.pop()
            risen = F.interpolate(attention(skip, maps), scale_factor=2.0)
            maps = up(torch.cat([risen, skip], 1))
        return self.head(self.last(maps))


NETWORK = Network(ResUNetPlusPlus, {"published": (16, 32, 64, 128, 256), "halsr_table_9": (24, 49, 98, 195, 390)})

METHOD = plain_method(
    name="resunet-plus-plus",
    title="ResUNet++: residual units, excitation, atrous pyramids, attention",
    citation="Jha et al., IEEE JBHI 2021, doi:10.1109/JBHI.2021.3049304",
    network=NETWORK,
    recipes={"paper": behind_roi("halsr_table_9"), "tuned": tuned()},
)
