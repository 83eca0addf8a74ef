"""3D FCN: a fully convolutional network for short-axis cines, its kernels in three dimensions.

Tran PV. A fully convolutional neural network for cardiac segmentation in short-axis MRI. arXiv:1604.00494, 2016. Published
in 2D; 3D Attention M-net's paper compares "3D FCN [9]" and does not say how it was made 3D. Ours, as MONAI has none.

    section 3, table 1      15 convolutions: 3, 4, 4, 4 by level of 64, 128, 256, 512 maps; 3x3 max pooling of stride 2
    section 3               mean-variance normalisation after each convolution (here instance normalisation), ReLU
    section 3, fig. 1       class scores of the lower three levels, risen by transposed convolutions and summed

3D: kernels 3x3x3 throughout; pooling and rising in plane alone, so that a block may have any number of slices (ours).
Differs: padded convolutions; scores of the first level too are left out, as published; the last rise is interpolation.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_volumes import as_compared, plain_volume_method, tuned

CONVOLUTIONS = (3, 4, 4, 4)  # by level


def level(inputs: int, outputs: int, count: int) -> nn.Sequential:
    """3x3x3 convolutions, each with mean-variance normalisation and ReLU."""
    layers: list[nn.Module] = []
    for before in (inputs, *(outputs,) * (count - 1)):
        layers += [nn.Conv3d(before, outputs, 3, padding=1), nn.InstanceNorm3d(outputs), nn.ReLU(True)]
    return nn.Sequential(*layers)


class FCN3D(nn.Module):
    """[batch, channels, slice, row, col] to logits; rows and columns divisible by 2^(levels - 1)."""

    def __init__(self, channels: int, classes: int, widths: Widths) -> None:
        super().__init__()
        parts = zip((channels, *widths), widths, CONVOLUTIONS, strict=False)
        self.levels = nn.ModuleList(level(*part) for part in parts)
        self.pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.scores = nn.ModuleList(nn.Conv3d(width, classes, 1) for width in widths[1:])
        self.rise = nn.ModuleList(nn.ConvTranspose3d(classes, classes, (1, 2, 2), (1, 2, 2)) for _ in widths[2:])

    def forward(self, image: Tensor) -> Tensor:
        maps, scores = self.levels[0](image), list[Tensor]()
        for block, score in zip(self.levels[1:], self.scores, strict=True):
            maps = block(self.pool(maps))
            scores.append(score(maps))
        total = scores.pop()
        for rise in self.rise:
            total = rise(total) + scores.pop()
        return F.interpolate(total, image.shape[2:], mode="trilinear", align_corners=False)


NETWORK = Network(FCN3D, {"published": (64, 128, 256, 512), "mnet_table_1": (55, 110, 220, 439)})

METHOD = plain_volume_method(
    name="fcn-3d",
    title="3D FCN: Tran's network for short-axis cines, in 3D",
    citation="Tran, arXiv:1604.00494, 2016",
    network=NETWORK,
    recipes={"paper": as_compared("mnet_table_1"), "tuned": tuned((12, 24, 48, 96))},
)
