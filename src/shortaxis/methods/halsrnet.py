"""HALSR-Net: hybrid attention pooling at the skips and a map reconstructed from the latent space.

M. Fakhfakh, L. Sarry, P. Clarysse, "HALSR-Net: Improving CNN segmentation of cardiac left ventricle MRI with hybrid
attention and latent space reconstruction", Computerized Medical Imaging and Graphics 123:102546, 2025.

The idea. A first network regresses a box around the heart (`roi_regression.py`). A second one, a U-shaped network of
five levels, segments the inside of the box. Between encoder and decoder stands a hybrid attention pooling module
(HAPM): atrous and pyramid pooling side by side, each weighted by channel and spatial attention. An attention gate lets
its output into the decoder. The latent map is turned into a coarse class map, which is added to the last feature map.

    section, equation, figure            here
    3.1, eq. 1, fig. 2, table 3          roi_regression.RoiRegressionNet, RoiRegressionStage; measure/roi.py
    3.2, fig. 3                          HalsrNet
    3.2.1, eq. 2-5, fig. 4               AttentionGate
    3.2.2, fig. 5                        HybridAttentionPooling, AtrousPyramid, SpatialPyramid, Attended
    3.2.3, fig. 6                        Reconstruction
    eq. 6-8                              losses/bce_dice.py
    4.3, table 2                         PAPER

Where we differ, and why:
- Eq. 5 multiplies the gate with F_l; the sizes fit only with UP(F_l), which is what we take.
- 1x1 convolutions stand before the bilinear upsampling, of the decoder's F_h on its way to the gate's size and of what
  eq. 3 and fig. 6 upsample first. The two commute, so the result is the same and the 1024 latent channels never exist
  at full size.
- 10.7 M parameters (table 9) cannot be had with two 3x3 convolutions at 64...1024; see docs/papers/halsrnet.md.

What the paper leaves unsaid, and what we chose: two 3x3 convolutions a block, each with batch normalisation; dropout
at the end of the five encoder blocks, rising with depth; the HAPM reads the pooled encoder map, which gives eq. 3 its
upsampling; its filters (64, 128) and the gate's width (C/4); the two pyramids side by side, each followed by CBAM's
channel and then spatial attention; fig. 6's attention map has one channel, and SE squeezes the attended map; one 1x1
convolution brings the reconstructed class map to the last feature map's channels before the addition; size, margin and
grey values of the window. The whole list is in docs/papers/halsrnet.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import LEFT_VENTRICLE, LabelScheme
from shortaxis.core.method import Loss, Method, Stage
from shortaxis.core.recipe import FitRecipe, Recipe, Settings
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.losses.bce_dice import DiceOver, bce_dice
from shortaxis.methods.roi_regression import RoiOrNone, after_roi, paper_roi, tuned_roi
from shortaxis.methods.tuned_fit import TUNED_SEGMENT_FIT, TUNED_WINDOW
from shortaxis.prepare.box_window import BoxWindowConfig, box_examples, cut_boxes
from shortaxis.prepare.heart_crop import HeartCropConfig, cut_heart, heart_examples, vary_heart
from shortaxis.prepare.restore import paste_slices
from shortaxis.repair.base import HoldBase
from shortaxis.repair.components import leave_as_is
from shortaxis.repair.whole import repair_heart

AttentionOrder = Literal["channel_first", "parallel"]
FiveInts = tuple[int, int, int, int, int]
FiveFloats = tuple[float, float, float, float, float]


class HalsrConfig(Settings):
    """The segmentation network of section 3.2, its window and its loss."""

    window: BoxWindowConfig | HeartCropConfig = BoxWindowConfig()  # one image, the box's content; size, margin: ours
    widths: FiveInts = (64, 128, 256, 512, 1024)  # section 3.2
    dropout: FiveFloats = (0.30, 0.35, 0.40, 0.45, 0.50)  # table 2 gives the range; the order by level is ours
    atrous_rates: tuple[int, ...] = (1, 6, 12, 18)  # unstated; ours
    pyramid_levels: tuple[int, ...] = (1, 2, 4)  # unstated; ours
    pooling_width: int = 64  # filters of each ASPP and SPP branch; unstated; ours
    hapm_width: int = 128  # what the HAPM hands to the gate; unstated; ours
    channel_ratio: int = 8  # channel attention's bottleneck; unstated; ours
    hapm_attention: AttentionOrder = "channel_first"  # fig. 5's two attentions; CBAM's order; parallel: 3.2.2's words
    gate_ratio: int = 4  # F_H and F_L have 1/4 of F_h's channels; unstated; ours
    skip: Literal["gated", "gated_and_plain"] = "gated"  # eq. 5: the decoder sees the encoder through the gate alone
    excite_ratio: int = 16  # SE's bottleneck; unstated; Hu et al. 2018
    bce_weight: float = 0.5  # alpha, section 4.3
    dice_weight: float = 0.5  # beta, section 4.3
    dice_epsilon: float = 1e-6  # "a small constant"; ours
    dice_over: DiceOver = "everything"  # eq. 7 as written


# --- layers, in the order of figures 3 to 6 ---------------------------------------------------------------------------
def double_convolution(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    """Two 3x3 convolutions with batch normalisation and ReLU, then dropout: [B, inputs, H, W] -> [B, outputs, H, W]."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.Dropout(dropout))


def resize(maps: Tensor, size: torch.Size) -> Tensor:
    """Bilinear [B, C, h, w] -> [B, C, *size]."""
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)


class AttentionGate(nn.Module):
    """Equations 2 to 5: what of the HAPM's map F_l the decoder's map F_h lets through, beside F_h itself."""

    def __init__(self, high: int, low: int, inner: int) -> None:
        super().__init__()
        self.high = nn.Conv2d(high, inner, 1)
        self.low = nn.Conv2d(low, inner, 1)
        self.weight = nn.Conv2d(inner, 1, 1)

    def forward(self, high: Tensor, low: Tensor, size: torch.Size) -> Tensor:
        """[B, high, h, w], [B, low, h', w'] -> [B, low + inner, *size]."""
        f_high = resize(self.high(high), size)  # eq. 2, [B, inner, H, W]
        f_low = resize(self.low(low), size)  # eq. 3; a 1x1 convolution and bilinear upsampling commute
        f_sigma = torch.sigmoid(self.weight(torch.relu(f_high + f_low)))  # eq. 4, [B, 1, H, W]
        return torch.cat([f_sigma * resize(low, size), f_high], dim=1)  # eq. 5, whose 1x1 of F_h is eq. 2's


def convolution(inputs: int, outputs: int, size: int, rate: int = 1) -> nn.Sequential:
    """A convolution that keeps height and width, batch normalisation, ReLU."""
    padding = size // 2 * rate
    layer = nn.Conv2d(inputs, outputs, size, padding=padding, dilation=rate, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(True))


class AtrousPyramid(nn.Module):
    """ASPP: 3x3 convolutions at several rates and the image's mean, fused: [B, inputs, h, w] -> [B, width, h, w]."""

    def __init__(self, inputs: int, width: int, rates: tuple[int, ...]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(convolution(inputs, width, 3, rate) for rate in rates)
        # No normalisation on a map of one pixel: a batch of one would have no variance. No bias, as in the other branches.
        self.image = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(inputs, width, 1, bias=False), nn.ReLU(True))
        self.fuse = convolution(width * (len(rates) + 1), width, 1)

    def forward(self, maps: Tensor) -> Tensor:
        image = self.image(maps).expand(-1, -1, *maps.shape[2:])
        return self.fuse(torch.cat([*(branch(maps) for branch in self.branches), image], dim=1))


class SpatialPyramid(nn.Module):
    """SPP: means over 1, 2x2 and 4x4 regions, resized and concatenated: [B, inputs, h, w] -> [B, levels * width, h, w]."""

    def __init__(self, inputs: int, width: int, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(level), nn.Conv2d(inputs, width, 1), nn.ReLU(True)) for level in levels
        )

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([resize(level(maps), maps.shape[2:]) for level in self.levels], dim=1)


class Attended(nn.Module):
    """Channel and spatial attention (CBAM, Woo et al. 2018), the second on what the first left or on the same map.

    [B, C, h, w] -> [B, C, h, w].
    """

    def __init__(self, channels: int, ratio: int, order: AttentionOrder) -> None:
        super().__init__()
        hidden = max(channels // ratio, 1)
        self.channel = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(True), nn.Linear(hidden, channels))
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)
        self.parallel = order == "parallel"

    def forward(self, maps: Tensor) -> Tensor:
        weight = self.channel(maps.mean((2, 3))) + self.channel(maps.amax((2, 3)))  # [B, C]
        weighed = maps * torch.sigmoid(weight)[:, :, None, None]
        seen = maps if self.parallel else weighed
        summary = torch.stack([seen.mean(1), seen.amax(1)], dim=1)  # [B, 2, h, w]
        return weighed * torch.sigmoid(self.spatial(summary))


class HybridAttentionPooling(nn.Module):
    """HAPM, figure 5: [B, inputs, h, w] -> [B, hapm_width, h, w]."""

    def __init__(self, inputs: int, config: HalsrConfig) -> None:
        super().__init__()
        width, outputs = config.pooling_width, config.hapm_width
        pyramid = width * len(config.pyramid_levels)
        attention = config.channel_ratio, config.hapm_attention
        self.atrous = nn.Sequential(AtrousPyramid(inputs, width, config.atrous_rates), Attended(width, *attention))
        self.pyramid = nn.Sequential(
            SpatialPyramid(inputs, width, config.pyramid_levels), Attended(pyramid, *attention)
        )
        self.fuse = convolution(width + pyramid, outputs, 1)
        self.direct = nn.Conv2d(inputs, outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        both = torch.cat([self.atrous(maps), self.pyramid(maps)], dim=1)  # [B, width * (1 + levels), h, w]
        return self.fuse(both) + self.direct(maps)


class Reconstruction(nn.Module):
    """Figure 6: a class map out of the latent space, as many channels as the last feature map has."""

    def __init__(self, latent: int, ratio: int, n_classes: int, outputs: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(latent, 1, 1)
        hidden = max(latent // ratio, 1)
        self.excite = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(True), nn.Linear(hidden, latent), nn.Sigmoid())
        self.classes = nn.Conv2d(latent, n_classes, 1)
        self.widen = nn.Conv2d(n_classes, outputs, 1)

    def class_map(self, latent: Tensor, size: torch.Size) -> Tensor:
        """Probabilities [B, class, *size] of the latent map [B, latent, h, w] by itself."""
        attended = latent * torch.sigmoid(self.attention(latent))
        scaled = attended * self.excite(attended.mean((2, 3)))[:, :, None, None]  # squeeze, excite, scale
        # x16 upsampling (four poolings), then 1x1: the two commute, and this way round few channels are upsampled.
        return torch.softmax(resize(self.classes(scaled), size), dim=1)

    def forward(self, latent: Tensor, size: torch.Size) -> Tensor:
        return self.widen(self.class_map(latent, size))


class HalsrNet(nn.Module):
    """Figure 3: [B, channel, H, W] -> logits [B, n_classes, H, W]; H and W at least 16, best multiples of 16."""

    def __init__(self, config: HalsrConfig, n_classes: int) -> None:
        super().__init__()
        widths, channels = config.widths, 2 * config.window.reach + 1
        self.plain_skip = config.skip == "gated_and_plain"
        self.encoder = nn.ModuleList(
            double_convolution(inputs, outputs, dropout)
            for inputs, outputs, dropout in zip((channels, *widths), widths, config.dropout, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.hapm = nn.ModuleList(HybridAttentionPooling(width, config) for width in widths[:-1])
        self.gates, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(widths[:-1]):
            high = widths[level + 1]
            inner = high // config.gate_ratio
            self.gates.append(AttentionGate(high, config.hapm_width, inner))
            inputs = config.hapm_width + inner + (width if self.plain_skip else 0)
            self.decoder.append(double_convolution(inputs, width, dropout=0.0))
        self.reconstruction = Reconstruction(widths[-1], config.excite_ratio, n_classes, widths[0])
        self.head = nn.Conv2d(widths[0], n_classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        skips, pooled, maps = [], [], image
        for block in self.encoder[:-1]:
            skips.append(block(maps))  # [B, widths[i], H / 2^i, W / 2^i]
            maps = self.pool(skips[-1])
            pooled.append(maps)
        latent = maps = self.encoder[-1](maps)  # [B, widths[4], H / 16, W / 16]
        for level in reversed(range(len(skips))):
            size = skips[level].shape[2:]
            maps = self.gates[level](maps, self.hapm[level](pooled[level]), size)
            if self.plain_skip:
                maps = torch.cat([maps, skips[level]], dim=1)
            maps = self.decoder[level](maps)  # [B, widths[level], H / 2^level, W / 2^level]
        return self.head(maps + self.reconstruction(latent, maps.shape[2:]))


# --- the stage --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class HalsrStage:
    """The segmenter, on the window its config names."""

    config: HalsrConfig
    fit: FitRecipe
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        return HalsrNet(self.config, len(scheme.structures) + 1)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        if isinstance(self.config.window, HeartCropConfig):
            return cut_heart(study, upstream, frames, self.config.window)
        return cut_boxes(study, upstream, frames, self.config.window)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        if isinstance(self.config.window, HeartCropConfig):
            return heart_examples(study, scheme, self.config.window)
        return box_examples(study, scheme, upstream, self.config.window)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        window = self.config.window
        grey = window.grey if isinstance(window, HeartCropConfig) else "slice"
        return vary_heart(sample, rng, HeartCropConfig(size_px=window.size_px, grey=grey, augment=window.augment))

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """Equation 8."""
        del generator  # dropout draws from torch's own generator
        config = self.config
        numbers = config.bce_weight, config.dice_weight, config.dice_epsilon
        total, bce, dice = bce_dice(net(batch.image), batch.fields["labels"], *numbers, config.dice_over)
        return Loss(total, {"bce": bce, "dice": dice})

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        del generator
        return Inferred(probs=torch.softmax(net(batch.image).float(), dim=1))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return paste_slices(pieces, study, frames)


# --- recipes ----------------------------------------------------------------------------------------------------------
class HalsrRecipe(Recipe):
    """Locator (None: "HALSR-Net without ROI", section 4.5), segmenter, and how each is trained."""

    locate: RoiOrNone
    locate_fit: FitRecipe
    segment: HalsrConfig
    segment_fit: FitRecipe


def stages(recipe: HalsrRecipe) -> tuple[Stage, ...]:
    """The stages in order; without a locator the whole slice is fitted to the segmenter's input."""
    config = recipe.segment if recipe.locate else without_roi(recipe.segment)
    return after_roi(recipe.locate, recipe.locate_fit, HalsrStage(config, recipe.segment_fit))


def without_roi(config: HalsrConfig) -> HalsrConfig:
    """The same network on whole slices."""
    window = config.window
    whole = BoxWindowConfig(size_px=window.size_px, of="slice", reach=window.reach, room_px=0, augment=window.augment)
    return config.model_copy(update={"window": whole})


_locate, _locate_fit = paper_roi()
PAPER = HalsrRecipe(
    locate=_locate,
    locate_fit=_locate_fit,
    segment=HalsrConfig(),
    segment_fit=FitRecipe(  # table 2; the ceiling and the patience of early stopping are unstated; ours
        steps=20_000, batch=32, learning_rate=1e-3, betas=(0.9, 0.999), epsilon=1e-8, validate_every=50, patience=20
    ),
)

_tuned_locate, _tuned_locate_fit = tuned_roi()
TUNED = HalsrRecipe(  # all ours
    locate=_tuned_locate,
    locate_fit=_tuned_locate_fit,
    segment=HalsrConfig(
        window=TUNED_WINDOW,
        widths=(24, 48, 96, 192, 384),
        dropout=(0.0, 0.0, 0.1, 0.2, 0.3),
        pooling_width=24,
        hapm_width=24,
        gate_ratio=2,
        skip="gated_and_plain",  # edges at full resolution, which the pooled maps have lost
        dice_over="classes",
    ),
    segment_fit=TUNED_SEGMENT_FIT,
)

METHOD = Method(
    name="halsrnet",
    title="HALSR-Net: hybrid attention pooling and latent space reconstruction behind a regressed ROI",
    citation="Fakhfakh et al., Computerized Medical Imaging and Graphics 123:102546, 2025",
    recipes={"paper": PAPER, "tuned": TUNED},
    stages=stages,
    repairs={"paper": leave_as_is, "tuned": repair_heart},  # the paper has none
    beat_repairs={"tuned": HoldBase()},
    default_scheme=LEFT_VENTRICLE,
)
