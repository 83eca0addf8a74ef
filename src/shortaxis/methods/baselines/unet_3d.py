"""3D U-Net. MONAI's BasicUNet in 3D.

Çiçek Ö, Abdulkadir A, Lienkamp SS, Brox T, Ronneberger O. 3D U-Net: learning dense volumetric segmentation from sparse
annotation. MICCAI 2016.

Kept: two 3x3x3 convolutions a level with batch normalisation and ReLU, 2x2x2 max pooling, transposed convolutions,
concatenated skips. Differs: five levels (MONAI's network has no other number) where the publication has four; both
convolutions of a level have the width of the publication's first (32, 64, 128, 256), which doubles in the second; padded
convolutions. Slices are halved at every level, so a block needs 16 of them: `tuned` takes 16 native slices.
"""

from __future__ import annotations

from torch import nn

from shortaxis.methods.baselines.monai_networks import RELU, monai_nets
from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_volumes import as_compared, plain_volume_method, tuned


def build(channels: int, classes: int, widths: Widths) -> nn.Module:
    """[batch, channels, slice, row, col] to logits; five levels, 16 slices and 32 rows and columns at least."""
    return monai_nets().BasicUNet(3, channels, classes, (*widths, widths[0]), act=RELU, norm="batch")


NETWORK = Network(build, {"published": (32, 64, 128, 256, 512), "mnet_table_1": (33, 67, 133, 266, 533)}, levels=5)

METHOD = plain_volume_method(
    name="unet-3d",
    title="3D U-Net (MONAI)",
    citation="Çiçek et al., MICCAI 2016, doi:10.1007/978-3-319-46723-8_49",
    network=NETWORK,
    recipes={"paper": as_compared("mnet_table_1"), "tuned": tuned((12, 24, 48, 96, 192), depth=16)},
)
