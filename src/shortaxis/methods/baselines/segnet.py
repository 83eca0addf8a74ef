"""SegNet: VGG16's convolutions down, and up again by the places where the maxima were.

Badrinarayanan V, Kendall A, Cipolla R. SegNet: a deep convolutional encoder-decoder architecture for image segmentation.
IEEE TPAMI 39(12):2481-2495, 2017. Ours, as MONAI has none.

    section 3, fig. 2      encoder: 2, 2, 3, 3, 3 convolutions, batch normalisation, ReLU, 2x2 max pooling
    section 3, fig. 3      decoder: unpooling to the remembered places, the same convolutions in mirror order
    section 3              a last convolution to classes, where the paper has the softmax

Padded 3x3 convolutions, no skips, no weights of ImageNet.
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_segmenter import on_whole_slices, plain_method, tuned

CONVOLUTIONS = (2, 2, 3, 3, 3)  # VGG16's, by level


def convolutions(widths: Widths) -> nn.Sequential:
    """3x3 convolutions from each width to the next, each with batch normalisation and ReLU."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)]
    return nn.Sequential(*layers)


class SegNet(nn.Module):
    """[batch, channels, row, col] to logits [batch, classes, row, col]; sizes divisible by 2^levels."""

    def __init__(self, channels: int, classes: int, widths: Widths) -> None:
        super().__init__()
        counts = CONVOLUTIONS[: len(widths)]
        levels = list(zip((channels, *widths), widths, counts, strict=False))
        self.down = nn.ModuleList(convolutions((before, *(after,) * count)) for before, after, count in levels)
        above = zip((widths[0], *widths), widths, counts, strict=False)  # the first level keeps its width
        self.up = nn.ModuleList(convolutions((*(here,) * count, before)) for before, here, count in above)
        self.head = nn.Conv2d(widths[0], classes, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        maps, places = image, list[Tensor]()
        for block in self.down:
            maps, place = F.max_pool2d(block(maps), 2, return_indices=True)
            places.append(place)
        for block, place in zip(reversed(self.up), reversed(places), strict=True):
            maps = block(F.max_unpool2d(maps, place, (2, 2)))
        return self.head(maps)


NETWORK = Network(SegNet, {"published": (64, 128, 256, 512, 512)}, halves_last=True)

METHOD = plain_method(
    name="segnet",
    title="SegNet: unpooling by the maxima's places",
    citation="Badrinarayanan et al., IEEE TPAMI 2017, doi:10.1109/TPAMI.2016.2644615",
    network=NETWORK,
    recipes={"paper": on_whole_slices("published"), "tuned": tuned()},
)
