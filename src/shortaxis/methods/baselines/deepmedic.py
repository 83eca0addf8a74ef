"""DeepMedic: two paths without pooling, one at full and one at a third of the resolution, joined for the answer.

Kamnitsas K, Ledig C, Newcombe VFJ, et al. Efficient multi-scale 3D CNN with fully connected CRF for accurate brain lesion
segmentation. Medical Image Analysis 36:61-78, 2017. Ours, as MONAI has none.

    section 2.3, fig. 5     two paths of eight 3x3x3 layers: 30, 30, 40, 40, 40, 40, 50, 50 maps
    section 2.3             the second path's input is the image at a third of the resolution in all directions
    fig. 5                  its answer risen, joined with the first, two layers of 1x1x1 with 150 maps, classes
    section 2.4, 3.2        batch normalisation, PReLU; dropout 0.5 in the last two hidden layers

`widths` are those of a path's layers in order; the last one is that of the two joined layers.

Differs: padded convolutions on whole blocks, so that both paths see the same heart, where the publication samples small
segments with valid convolutions; the rise interpolates, where the publication repeats; no conditional random field.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_volumes import as_compared, plain_volume_method, tuned

LOW_RESOLUTION = 3
DROPOUT = 0.5


def layer(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution, batch normalisation, PReLU."""
    convolution = nn.Conv3d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.PReLU(outputs))


def path(channels: int, widths: Widths) -> nn.Sequential:
    """3x3x3 layers from the image to the last width."""
    return nn.Sequential(*(layer(before, after, 3) for before, after in pairwise((channels, *widths))))


class DeepMedic(nn.Module):
    """[batch, channels, slice, row, col] to logits [batch, classes, slice, row, col] of any size."""

    def __init__(self, channels: int, classes: int, widths: Widths) -> None:
        super().__init__()
        *maps, joined = widths
        self.fine, self.coarse = path(channels, tuple(maps)), path(channels, tuple(maps))
        self.join = nn.Sequential(
            nn.Dropout3d(DROPOUT),
            layer(2 * maps[-1], joined, 1),
            nn.Dropout3d(DROPOUT),
            layer(joined, joined, 1),
            nn.Conv3d(joined, classes, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        third = tuple(min(LOW_RESOLUTION, side) for side in image.shape[2:])  # one or two slices make one
        low = F.avg_pool3d(image, third, ceil_mode=True)
        risen = F.interpolate(self.coarse(low), image.shape[2:], mode="trilinear", align_corners=False)
        return self.join(torch.cat([self.fine(image), risen], 1))


NETWORK = Network(
    DeepMedic,
    {"published": (30, 30, 40, 40, 40, 40, 50, 50, 150), "mnet_table_1": (183, 183, 245, 245, 245, 245, 306, 306, 917)},
    takes_any_size=True,
)

METHOD = plain_volume_method(
    name="deepmedic",
    title="DeepMedic: two resolutions side by side",
    citation="Kamnitsas et al., Medical Image Analysis 2017, doi:10.1016/j.media.2016.10.004",
    network=NETWORK,
    recipes={"paper": as_compared("mnet_table_1"), "tuned": tuned((16, 16, 24, 24, 24, 24, 32, 32, 64))},
)
