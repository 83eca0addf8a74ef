"""A plain 2D U-Net, the baseline every paper here names.

Ronneberger O, Fischer P, Brox T. U-Net: convolutional networks for biomedical image segmentation. MICCAI 2015.

What is kept: two 3x3 convolutions a level, 2x2 max pooling, 2x2 transposed convolutions, concatenated skips.
What is ours: padded convolutions and batch normalisation (as nearly everyone since), leaky ReLU, widths by configuration,
a heart crop located by ROI regression, neighbouring slices as channels, and Dice + cross-entropy. `paper` keeps the
published widths 64...1024, one slice, the whole image and cross-entropy's optimiser (SGD, momentum 0.99, section 3).
Ours rather than MONAI's, because importing MONAI takes four seconds and this net may be the default of `segment`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import ACDC, LabelScheme
from shortaxis.core.method import Accepts, Loss, Method, Stage
from shortaxis.core.recipe import FitRecipe, Recipe, Settings
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.losses.dice_ce import dice_ce_loss
from shortaxis.methods.baselines.network import Preset, Widths, at_any_size
from shortaxis.methods.roi_regression import RoiOrNone, after_roi, tuned_roi
from shortaxis.methods.tuned_fit import TUNED_FOR_MICE, TUNED_SEGMENT_FIT, TUNED_WINDOW
from shortaxis.prepare.heart_crop import HeartCropConfig, around_image, cut_heart, heart_examples, vary_heart
from shortaxis.prepare.restore import paste_slices
from shortaxis.repair.base import HoldBase
from shortaxis.repair.components import leave_as_is
from shortaxis.repair.whole import repair_heart

MATCHED: Mapping[Preset, Widths] = {  # as many parameters as the comparing papers state; see network.py
    "published": (64, 128, 256, 512, 1024),
    "halsr_table_9": (34, 68, 136, 273, 545),
    "mnet_table_1": (57, 115, 229, 459, 917),
}


class UNetConfig(Settings):
    """The network and its window."""

    widths: tuple[int, ...] | Preset = (64, 128, 256, 512, 1024)  # section 2, Fig. 1
    crop: HeartCropConfig = HeartCropConfig()


class UNetRecipe(Recipe):
    """Locator (or none: the middle of the image), segmenter, and how each is trained."""

    locate: RoiOrNone
    locate_fit: FitRecipe
    segment: UNetConfig
    segment_fit: FitRecipe


def double_conv(before: int, after: int) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch normalisation and leaky ReLU."""
    layers: list[nn.Module] = []
    for width in (before, after):
        layers += [nn.Conv2d(width, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.01, True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """[batch, channels, row, col] to logits [batch, classes, row, col]; rows and columns divisible by 2^(levels - 1)."""

    def __init__(self, channels: int, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            double_conv(before, after) for before, after in zip((channels, *widths), widths, strict=False)
        )
        upward = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(below, here, 2, 2) for below, here in upward)
        self.up = nn.ModuleList(double_conv(2 * here, here) for _, here in upward)
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        skips: list[Tensor] = []
        features = image
        for level, block in enumerate(self.down):
            features = block(features if level == 0 else nn.functional.max_pool2d(features, 2))
            skips.append(features)
        skips.pop()
        for rise, block in zip(self.rise, self.up, strict=True):
            features = block(torch.cat([skips.pop(), rise(features)], 1))
        return self.head(features)


@dataclass(frozen=True)
class UNetStage:
    """The segmenter."""

    config: UNetConfig
    fit: FitRecipe
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        widths = self.config.widths
        chosen = MATCHED[widths] if isinstance(widths, str) else widths
        return UNet(2 * self.config.crop.reach + 1, len(scheme.structures) + 1, chosen)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        return cut_heart(study, upstream, frames, self.config.crop)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        del upstream  # the reference box, moved about by `augment`: no locator's knowledge enters
        return heart_examples(study, scheme, self.config.crop)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return vary_heart(sample, rng, self.config.crop)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        del generator  # nothing random inside this network
        return Loss(*dice_ce_loss(self._logits(net, batch), batch.fields["labels"]))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        del generator
        return Inferred(probs=torch.softmax(self._logits(net, batch).float(), 1))

    def _logits(self, net: nn.Module, batch: Batch) -> Tensor:
        widths = self.config.widths
        levels = len(MATCHED[widths] if isinstance(widths, str) else widths)
        return at_any_size(net, batch.image, 2 ** (levels - 1))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return paste_slices(pieces, study, frames)


def stages(recipe: UNetRecipe) -> tuple[Stage, ...]:
    """The stages of a recipe in order; without a locator the crop lies around the image's middle."""
    config = recipe.segment
    if recipe.locate is None:
        config = config.model_copy(update={"crop": around_image(config.crop)})
    return after_roi(recipe.locate, recipe.locate_fit, UNetStage(config, recipe.segment_fit))


PAPER = UNetRecipe(
    locate=None,
    locate_fit=FitRecipe(steps=0, batch=1),
    segment=UNetConfig(crop=HeartCropConfig(size_px=256, reach=0)),
    segment_fit=FitRecipe(steps=20_000, batch=1, optimiser="sgd", learning_rate=1e-3, momentum=0.99),  # section 3
)

_tuned_locate, _tuned_locate_fit = tuned_roi()
TUNED = UNetRecipe(
    locate=_tuned_locate,
    locate_fit=_tuned_locate_fit,
    segment=UNetConfig(widths=(24, 48, 96, 192, 384), crop=TUNED_WINDOW),
    segment_fit=TUNED_SEGMENT_FIT,
)

METHOD = Method(
    name="unet",
    title="plain 2D U-Net, the first baseline",
    citation="Ronneberger et al., MICCAI 2015, doi:10.1007/978-3-319-24574-4_28",
    recipes={"paper": PAPER, "tuned": TUNED},
    stages=stages,
    repairs={"paper": leave_as_is, "tuned": repair_heart},  # the paper has none
    beat_repairs={"tuned": HoldBase()},
    default_scheme=ACDC,
    tuned_for={"mouse": {"segment": {"crop": TUNED_FOR_MICE}}},
    accepts=Accepts(species=frozenset({"human", "mouse"})),  # a model fits the one it was trained on
)
