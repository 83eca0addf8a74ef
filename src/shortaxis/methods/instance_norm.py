"""Instance normalisation in place of batch normalisation, for networks that train on one or two 3D blocks at a time.

The statistics of so small a batch are those of its images. Prediction after batch normalisation takes running means over
all images instead, so that a heart unlike them, twice as large, is normalised by others' statistics and half of
it lost. Normalised by itself, an image is treated in prediction as it was in training.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

Normalisation = Literal["batch", "instance"]


def with_normalisation(net: nn.Module, by: Normalisation) -> nn.Module:
    """The network as it was built, or, by `instance`, with that in place of every 3D batch normalisation."""
    if by == "instance":
        for parent in list(net.modules()):
            for name, layer in parent.named_children():
                if isinstance(layer, nn.BatchNorm3d):
                    parent.add_module(name, nn.InstanceNorm3d(layer.num_features, layer.eps, affine=True))
    return net
