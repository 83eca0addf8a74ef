"""U-SegNet: SegNet with U-Net's skip at the uppermost level.

HALSR-Net's paper cites: Dangi S, Linte CA, Yaniv Z. A distance map regularized CNN for cardiac cine MR image
segmentation. Medical Physics 46(12):5637-5651, 2019. The network is that of: Kumar P, Nagar P, Arora C, Gupta A.
U-SegNet: fully convolutional neural network based automated brain tissue segmentation tool. ICIP 2018.

Kept: unpooling by the maxima's places at every level, and one concatenation, of the first level's map, before the last
decoder block. Left out: Dangi's second head, which regresses distance maps in training, and Kumar's patches. Ours, as
MONAI has none; levels and convolutions are SegNet's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_segmenter import behind_roi, plain_method, tuned
from shortaxis.methods.baselines.segnet import CONVOLUTIONS, SegNet, convolutions


class USegNet(SegNet):
    """[batch, channels, row, col] to logits [batch, classes, row, col]; sizes divisible by 2^levels."""

    def __init__(self, channels: int, classes: int, widths: Widths) -> None:
        super().__init__(channels, classes, widths)
        self.up[0] = convolutions((2 * widths[0], *(widths[0],) * CONVOLUTIONS[0]))  # reads the skip too

    def forward(self, image: Tensor) -> Tensor:
        skip = self.down[0](image)
        maps, place = F.max_pool2d(skip, 2, return_indices=True)
        places = [place]
        for block in self.down[1:]:
            maps, place = F.max_pool2d(block(maps), 2, return_indices=True)
            places.append(place)
        while len(places) > 1:
            place = places.pop()
            maps = self.up[len(places)](F.max_unpool2d(maps, place, (2, 2)))
        risen = F.max_unpool2d(maps, places.pop(), (2, 2))
        return self.head(self.up[0](torch.cat([skip, risen], 1)))


NETWORK = Network(USegNet, {"published": (64, 128, 256, 512, 512)}, halves_last=True)

METHOD = plain_method(
    name="u-segnet",
    title="U-SegNet: SegNet with a skip at the uppermost level",
    citation="Dangi et al., Medical Physics 2019, doi:10.1002/mp.13853; Kumar et al., ICIP 2018",
    network=NETWORK,
    recipes={"paper": behind_roi("published"), "tuned": tuned()},
)
