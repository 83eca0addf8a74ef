"""VGG16's convolutions, and weights for them under torchvision's names.

K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015: thirteen
3x3 convolutions in five stages, ReLU after each, max pooling between the stages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import PositiveInt
from torch import Tensor, nn

from shortaxis.core.errors import BadWeights

FiveInts = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt, PositiveInt]
Norm = Literal["none", "batch"]
WIDTHS: FiveInts = (64, 128, 256, 512, 512)
CONVOLUTIONS: FiveInts = (2, 2, 3, 3, 3)  # of each stage


def convolution(inputs: int, outputs: int, norm: Norm, dilation: int = 1) -> list[nn.Module]:
    """A 3x3 convolution that keeps height and width, and ReLU; batch normalisation between them where asked."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=norm == "none")
    return [conv, *([nn.BatchNorm2d(outputs)] if norm == "batch" else []), nn.ReLU(True)]


def start_for_relu(net: nn.Module) -> None:
    """He et al.'s initialisation, without which thirteen convolutions in a row pass nothing on."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def load_vgg16(net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put VGG16's convolutions (`features.N.weight`, `features.N.bias`, as torchvision names them) into the base.

    Keys that do not begin with `features.` (VGG16's dense layers) are passed over.

    Raises:
        BadWeights: keys are missing, unknown or of another shape; all of them are listed.
    """
    own = {name: value for name, value in net.state_dict().items() if name.startswith("features.")}
    given = {name: value for name, value in tensors.items() if name.startswith("features.")}
    differing = [f"{name}: missing" for name in own.keys() - given.keys()]
    differing += [f"{name}: unknown" for name in given.keys() - own.keys()]
    differing += [
        f"{name}: {tuple(given[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own.keys() & given.keys()
        if given[name].shape != own[name].shape
    ]
    if differing:
        raise BadWeights(
            "VGG16's convolutions under torchvision's names", "; ".join(sorted(differing)),
            "give VGG16's own weights, and a recipe of VGG16's widths without batch normalisation",
        )  # fmt: skip
    net.load_state_dict(given, strict=False)
