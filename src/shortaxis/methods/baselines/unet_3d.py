"""3D U-Net. MONAI's BasicUNet in 3D.

Çiçek Ö, Abdulkadir A, Lienkamp SS, Brox T, Ronneberger O. 3D U-Net: learning dense volumetric segmentation from sparse
annotation. MICCAI 2016.

Kept: two 3x3x3 convolutions a level with batch normalisation and ReLU, 2x2x2 max pooling, transposed convolutions,
concatenated skips. Differs: five levels (MONAI's network has no other number) where the publication has four; both
convolutions of a level have the width of the publication's first (32, 64, 128, 256), which doubles in the second; padded
convolutions. Slices are halved at every level, so a block needs 16 of them: `tuned` takes 16 native slices, and a recipe
with fewer is refused.
"""

from __future__ import annotations

from typing import Self

from pydantic import ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from torch import Tensor, nn

from shortaxis.core.errors import WrongDimensions
from shortaxis.methods.baselines.monai_networks import RELU, monai_nets
from shortaxis.methods.baselines.network import Network, Widths
from shortaxis.methods.baselines.plain_volumes import PlainVolumeRecipe, as_compared, plain_volume_method, tuned

LEAST = 16  # slices, rows and columns: four halvings leave one of each


def build(channels: int, classes: int, widths: Widths) -> nn.Module:
    """[batch, channels, slice, row, col] to logits; five levels. Raises WrongDimensions below 16 of any side."""
    net = monai_nets().BasicUNet(3, channels, classes, (*widths, widths[0]), act=RELU, norm="batch")
    net.register_forward_pre_hook(refuse_what_cannot_be_halved)
    return net


def refuse_what_cannot_be_halved(net: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """What runs before the network does. Raises WrongDimensions."""
    del net
    sides = tuple(inputs[0].shape[2:])
    if min(sides) < LEAST:
        raise WrongDimensions(
            f"at least {LEAST} slices, rows and columns", " x ".join(map(str, sides)), "use larger blocks"
        )


class UNet3DRecipe(PlainVolumeRecipe):
    """A recipe whose blocks have slices enough for every level."""

    @model_validator(mode="after")
    def _can_halve_its_slices(self) -> Self:
        depth = self.segment.window.depth
        if depth < LEAST:
            said = PydanticCustomError(
                "too_few_slices", "{least} or more, as this network halves slices four times", {"least": LEAST}
            )
            line = InitErrorDetails(type=said, loc=("segment", "window", "depth"), input=depth)
            raise ValidationError.from_exception_data(type(self).__name__, [line])
        return self


NETWORK = Network(build, {"published": (32, 64, 128, 256, 512), "mnet_table_1": (33, 67, 133, 266, 533)}, levels=5)

METHOD = plain_volume_method(
    name="unet-3d",
    title="3D U-Net (MONAI)",
    citation="Çiçek et al., MICCAI 2016, doi:10.1007/978-3-319-46723-8_49",
    network=NETWORK,
    recipes={
        "paper": UNet3DRecipe(**dict(as_compared("mnet_table_1"))),
        "tuned": UNet3DRecipe(**dict(tuned((12, 24, 48, 96, 192), depth=16))),
    },
)
