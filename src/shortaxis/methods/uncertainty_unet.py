"""A 3D U-Net that learns from its own uncertainty: Monte-Carlo dropout's variance is a term of the loss.

T. W. Arega, S. Bricq, F. Meriaudeau, "Leveraging Uncertainty Estimates to Improve Segmentation Performance in Cardiac
MR", Uncertainty for Safe Utilization of Machine Learning in Medical Imaging (UNSURE), MICCAI 2021, hal-03349833.

The idea. A 3D U-Net with dropout in its middle layers is passed N times for every training step. The mean of the N
samples gives Dice and cross-entropy. Their variance says where the network is not sure, and its mean over the image,
times alpha, is added to the loss. Prediction is one pass with dropout off, no slower than without the idea.

    section, equation, figure            here
    2.1                                  PAPER_WINDOW: 1.458 mm, mean 0 and variance 1 per patient image
    2.2 (network), fig. 1                UncertaintyUNet, ConvolutionLayer, EIGHT_LAYERS
    2.2, eq. 1, 2, 3, 4                  losses/uncertainty.py: mean_and_variance, segmentation_loss, image_uncertainty
    2.2, eq. 5                           UncertaintyStage.loss
    2.3                                  PAPER
    3, eq. 6                             measure/uncertainty.py

"The UNet's encoder and decoder consists of 8 convolutional layers": we read eight in each, that is four levels of two,
with a bottleneck of two between them. `nnunet_plan` is the six-stage network that nnU-Net plans for this spacing.

Where we differ, and why:
- What stands before the first dropout is the same in all passes: it is computed once and its maps are repeated. The
  passes are one batch behind it, so batch normalisation there takes its statistics over the passes together.
- Slices are not resampled to 10 mm: EMIDEC's lie 10 mm apart, and other stacks keep the slices they have.

What the paper leaves unsaid, and what we chose: the blocks' size, widths and strides (nnU-Net's), where "the middle"
ends, dropout by voxel, how sigmoid samples serve exclusive classes (each class map has its own; cross-entropy is binary;
normalised over classes in prediction), eq. 4's mean over class maps, an epoch's length: docs/papers/uncertainty-unet.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import ACDC, LabelScheme
from shortaxis.core.method import Accepts, Loss, Method, Stage
from shortaxis.core.recipe import FitRecipe, KernelSide, Recipe, Settings
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.losses.uncertainty import (
    Outputs,
    class_samples,
    image_uncertainty,
    mean_and_variance,
    normalised,
    segmentation_loss,
)
from shortaxis.methods.instance_norm import Normalisation, with_normalisation
from shortaxis.methods.roi_regression import RoiOrNone, after_roi, tuned_roi
from shortaxis.methods.tuned_fit import TUNED_SEGMENT_FIT, TUNED_WINDOW
from shortaxis.prepare.augment import AugmentConfig
from shortaxis.prepare.heart_crop import HeartCropConfig
from shortaxis.prepare.heart_volume import (
    BLOCKS_AT_ONCE,
    HeartVolumeConfig,
    cut_volumes,
    paste_volumes,
    vary_volume,
    volume_around_image,
    volume_examples,
)
from shortaxis.repair.base import HoldBase
from shortaxis.repair.components import leave_as_is
from shortaxis.repair.whole import repair_cine_or_scar

DropoutOf = Literal["voxels", "channels"]
Three = tuple[int, int, int]  # (slice, row, col)


class Plan(Settings):
    """Levels of the U-Net from the top down; the last one is the bottleneck."""

    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    strides: tuple[tuple[PositiveInt, PositiveInt, PositiveInt], ...]  # from each level to the next
    kernels: tuple[tuple[KernelSide, KernelSide, KernelSide], ...]

    @model_validator(mode="after")
    def _fits_its_levels(self) -> Self:
        levels = len(self.widths)
        if (len(self.strides), len(self.kernels)) != (levels - 1, levels):
            raise ValueError(f"{levels} widths want {levels - 1} strides and {levels} kernels")
        return self


IN_PLANE, IN_SPACE = (1, 3, 3), (3, 3, 3)
NNUNET_PLAN = Plan(  # what nnU-Net's planner gives at 10 x 1.458 x 1.458 mm
    widths=(32, 64, 128, 256, 320, 320),
    strides=((1, 2, 2), (1, 2, 2), (2, 2, 2), (1, 2, 2), (1, 2, 2)),
    kernels=(IN_PLANE, IN_PLANE, IN_SPACE, IN_SPACE, IN_SPACE, IN_SPACE),
)
EIGHT_LAYERS = Plan(  # section 2.2's count of layers; the rest is unstated: nnU-Net's first stages
    widths=NNUNET_PLAN.widths[:5], strides=NNUNET_PLAN.strides[:4], kernels=NNUNET_PLAN.kernels[:5]
)
PLANS = {"eight_layers": EIGHT_LAYERS, "nnunet_plan": NNUNET_PLAN}


PAPER_WINDOW = HeartVolumeConfig(
    plane=HeartCropConfig(
        size_px=224,  # unstated; ours: nearly the whole image
        pixel_mm=1.458,  # section 2.1
        grey="stack",  # section 2.1: mean 0 and variance 1 per image; the outermost half percents clipped; ours
        reach=0,
        augment=AugmentConfig(shift_px=30.0),  # unstated; ours. Wide, for here nothing locates the heart
    ),
    depth=10,  # unstated; ours: EMIDEC's stacks have 5 to 10 slices
    scaled_by="imaged",  # section 2.1: of the image, not of what the window adds around it
    flip=0.5,  # unstated; nnU-Net mirrors
)


class UncertaintyConfig(Settings):
    """The network, its window and its loss."""

    window: HeartVolumeConfig = PAPER_WINDOW
    plan: Literal["eight_layers", "nnunet_plan"] | Plan = "eight_layers"  # section 2.2
    normalisation: Normalisation = "batch"  # section 2.2
    negative_slope: float = 0.01  # section 2.2
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1  # section 2.2
    dropout_reach: NonNegativeInt = (
        1  # "the middle layers": levels beside the bottleneck, on both sides; unstated; ours
    )
    dropout_of: DropoutOf = "voxels"  # unstated; ours. nnU-Net's own dropout drops channels
    outputs: Outputs = "sigmoid"  # section 2.2: "N sigmoid predictions"
    passes: PositiveInt = 5  # N, section 2.3
    alpha: NonNegativeFloat = 3.0  # section 2.3
    baseline_passes: PositiveInt = 1  # with alpha 0; section 4: the baseline takes less time to train
    dice_weight: NonNegativeFloat = 1.0  # section 2.3
    ce_weight: NonNegativeFloat = 1.0  # section 2.3

    @model_validator(mode="after")
    def _has_an_uncertainty_to_weigh(self) -> Self:
        if self.alpha > 0 and (self.passes < 2 or self.dropout == 0):
            raise ValueError("alpha above 0 wants dropout and at least 2 passes: without them nothing varies")
        return self


# --- layers -----------------------------------------------------------------------------------------------------------
def drop(maps: Tensor, rate: float, of: DropoutOf, generator: torch.Generator) -> Tensor:
    """Inverted dropout of maps [B, C, S, H, W] with draws from `generator`, so that a sample can be had again."""
    shape = maps.shape if of == "voxels" else (*maps.shape[:2], 1, 1, 1)
    kept = torch.empty(shape, device=maps.device).bernoulli_(1 - rate, generator=generator)
    return maps * (kept / (1 - rate)).to(maps.dtype)


class SliceWise(nn.Conv3d):
    """A 3D convolution; where its kernel holds one slice, computed as the 2D one of every slice: equal, and faster."""

    def forward(self, input: Tensor) -> Tensor:
        if self.kernel_size[0] > 1 or self.stride[0] > 1:
            return super().forward(input)
        planes = input.movedim(2, 1)  # [B, S, C, H, W]
        stride, padding = self.stride[1:], (self.kernel_size[1] // 2, self.kernel_size[2] // 2)
        maps = F.conv2d(planes.flatten(0, 1), self.weight.squeeze(2), self.bias, stride, padding)
        return maps.unflatten(0, planes.shape[:2]).movedim(1, 2)  # [B, C', S, H', W']


class ConvolutionLayer(nn.Module):
    """Convolution, dropout (in the middle), batch normalisation, LeakyReLU: nnU-Net's order."""

    def __init__(
        self, inputs: int, outputs: int, kernel: Three, stride: Three, config: UncertaintyConfig, drops: bool
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.convolution = SliceWise(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm3d(outputs)
        self.rate = config.dropout if drops else 0.0
        self.of: DropoutOf = config.dropout_of
        self.slope = config.negative_slope

    def forward(self, maps: Tensor, generator: torch.Generator | None) -> Tensor:
        maps = self.convolution(maps)
        if self.rate and generator is not None:
            maps = drop(maps, self.rate, self.of, generator)
        return F.leaky_relu(self.norm(maps), self.slope)


class Level(nn.Module):
    """Two convolution layers, the first with the stride that leads here: [B, inputs, ...] -> [B, outputs, ...]."""

    def __init__(
        self, inputs: int, outputs: int, kernel: Three, stride: Three, config: UncertaintyConfig, drops: bool
    ) -> None:
        super().__init__()
        self.first = ConvolutionLayer(inputs, outputs, kernel, stride, config, drops)
        self.second = ConvolutionLayer(outputs, outputs, kernel, (1, 1, 1), config, drops)

    def forward(self, maps: Tensor, generator: torch.Generator | None) -> Tensor:
        return self.second(self.first(maps, generator), generator)


class UncertaintyUNet(nn.Module):
    """Figure 1: [B, 1, S, H, W] -> logits [passes, B, n_classes, S, H, W]; any sizes, best multiples of all strides."""

    def __init__(self, config: UncertaintyConfig, n_classes: int) -> None:
        super().__init__()
        plan = PLANS[config.plan] if isinstance(config.plan, str) else config.plan
        bottom = len(plan.widths) - 1
        self.first_dropping = max(0, bottom - config.dropout_reach) if config.dropout else bottom + 1
        strides = ((1, 1, 1), *plan.strides)
        self.encoder = nn.ModuleList(  # levels of figure 1's left side, then the bottleneck
            Level(inputs, outputs, plan.kernels[at], strides[at], config, at >= self.first_dropping)
            for at, (inputs, outputs) in enumerate(zip((1, *plan.widths), plan.widths, strict=False))
        )
        self.rise, self.decoder = nn.ModuleList(), nn.ModuleList()
        for at in reversed(range(bottom)):
            width, below = plan.widths[at], plan.widths[at + 1]
            self.rise.append(nn.ConvTranspose3d(below, width, plan.strides[at], plan.strides[at], bias=False))
            drops = at >= self.first_dropping
            self.decoder.append(Level(2 * width, width, plan.kernels[at], (1, 1, 1), config, drops))
        self.head = nn.Conv3d(plan.widths[0], n_classes, 1)

    def forward(self, image: Tensor, passes: int = 1, generator: torch.Generator | None = None) -> Tensor:
        """`passes` samples with dropout drawn from `generator`; without one dropout is off and one pass is all there is."""
        return self.samples(self.certain(image), passes, generator)

    def certain(self, image: Tensor) -> list[Tensor]:
        """The maps of the encoder's levels above the first dropout: [B, widths[i], ...], equal in every pass."""
        maps, skips = image.contiguous(memory_format=torch.channels_last_3d), []
        for level in self.encoder[: self.first_dropping]:
            maps = level(maps, None)
            skips.append(maps)
        return skips if skips else [maps]

    def samples(self, certain: Sequence[Tensor], passes: int, generator: torch.Generator | None) -> Tensor:
        """What follows from `certain`, `passes` times: [passes, B, n_classes, S, H, W]."""
        n_images = len(certain[0])
        repeated = [torch.cat([maps] * passes) if passes > 1 else maps for maps in certain]  # [passes * B, ...]
        maps, skips = repeated[-1], repeated if self.first_dropping else []
        for level in self.encoder[self.first_dropping :]:
            maps = level(maps, generator)
            skips.append(maps)
        skips = skips[: len(self.decoder)]
        for rise, level in zip(self.rise, self.decoder, strict=True):
            skip = skips.pop()
            slices, rows, cols = skip.shape[2:]
            maps = level(torch.cat([skip, rise(maps)[:, :, :slices, :rows, :cols]], dim=1), generator)
        return self.head(maps).unflatten(0, (passes, n_images))


# --- the stage --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class UncertaintyStage:
    """The segmenter, on blocks [1, slice, row, col]; `samples` of 0 is prediction in one pass with dropout off."""

    config: UncertaintyConfig
    fit: FitRecipe
    samples: int = 0
    name: str = "segment"

    def sampling(self, samples: int) -> UncertaintyStage:
        """The same stage predicting by that many Monte-Carlo samples (`core.method.Samples`)."""
        return replace(self, samples=samples)

    def build(self, scheme: LabelScheme) -> nn.Module:
        return with_normalisation(UncertaintyUNet(self.config, len(scheme.structures) + 1), self.config.normalisation)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        return cut_volumes(study, upstream, frames, self.config.window)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        del upstream  # the reference box or the image's middle, moved about: no locator's knowledge enters
        return volume_examples(study, scheme, self.config.window)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return vary_volume(sample, rng, self.config.window)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """Equation 5; in eval mode (validation) that of the prediction, which is one pass with dropout off."""
        config, labels = self.config, batch.fields["labels"]
        counted = batch.fields["drawn"].bool()
        passes = config.passes if config.alpha > 0 else config.baseline_passes
        logits = net(batch.image, *((passes, generator) if net.training else (1, None)))
        with torch.autocast(logits.device.type, enabled=False):
            logits = logits.float()
            dice, entropy = segmentation_loss(logits, labels, counted, config.outputs)
            total, terms = config.dice_weight * dice + config.ce_weight * entropy, {}
            if config.alpha > 0 and net.training:
                _, variance = mean_and_variance(class_samples(logits, config.outputs))
                terms = {"uncertainty": image_uncertainty(variance, counted)}
                total = total + config.alpha * terms["uncertainty"]
        return Loss(total, {"dice": dice, "cross_entropy": entropy, **terms})

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        parts = zip(*(self._infer(net, image, generator) for image in batch.image.split(BLOCKS_AT_ONCE)), strict=True)
        mean, variance, samples = (torch.cat(part) for part in parts)
        if not self.samples:
            return Inferred(probs=normalised(mean))
        return Inferred(probs=normalised(mean), variance=variance.mean(1), samples=samples)

    def _infer(self, net: nn.Module, image: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and variance [B, class, ...] and the samples' likeliest classes [B, sample, ...]."""
        certain, draws = net.certain(image), [generator] * self.samples or [None]  # type: ignore[operator]
        passes = [net.samples(certain, 1, draw) for draw in draws]  # type: ignore[operator]
        drawn = class_samples(torch.cat(passes), self.config.outputs)  # [N, B, class, ...]
        return *mean_and_variance(drawn), drawn.argmax(2).to(torch.uint8).movedim(0, 1)

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return paste_volumes(pieces, study, frames)


# --- recipes ----------------------------------------------------------------------------------------------------------
class UncertaintyRecipe(Recipe):
    """Locator (None, as published: the middle of the image), segmenter, and how each is trained."""

    locate: RoiOrNone
    locate_fit: FitRecipe
    segment: UncertaintyConfig
    segment_fit: FitRecipe


def stages(recipe: UncertaintyRecipe) -> tuple[Stage, ...]:
    """The stages of a recipe in order; without a locator the blocks lie around the image's middle."""
    config = recipe.segment
    if recipe.locate is None:
        config = config.model_copy(update={"window": volume_around_image(config.window)})
    return after_roi(recipe.locate, recipe.locate_fit, UncertaintyStage(config, recipe.segment_fit))


PAPER = UncertaintyRecipe(
    locate=None,
    locate_fit=FitRecipe(steps=0, batch=1),
    segment=UncertaintyConfig(),
    segment_fit=FitRecipe(  # section 2.3
        steps=250_000,  # 1000 epochs; of 250 batches each is unstated: nnU-Net's
        batch=5,
        optimiser="sgd",
        learning_rate=0.01,
        momentum=0.99,
        nesterov=True,
        schedule="polynomial",  # "initial learning rate"; the polynomial and all below are unstated: nnU-Net's
        weight_decay=3e-5,
        clip_norm=12.0,
        validate_every=250,
        keep="last",
    ),
)

_tuned_locate, _tuned_locate_fit = tuned_roi()
TUNED = UncertaintyRecipe(  # all ours
    locate=_tuned_locate,
    locate_fit=_tuned_locate_fit,
    segment=UncertaintyConfig(
        window=HeartVolumeConfig(plane=TUNED_WINDOW.model_copy(update={"reach": 0}), depth=12),
        plan=Plan(
            widths=(16, 32, 64, 96, 160),
            strides=((1, 2, 2),) * 4,
            kernels=(IN_PLANE, IN_PLANE, IN_PLANE, IN_SPACE, IN_SPACE),
        ),
        normalisation="instance",
        outputs="softmax",
        passes=2,
    ),
    segment_fit=TUNED_SEGMENT_FIT.model_copy(update={"batch": 2}),
)

METHOD = Method(
    name="uncertainty-unet",
    title="3D U-Net with Monte-Carlo dropout's variance in the loss; cine and late enhancement",
    citation="Arega, Bricq and Meriaudeau, UNSURE at MICCAI 2021, hal-03349833",
    recipes={"paper": PAPER, "tuned": TUNED},
    stages=stages,
    repairs={"paper": leave_as_is, "tuned": repair_cine_or_scar},  # the paper has none
    beat_repairs={"tuned": HoldBase()},
    default_scheme=ACDC,
    accepts=Accepts(modalities=frozenset({"cine", "lge"})),
    dimensions=3,
)
