"""The 2D U-Net as the papers' competitor. MONAI's BasicUNet.

Ronneberger O, Fischer P, Brox T. U-Net: convolutional networks for biomedical image segmentation. MICCAI 2015.

Kept: two 3x3 convolutions a level, 2x2 max pooling, transposed convolutions, concatenated skips, widths 64...1024.
Differs: padded convolutions, batch normalisation and ReLU. It is trained as the papers train what they compare themselves
with; `unet` is trained as its own paper has it, and is the network of `segment`'s default, for which MONAI loads too slowly.
"""

from __future__ import annotations

from torch import nn

from shortaxis.methods.baselines.monai_networks import RELU, monai_nets
from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_segmenter import on_whole_slices, plain_method, tuned


def build(channels: int, classes: int, widths: Widths) -> nn.Module:
    """[batch, channels, row, col] to logits; five levels, rows and columns of at least 32."""
    return monai_nets().BasicUNet(2, channels, classes, (*widths, widths[0]), act=RELU, norm="batch")


NETWORK = Network(
    build,
    {
        "published": (64, 128, 256, 512, 1024),
        "halsr_table_9": (34, 68, 136, 272, 545),
        "mnet_table_1": (57, 115, 229, 458, 916),
    },
    levels=5,
)

METHOD = plain_method(
    name="basic-unet",
    title="2D U-Net as the papers' competitor (MONAI)",
    citation="Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28",
    network=NETWORK,
    recipes={"paper": on_whole_slices("halsr_table_9"), "tuned": tuned()},
)
