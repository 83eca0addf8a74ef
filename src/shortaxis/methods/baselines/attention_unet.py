"""Attention U-Net: a U-Net whose skips pass through additive attention gates. MONAI's implementation.

Oktay O, Schlemper J, Folgoc LL, et al. Attention U-Net: learning where to look for the pancreas. MIDL 2018,
arXiv:1804.03999.

Where MONAI's network differs from the publication: strided convolutions in place of max pooling, one convolution (not
two) after each concatenation, the gating signal is the risen map of the skip's own size, no deep supervision. In 2D.
"""

from __future__ import annotations

from torch import nn

from shortaxis.methods.baselines.monai_networks import monai_nets
from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_segmenter import behind_roi, plain_method, tuned


def build(channels: int, classes: int, widths: Widths) -> nn.Module:
    """[batch, channels, row, col] to logits; rows and columns divisible by 2^(levels - 1)."""
    return monai_nets().AttentionUnet(2, channels, classes, widths, strides=(2,) * (len(widths) - 1))


NETWORK = Network(build, {"published": (64, 128, 256, 512, 1024), "halsr_table_9": (38, 76, 153, 305, 611)})

METHOD = plain_method(
    name="attention-unet",
    title="Attention U-Net: attention gates on the skips (MONAI)",
    citation="Oktay et al., MIDL 2018, arXiv:1804.03999",
    network=NETWORK,
    recipes={"paper": behind_roi("halsr_table_9"), "tuned": tuned()},
)
