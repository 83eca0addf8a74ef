"""DADU: edges and dual attention on the skips of a U-Net of dense blocks, supervised at every decoder level.

R. Mukisa, A. K. Bansal, "DADU: Dual Attention-based Deep Supervised UNet for Automated Semantic Segmentation of Cardiac
Images", Kent State University, 2024 (trained and tested on ACDC).

The idea. A U-shaped network whose encoder blocks are dense. On every skip, edges are extracted from the encoder's map
and added to it. A dual attention block then weighs it: first by channel, from the average and the maximum of every
encoder and decoder map; then by place, from the average, the maximum and a 1x1 convolution over the channels of both.
What passes is joined to the decoder's map. Every decoder level answers for itself, and all answers are in the loss.

    section, equation, algorithm, figure     here
    4, fig. 1                                DaduNet, DenseBlock, Edges
    4.1 to 4.3, eq. 1-10, fig. 2-4           dual_attention.py
    4.4, eq. 11, fig. 5                      DaduNet.forward, DaduStage.loss
    5.2                                      prepare/whole_slice.py, prepare/align.py
    5.3, eq. 12                              losses/structure_dice.py
    5                                        PAPER

Where we differ, and why:
- Eq. 9 and 10 run over channels that the poolings of eq. 7 and 8 have already merged; one map is left and taken.
- Learning eta_s minimises eq. 11 at eta_s = 0, which would undo the supervision: it has a floor. Validation sees the
  final answer's loss alone, so that a falling eta_s is not taken for progress.
- Algorithms 1 and 3 and the "dilated convolutions" of section 4.3 contradict the equations: options, equations default.

What the paper leaves unsaid, and what we chose: widths; growth and depth of the dense blocks; Sobel's gradient
magnitude as the edge operator, normalised; w_c of eq. 6 as vectors; the decoder's own blocks and upsampling; three
auxiliary paths; one sigmoid per structure and the softmax beside a background of logit 0 for its probabilities; no
variation of the images. The whole list is in docs/papers/dadu.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
import torch
from pydantic import Field, NonNegativeFloat, PositiveInt, ValidationInfo, field_validator, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from shortaxis.core.errors import WrongDimensions
from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import ACDC, LabelScheme
from shortaxis.core.method import Loss, Method, Stage
from shortaxis.core.recipe import FitRecipe, Recipe, Settings
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.losses.dice_ce import dice_ce_loss
from shortaxis.losses.structure_dice import dsc_loss, structure_probs
from shortaxis.methods.dual_attention import ChannelWeights, DualAttention, Products, SpatialKernel
from shortaxis.methods.roi_regression import RoiOrNone, after_roi, tuned_roi
from shortaxis.methods.tuned_fit import TUNED_SEGMENT_FIT, TUNED_WINDOW
from shortaxis.prepare.align import NOTE as ALIGNED
from shortaxis.prepare.heart_crop import HeartCropConfig, around_image, cut_heart, heart_examples, vary_heart
from shortaxis.prepare.restore import paste_slices
from shortaxis.prepare.whole_slice import WholeSliceConfig, cut_whole_slices, vary_whole_slice, whole_slice_examples
from shortaxis.repair.base import HoldBase
from shortaxis.repair.components import leave_as_is
from shortaxis.repair.whole import repair_heart

EdgeOperator = Literal["sobel", "laplacian", "none"]


class DaduConfig(Settings):
    """The network of section 4, its window and its loss."""

    window: WholeSliceConfig | HeartCropConfig = WholeSliceConfig()  # section 5.2; 256 x 256, aligned
    # section 4: doubled; 32, 5: ours
    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=2)] = (32, 64, 128, 256, 512)
    dense_layers: int = Field(default=2, ge=1)  # section 4: "two 3x3 convolutions"
    edges: EdgeOperator = "sobel"  # unstated; ours. none: the ablation
    attention: Literal["dual", "none"] = "dual"  # section 4.1. none: the ablation
    channel_weights: ChannelWeights = "vectors"  # eq. 6's w_c; unstated; ours; none: algorithm 2
    spatial_kernel: SpatialKernel = "7x7"  # eq. 7-8; 7x7_dilated: section 4.3; none: algorithm 3
    products: Products = "equations"  # eq. 1-2; algorithm_1 has a sigmoid around each
    supervision: Literal["learned_eta", "fixed_eta", "none"] = "learned_eta"  # section 4.4. none: the ablation
    eta: float = Field(default=0.5, gt=0)  # eta_s, at the start where it is learned; unstated; ours
    eta_floor: float = Field(default=0.1, gt=0)  # of a learned eta_s; unstated; ours
    objective: Literal["dsc", "dice_ce"] = "dsc"  # section 5.3. dice_ce: softmax, Dice + cross-entropy; ours
    # above and below in eq. 12, and in dice_ce's Dice, for structures that a batch lacks; unstated; ours
    smooth: NonNegativeFloat = 1.0

    @model_validator(mode="after")
    def _has_channels_for_each_layer(self) -> Self:
        if self.dense_layers > min(self.widths):
            raise ValueError(
                f"dense_layers ({self.dense_layers}) must not exceed the least of widths ({min(self.widths)})"
            )
        return self

    @model_validator(mode="after")
    def _starts_above_the_floor(self) -> Self:
        if self.supervision == "learned_eta" and self.eta < self.eta_floor:
            raise ValueError(f"eta ({self.eta:g}) must not lie below eta_floor ({self.eta_floor:g})")
        return self


# --- layers, in the order of section 4 --------------------------------------------------------------------------------
def convolution(inputs: int, outputs: int) -> nn.Sequential:
    """A 3x3 convolution that keeps height and width, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def resize(maps: Tensor, size: torch.Size) -> Tensor:
    """Bilinear [B, C, h, w] -> [B, C, *size]."""
    return F.interpolate(maps, size, mode="bilinear", align_corners=False)


class DenseBlock(nn.Module):
    """[B, inputs, H, W] -> [B, width, H, W]: each layer reads the block's input and all layers before it.

    The layers' outputs together are the block's `width` channels; a residual link adds the input to them.
    """

    def __init__(self, inputs: int, width: int, layers: int) -> None:
        super().__init__()
        ends = [width * layer // layers for layer in range(layers + 1)]
        self.layers = nn.ModuleList(convolution(inputs + first, last - first) for first, last in pairwise(ends))
        self.link = nn.Conv2d(inputs, width, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        grown = [maps]
        for layer in self.layers:
            grown.append(layer(torch.cat(grown, 1)))
        return torch.cat(grown[1:], 1) + self.link(maps)


# A slope of 1 per pixel has a gradient of 1, and so has a ridge of height 1 the Laplacian.
EDGE_KERNELS = {
    "sobel": [  # across, down
        [[-0.125, 0.0, 0.125], [-0.25, 0.0, 0.25], [-0.125, 0.0, 0.125]],
        [[-0.125, -0.25, -0.125], [0.0, 0.0, 0.0], [0.125, 0.25, 0.125]],
    ],
    "laplacian": [[[0.0, 0.25, 0.0], [0.25, -1.0, 0.25], [0.0, 0.25, 0.0]]],
}


class Edges(nn.Module):
    """Edges of every channel by a fixed operator, beyond the border replicated: [B, C, H, W] -> [B, C, H, W], >= 0."""

    kernels: Tensor

    def __init__(self, operator: Literal["sobel", "laplacian"]) -> None:
        super().__init__()
        kernels = torch.tensor(EDGE_KERNELS[operator])
        self.register_buffer("kernels", kernels[:, None], persistent=False)  # [n, 1, 3, 3]

    def forward(self, maps: Tensor) -> Tensor:
        channels, count = maps.shape[1], len(self.kernels)
        padded = F.pad(maps, (1, 1, 1, 1), mode="replicate")
        sloped = F.conv2d(padded, self.kernels.repeat(channels, 1, 1, 1).to(maps.dtype), groups=channels)
        squares = sloped.unflatten(1, (channels, count)).float().square().sum(2)  # [B, C, H, W]
        return (squares + 1e-6).sqrt()  # the root's slope stays finite where nothing changes


class Skip(nn.Module):
    """One skip-connection of figure 1: edges added to the encoder's map, attention over both, the decoder's map beside."""

    def __init__(self, channels: int, config: DaduConfig) -> None:
        super().__init__()
        self.edges = None
        if config.edges != "none":  # normalised, or steep features would drown the map they were taken from
            self.edges = nn.Sequential(Edges(config.edges), nn.BatchNorm2d(channels))
        self.attention = None
        if config.attention == "dual":
            options = config.channel_weights, config.spatial_kernel, config.products
            self.attention = DualAttention(channels, *options)

    def forward(self, encoder: Tensor, decoder: Tensor) -> Tensor:
        """[B, C, H, W] twice -> [B, 2 C, H, W]."""
        if self.edges is not None:
            encoder = encoder + self.edges(encoder)
        if self.attention is not None:
            encoder = self.attention(encoder, decoder)
        return torch.cat([encoder, decoder], 1)


class Outputs(NamedTuple):
    """Logits [B, class, H, W] of the last decoder level and, in training, of the others; their weights eta_s [P]."""

    final: Tensor
    auxiliary: tuple[Tensor, ...]
    eta: Tensor


class DaduNet(nn.Module):
    """Figure 1: [B, channel, H, W] -> `Outputs`; H and W at least 2^(levels - 1). Raises WrongDimensions below."""

    def __init__(self, config: DaduConfig, channels: int, n_logits: int) -> None:
        super().__init__()
        widths = config.widths
        above = list(pairwise(widths))  # (level's width, width below it), from the top down
        self.encoder = nn.ModuleList(
            DenseBlock(inputs, width, config.dense_layers) for inputs, width in pairwise((channels, *widths))
        )
        self.rise = nn.ModuleList(nn.Conv2d(below, width, 1, bias=False) for width, below in above)
        self.skips = nn.ModuleList(Skip(width, config) for width in widths[:-1])
        self.decoder = nn.ModuleList(
            nn.Sequential(convolution(2 * width, width), convolution(width, width)) for width in widths[:-1]
        )
        self.head = nn.Conv2d(widths[0], n_logits, 1)  # section 4: "1x1 ... at the end"
        paths = () if config.supervision == "none" else widths[1:-1]
        self.auxiliary = nn.ModuleList(nn.Conv2d(width, n_logits, 1) for width in paths)
        learned = config.supervision == "learned_eta" and bool(paths)
        self.least_eta = config.eta_floor if learned else config.eta
        excess = torch.full((len(paths),), max(config.eta - config.eta_floor, 1e-6)).log()
        self.excess = nn.Parameter(excess) if learned else None  # log of what eta_s has above its floor

    def eta(self, like: Tensor) -> Tensor:
        """The weights eta_s of the auxiliary paths [P], on the device of `like`."""
        least = torch.full((len(self.auxiliary),), self.least_eta, device=like.device)
        return least if self.excess is None else least + self.excess.exp()

    def forward(self, image: Tensor) -> Outputs:
        size = image.shape[2:]
        if min(size) < 2 ** len(self.skips):
            raise WrongDimensions(
                f"at least {2 ** len(self.skips)} rows and columns", f"{size[0]} x {size[1]}", "use larger images"
            )
        encoded, maps = [], image
        for level, block in enumerate(self.encoder):
            maps = block(maps if level == 0 else F.max_pool2d(maps, 2))
            encoded.append(maps)  # [B, widths[i], H / 2^i, W / 2^i]
        auxiliary: list[Tensor] = []
        for level in reversed(range(len(self.skips))):
            risen = resize(self.rise[level](maps), encoded[level].shape[2:])  # [B, widths[i], H / 2^i, W / 2^i]
            maps = self.decoder[level](self.skips[level](encoded[level], risen))
            if self.training and len(self.auxiliary) and level > 0:
                auxiliary.append(resize(self.auxiliary[level - 1](maps), size))
        return Outputs(self.head(maps), tuple(reversed(auxiliary)), self.eta(image))


# --- the stage --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class DaduStage:
    """The segmenter, on the window its config names."""

    config: DaduConfig
    fit: FitRecipe
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        window = self.config.window
        channels = 2 * window.reach + 1 if isinstance(window, HeartCropConfig) else 1
        return DaduNet(self.config, channels, len(scheme.structures) + (self.config.objective == "dice_ce"))

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        if isinstance(self.config.window, HeartCropConfig):
            return cut_heart(study, upstream, frames, self.config.window)
        return cut_whole_slices(study, frames, self.config.window)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        del upstream  # whole slices, or the reference box moved about: no locator's knowledge enters
        if isinstance(self.config.window, HeartCropConfig):
            return heart_examples(study, scheme, self.config.window)
        return whole_slice_examples(study, scheme, self.config.window)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        if isinstance(self.config.window, HeartCropConfig):
            return vary_heart(sample, rng, self.config.window)
        return vary_whole_slice(sample, rng, self.config.window)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """Equation 11; of a network in eval mode, which has no auxiliary answers, its first term alone."""
        del generator  # nothing random inside this network
        outputs: Outputs = net(batch.image)
        labels = batch.fields["labels"]
        total = final = self._level_loss(outputs.final, labels)
        terms = {"final": final}
        for path, (logits, eta) in enumerate(zip(outputs.auxiliary, outputs.eta, strict=False), 1):
            auxiliary = self._level_loss(logits, labels)
            total = total + eta * auxiliary
            terms |= {f"auxiliary_{path}": auxiliary, f"eta_{path}": eta}
        return Loss(total, terms)

    def _level_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        if self.config.objective == "dice_ce":
            return dice_ce_loss(logits, labels, self.config.smooth)[0]
        return dsc_loss(logits, labels, self.config.smooth)

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        del generator
        logits = net(batch.image).final
        if self.config.objective == "dice_ce":
            return Inferred(probs=torch.softmax(logits.float(), 1))
        return Inferred(probs=structure_probs(logits))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        window, found = self.config.window, paste_slices(pieces, study, frames)
        corrected = isinstance(window, WholeSliceConfig) and window.misalignment == "corrected"
        return replace(found, notes=(ALIGNED,)) if corrected else found


# --- recipes ----------------------------------------------------------------------------------------------------------
class DaduRecipe(Recipe):
    """Locator (None where whole slices are seen), segmenter, and how each is trained."""

    locate: RoiOrNone
    locate_fit: FitRecipe
    segment: DaduConfig
    segment_fit: FitRecipe

    @field_validator("segment")
    @classmethod
    def _looks_where_the_heart_was_located(cls, segment: DaduConfig, info: ValidationInfo) -> DaduConfig:
        if info.data.get("locate") is not None and isinstance(segment.window, WholeSliceConfig):
            raise ValueError(
                "its window is the whole slice, which passes over what a locator finds: leave locate at none, or start "
                "from the tuned recipe, whose window is a crop around the heart"
            )
        return segment


def stages(recipe: DaduRecipe) -> tuple[Stage, ...]:
    """The stages of a recipe in order; without a locator a crop lies around the image's middle."""
    config = recipe.segment
    if recipe.locate is None and isinstance(config.window, HeartCropConfig):
        config = config.model_copy(update={"window": around_image(config.window)})
    return after_roi(recipe.locate, recipe.locate_fit, DaduStage(config, recipe.segment_fit))


# ACDC's 100 training patients have 1,902 ED and ES slices. Four of five folds have 1,522 of them on average: 152 batches.
EPOCH = 152
PAPER = DaduRecipe(
    locate=None,
    locate_fit=FitRecipe(steps=0, batch=1),
    segment=DaduConfig(),
    segment_fit=FitRecipe(
        steps=100 * EPOCH, batch=10, learning_rate=1e-3, validate_every=EPOCH, keep="best"
    ),  # section 5
)

_tuned_locate, _tuned_locate_fit = tuned_roi()
TUNED = DaduRecipe(  # all ours
    locate=_tuned_locate,
    locate_fit=_tuned_locate_fit,
    segment=DaduConfig(
        window=TUNED_WINDOW,
        widths=(24, 48, 96, 192, 384),  # the U-Net's
        dense_layers=3,
        supervision="fixed_eta",
        eta=0.3,
        objective="dice_ce",
    ),
    segment_fit=TUNED_SEGMENT_FIT,
)

METHOD = Method(
    name="dadu",
    title="DADU: U-Net of dense blocks with edges and dual attention on its skips, deeply supervised",
    citation="Mukisa and Bansal, Kent State University, 2024",
    recipes={"paper": PAPER, "tuned": TUNED},
    stages=stages,
    repairs={"paper": leave_as_is, "tuned": repair_heart},  # the paper has none
    beat_repairs={"tuned": HoldBase()},
    default_scheme=ACDC,
)
