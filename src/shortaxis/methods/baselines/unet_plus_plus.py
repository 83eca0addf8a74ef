"""UNet++: nested, dense skips between encoder and decoder. MONAI's implementation.

Zhou Z, Siddiquee MMR, Tajbakhsh N, Liang J. UNet++: a nested U-Net architecture for medical image segmentation. DLMIA
at MICCAI 2018.

Kept: five levels, widths 32...512, transposed convolutions, ReLU. Added, as its authors' later code has it: batch
normalisation. Left out: deep supervision; the last node answers alone.
"""

from __future__ import annotations

from torch import nn

from shortaxis.methods.baselines.monai_networks import RELU, FirstOutput, monai_nets
from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_segmenter import on_whole_slices, plain_method, tuned


def build(channels: int, classes: int, widths: Widths) -> nn.Module:
    """[batch, channels, row, col] to logits; five levels, rows and columns of at least 32."""
    features = (*widths, widths[0])
    return FirstOutput(monai_nets().BasicUNetPlusPlus(2, channels, classes, features, act=RELU, norm="batch"))


NETWORK = Network(build, {"published": (32, 64, 128, 256, 512), "halsr_table_9": (33, 66, 133, 266, 531)}, levels=5)

METHOD = plain_method(
    name="unet-plus-plus",
    title="UNet++: nested, dense skips (MONAI)",
    citation="Zhou et al., DLMIA at MICCAI 2018, doi:10.1007/978-3-030-00889-5_1",
    network=NETWORK,
    recipes={"paper": on_whole_slices("halsr_table_9"), "tuned": tuned((16, 32, 64, 128, 256))},
)
