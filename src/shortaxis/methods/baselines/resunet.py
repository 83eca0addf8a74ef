"""Residual U-Net: each level's convolutions learn what to add to their input. MONAI's implementation.

HALSR-Net's paper cites for its ResUNet: Alom MZ, et al. Recurrent residual convolutional neural network based on U-Net
(R2U-Net), arXiv:1802.06955, 2018, whose comparison holds a ResU-Net without recurrence. MONAI's is: Kerfoot E, et al.
Left-ventricle quantification using residual U-Net. STACOM at MICCAI 2018.

Where the two differ: strided convolutions here, max pooling there; transposed convolution and one residual unit of one
convolution in the decoder here, two convolutions there. Batch normalisation and ReLU in both. Widths 64...1024 are
Alom's U-Net's.
"""

from __future__ import annotations

from torch import nn

from shortaxis.methods.baselines.monai_networks import RELU, monai_nets
from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_segmenter import on_whole_slices, plain_method, tuned

UNITS = 2  # convolutions of a residual unit


def build(channels: int, classes: int, widths: Widths) -> nn.Module:
    """[batch, channels, row, col] to logits; rows and columns divisible by 2^(levels - 1)."""
    strides = (2,) * (len(widths) - 1)
    return monai_nets().UNet(2, channels, classes, widths, strides, num_res_units=UNITS, act=RELU, norm="batch")


NETWORK = Network(build, {"published": (64, 128, 256, 512, 1024)})

METHOD = plain_method(
    name="resunet",
    title="residual U-Net (MONAI)",
    citation="Kerfoot et al., STACOM at MICCAI 2018; compared as Alom et al., arXiv:1802.06955",
    network=NETWORK,
    recipes={"paper": on_whole_slices("published"), "tuned": tuned()},
)
