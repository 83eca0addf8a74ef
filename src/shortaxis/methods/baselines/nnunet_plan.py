"""The networks nnU-Net's planner makes, as MONAI's DynUNet: its architecture and its loss, not its pipeline.

Isensee F, Jaeger PF, Kohl SAA, Petersen J, Maier-Hein KH. nnU-Net: a self-configuring method for deep learning-based
biomedical image segmentation. Nature Methods 18:203-211, 2021.

The rule: two 3x3 convolutions a level with instance normalisation and leaky ReLU, strided convolutions down, transposed
convolutions up; an axis is halved while at least 8 voxels of it remain; 32 features, doubled a level, at most 512 (2D) or
320 (3D); an axis of coarse spacing is neither halved nor convolved across before the others' spacing is within a factor
of two of it. Deep supervision of all levels but the two lowest.

- 2D, 256 x 256 pixels: six halvings, seven levels.
- 3D, 10 x 1.458 x 1.458 mm: the plan of `uncertainty_unet.NNUNET_PLAN`, six levels.

A shorter list of widths takes the plan's first levels. nnU-Net's own pipeline (its preprocessing, augmentation, sampling,
mirrored prediction and ensembles) is not here; `experiments/nnunet.py` runs nnU-Net itself where it is installed.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from shortaxis.core.errors import BadConfiguration
from shortaxis.methods.baselines.monai_networks import DeeplySupervised, monai_nets
from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.uncertainty_unet import NNUNET_PLAN

HALVINGS_2D = 6
AFFINE_INSTANCE_NORM = ("INSTANCE", {"affine": True})


def build_2d(channels: int, classes: int, widths: Widths) -> nn.Module:
    """[batch, channels, row, col] to logits; rows and columns divisible by 2^(levels - 1)."""
    levels = _levels(widths, HALVINGS_2D + 1)
    return DeeplySupervised(_dynunet(2, channels, classes, widths, ((3, 3),) * levels, ((2, 2),) * (levels - 1)))


def build_3d(channels: int, classes: int, widths: Widths) -> nn.Module:
    """[batch, channels, slice, row, col] to logits; any slices, rows and columns divisible by the plan's strides."""
    levels = _levels(widths, len(NNUNET_PLAN.widths))
    kernels, strides = NNUNET_PLAN.kernels[:levels], NNUNET_PLAN.strides[: levels - 1]
    return AnyDepth(_dynunet(3, channels, classes, widths, kernels, strides), math.prod(step[0] for step in strides))


class AnyDepth(DeeplySupervised):
    """The last slice is repeated up to a multiple that every halving leaves whole, and cut away from the answers."""

    def __init__(self, net: Any, multiple: int) -> None:
        super().__init__(net)
        self.multiple = multiple

    def forward(self, image: Tensor) -> Tensor | list[Tensor]:
        slices = image.shape[2]
        outputs = super().forward(F.pad(image, (0, 0, 0, 0, 0, -slices % self.multiple), mode="replicate"))
        return outputs[:, :, :slices] if isinstance(outputs, Tensor) else [held[:, :, :slices] for held in outputs]


def _levels(widths: Widths, most: int) -> int:
    if not 3 <= len(widths) <= most:
        raise BadConfiguration(f"3 to {most} widths", f"{len(widths)}", "correct segment.widths")
    return len(widths)


def _dynunet(
    dimensions: int,
    channels: int,
    classes: int,
    widths: Widths,
    kernels: tuple[tuple[int, ...], ...],
    strides: tuple[tuple[int, ...], ...],
) -> Any:
    return monai_nets().DynUNet(
        dimensions,
        channels,
        classes,
        kernels,
        ((1,) * dimensions, *strides),
        strides,
        filters=widths,
        norm_name=AFFINE_INSTANCE_NORM,
        deep_supervision=True,
        deep_supr_num=max(1, len(widths) - 3),
    )


NETWORK_2D = Network(build_2d, {"published": (32, 64, 128, 256, 512, 512, 512)})
NETWORK_3D = Network(build_3d, {"published": NNUNET_PLAN.widths})
