"""Non-local U-Net: few levels, and attention over all places where a deep U-Net would have further ones.

Wang Z, Zou N, Shen D, Ji S. Non-local U-Nets for biomedical image segmentation. AAAI 34(04):6315-6322, 2020. Ours, in 2D
(published for volumes), as MONAI has none.

    section 3, fig. 1          NonLocalUNet: summed skips, two halvings
    fig. 2a, input block       Residual, stride 1
    fig. 2b, down-sampling     Residual, stride 2 with a strided 1x1 beside
    fig. 2c, bottom block      Bottom: Aggregation beside the identity
    fig. 2d, up-sampling       Rise: Aggregation whose queries are transposed convolutions, beside another of these
    fig. 3, eq. 1-4            Aggregation: queries at the output's places, keys and values at the input's, softmax
    section 3.4                batch normalisation and ReLU6 before convolutions; dropout 0.5 before the last one

Unstated or ours: one head (the paper's count of channels is the level's own); dropout of whole channels.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_segmenter import on_whole_slices, plain_method, tuned

DROPOUT = 0.5


def activated(channels: int) -> nn.Sequential:
    """Batch normalisation and ReLU6, which stand before a convolution here."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU6())


class Residual(nn.Module):
    """[B, inputs, H, W] -> [B, outputs, H / stride, W / stride]."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.path = nn.Sequential(
            activated(inputs),
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            activated(outputs),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        )
        plain = stride == 1 and inputs == outputs
        self.link = nn.Identity() if plain else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        return self.path(maps) + self.link(maps)


class Aggregation(nn.Module):
    """Global aggregation: every place of the output is a mean of the input's places, weighed by likeness.

    `query` maps [B, inputs, h, w] to [B, outputs, H, W]; so large is the answer.
    """

    def __init__(self, inputs: int, outputs: int, query: nn.Module) -> None:
        super().__init__()
        self.normalise = activated(inputs)
        self.query = query
        self.key = nn.Conv2d(inputs, outputs, 1)
        self.value = nn.Conv2d(inputs, outputs, 1)
        self.out = nn.Conv2d(outputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.normalise(maps)
        query = self.query(maps)
        # [B, 1, places, outputs]
        rows = [part.flatten(2).transpose(1, 2).unsqueeze(1) for part in (query, self.key(maps), self.value(maps))]
        mixed = F.scaled_dot_product_attention(*rows)
        return self.out(mixed.squeeze(1).transpose(1, 2).unflatten(2, query.shape[2:]))


class Bottom(nn.Module):
    """[B, C, h, w] -> [B, C, h, w]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.aggregation = Aggregation(channels, channels, nn.Conv2d(channels, channels, 1))

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.aggregation(maps)


class Rise(nn.Module):
    """[B, inputs, h, w] -> [B, outputs, 2h, 2w]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.aggregation = Aggregation(inputs, outputs, nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1))
        self.link = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.aggregation(maps) + self.link(maps)


class NonLocalUNet(nn.Module):
    """[batch, channels, row, col] to logits; rows and columns divisible by 2^(levels - 1)."""

    def __init__(self, channels: int, classes: int, widths: Widths) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.input = Residual(widths[0], widths[0])
        self.down = nn.ModuleList(Residual(above, width, 2) for above, width in pairwise(widths))
        self.bottom = Bottom(widths[-1])
        self.up = nn.ModuleList(Rise(below, width) for below, width in pairwise(widths[::-1]))
        self.refine = nn.ModuleList(Residual(width, width) for width in widths[-2::-1])
        self.head = nn.Sequential(activated(widths[0]), nn.Dropout2d(DROPOUT), nn.Conv2d(widths[0], classes, 1))

    def forward(self, image: Tensor) -> Tensor:
        maps, skips = self.input(self.first(image)), list[Tensor]()
        for down in self.down:
            skips.append(maps)
            maps = down(maps)
        maps = self.bottom(maps)
        for up, refine in zip(self.up, self.refine, strict=True):
            maps = refine(up(maps) + skips.pop())
        return self.head(maps)


NETWORK = Network(NonLocalUNet, {"published": (32, 64, 128), "halsr_table_9": (136, 272, 545)})

METHOD = plain_method(
    name="non-local-unet",
    title="Non-local U-Net: attention over all places",
    citation="Wang et al., AAAI 2020, doi:10.1609/aaai.v34i04.6100",
    network=NETWORK,
    recipes={"paper": on_whole_slices("halsr_table_9"), "tuned": tuned((24, 48, 96))},
)
