"""3D Attention M-net: a left leg of pooled inputs, dual attention gates, a right leg that fuses all decoder levels.

L. Huang, A. Jin, J. Wei, D. Tipre, C.-F. Liu, R. G. Weiss, S. Ardekani, "3D Attention M-net for Short-axis Left
Ventricular Myocardium Segmentation in Mice MR cardiac Images", 43rd IEEE EMBC, 2021.

The idea. In a mouse's small, noisy heart a slice by itself says too little, so a whole volume is segmented in 3D. Pooled
copies of the input enter every encoder level, and all decoder levels are fused into the answer: the M. Between encoder
and decoder a dual gate weighs places and channels. A third loss, besides generalised Dice and balanced cross-entropy,
weighs every wrong voxel by its nearness to the reference.

    section, equation, figure              here
    II-A, II-B, fig. 2                     AttentionMNet (.first, .encoder; .rise, .decoder), Fusion
    II-C, fig. 3, Khanh et al. 2020        DualAttentionGate, SpatialBranch, ChannelBranch
    II-D.1-3, eq. 1, L_comb                losses/contour_refining.py
    II-D (L_dep)                           AttentionMNetStage.loss
    III-A, III-B                           MOUSE_WINDOW, prepare/heart_volume.py; PAPER

Where we differ, and why:
- Distance in eq. 1 is taken in the volume, with the voxel's shape; the formula is 2D, the data are 3D. `distance = "2d"`
  takes it slice by slice.
- W is 1 inside the reference, where the distance is 0, and 1 / (distance + 1) outside: a missed voxel weighs more.
- Several structures (`multi-class head`, ours, for ACDC): the published sigmoid is the softmax of one structure against
  a background whose logit is 0; with several structures it is the softmax of all of them. One structure stays as published.
- A human heart (ours): the pixel is 0.1307 mm or larger, so that the located heart takes at most `fill` of the window, and
  the slices keep their ratio to it (0.16 / 0.1307): ten times the heart, about ten times the voxel. A mouse's is not scaled.

What the paper leaves unsaid, and what we chose: the widths (fitted to 24.66 M parameters); "the first level" of the deep
supervision (here the fused output, which nothing else would train; side outputs of decoder levels 2 to 4 weigh 0.5); the
decoder's lowest input (the pooled fourth level); the way up (a convolution, then trilinear); the gate's kernel and ratio
(Khanh's 7 and 8, in 3D); the crop's centre (a located heart). The whole list is in docs/papers/attention-mnet.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import MYOCARDIUM_ALONE, LabelScheme
from shortaxis.core.method import Accepts, Loss, Method, Stage
from shortaxis.core.recipe import FitRecipe, KernelSide, Recipe, Settings
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.losses.contour_refining import Balance, combined_loss, distance_weights, log_probabilities
from shortaxis.methods.instance_norm import Normalisation, with_normalisation
from shortaxis.methods.roi_regression import RoiRegressionConfig, RoiRegressionStage, tuned_roi
from shortaxis.methods.tuned_fit import TUNED_SEGMENT_FIT, TUNED_WINDOW
from shortaxis.prepare import heart_volume
from shortaxis.prepare.augment import AugmentConfig
from shortaxis.prepare.heart_crop import HeartCropConfig
from shortaxis.repair.base import HoldBase
from shortaxis.repair.components import leave_as_is
from shortaxis.repair.whole import repair_heart

Three = tuple[int, int, int]

_still = dict.fromkeys(AugmentConfig.model_fields, 0.0)  # section III-A: shifts, rotations and flips alone
RIGID = AugmentConfig.model_validate({**_still, "rotation_degrees": 15.0, "shift_px": 15.0})
MOUSE_WINDOW = heart_volume.HeartVolumeConfig(
    plane=HeartCropConfig(
        size_px=96,  # section III-A
        pixel_mm=0.1307,  # section III-A
        fill=0.5,  # of human hearts; unstated; ours: as 6.3 mm of 12.5, a mouse's left ventricle
        reach=0,
        room_px=24,  # for shifts of 15 and rotations; ours
        grey="stack",  # unstated; ours
        augment=RIGID,
    ),
    depth=36,  # section III-A
    slice_px=0.16 / 0.1307,  # section III-A
    factor_unknown=5,  # 0.8 mm to 0.16 mm
    chance=0.5,  # section III-A
    flip=0.5,  # section III-A
)


class AttentionMNetConfig(Settings):
    """The network of figure 2, its window and its loss."""

    window: heart_volume.HeartVolumeConfig = MOUSE_WINDOW
    input_width: PositiveInt = 16  # section II-A
    widths: tuple[PositiveInt, ...] = (32, 64, 128, 256)  # four levels, fig. 2; unstated, fitted to table I; ours
    blocks: PositiveInt = 4  # convolution blocks of a level, section II-A
    blocks_across: NonNegativeInt = 4  # of them, the last ones, see neighbouring slices (3x3x3, else 1x3x3); all
    pool: tuple[PositiveInt, PositiveInt, PositiveInt] = (2, 2, 2)  # unstated; ours
    gate_kernel: tuple[KernelSide, KernelSide, KernelSide] = (7, 7, 7)  # Khanh et al., in 3D
    gate_ratio: PositiveInt = 8  # Khanh et al.
    normalisation: Normalisation = "batch"  # section II-A
    fuse_width: PositiveInt = 96  # of the fusion's two 3x3x3; unstated, fitted to table I; ours
    fuse_reduced: PositiveInt | None = None  # channels a level hands to the fusion; None: all it has, as published
    dice_weight: NonNegativeFloat = 1.0  # lambda 1, section III-B
    entropy_weight: NonNegativeFloat = 1.0  # lambda 2, section III-B
    distance_weight: NonNegativeFloat = 3.0  # lambda 3, section III-B; 0: table I's "w/o distance loss"
    level_weights: tuple[NonNegativeFloat, ...] = (1.0, 0.5, 0.5, 0.5)  # section III-B; the first is the fused output's
    balance: Balance = "classes"  # section II-D.2
    distance: Literal["3d", "2d"] = "3d"  # eq. 1 is written in 2D

    @model_validator(mode="after")
    def _weighs_every_level(self) -> Self:
        if not self.widths or len(self.level_weights) != len(self.widths):
            raise ValueError(f"level_weights must be as many as widths ({len(self.widths)}), one at least")
        return self


# --- layers, in the order of figures 2 and 3 --------------------------------------------------------------------------
def convolution_block(inputs: int, outputs: int, across: bool) -> nn.Sequential:
    """3D convolution, batch normalisation, ReLU (II-A): [B, inputs, S, H, W] -> [B, outputs, S, H, W]."""
    kernel, padding = ((3, 3, 3), (1, 1, 1)) if across else ((1, 3, 3), (0, 1, 1))
    convolution = nn.Conv3d(inputs, outputs, kernel, padding=padding, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.ReLU(True))


def cascade(inputs: int, outputs: int, blocks: int, across: int) -> nn.Sequential:
    """A level's convolution blocks one after the other, the last `across` of them over neighbouring slices too."""
    return nn.Sequential(
        *(convolution_block(outputs if at else inputs, outputs, at >= blocks - across) for at in range(blocks))
    )


def resize(maps: Tensor, size: torch.Size) -> Tensor:
    """Trilinear [B, C, s, h, w] -> [B, C, *size]; in plane alone where the slices stay."""
    if maps.shape[2] != size[0]:
        return F.interpolate(maps, size, mode="trilinear", align_corners=False)
    batch, channels, slices = maps.shape[:3]
    planes = F.interpolate(maps.flatten(1, 2), size[1:], mode="bilinear", align_corners=False)  # [B, C * s, H, W]
    return planes.reshape(batch, channels, slices, *size[1:])


class SpatialBranch(nn.Module):
    """Figure 3c, one side: maximum, mean and 1x1x1 over channels, then 7x7x7 to one map [B, 1, S, H, W]."""

    def __init__(self, channels: int, kernel: Three) -> None:
        super().__init__()
        self.mixed = nn.Conv3d(channels, 1, 1)
        self.look = nn.Conv3d(3, 1, kernel, padding=(kernel[0] // 2, kernel[1] // 2, kernel[2] // 2))

    def forward(self, maps: Tensor) -> Tensor:
        summary = torch.cat([maps.amax(1, keepdim=True), maps.mean(1, keepdim=True), self.mixed(maps)], dim=1)
        return self.look(summary)


class ChannelBranch(nn.Module):
    """Figure 3b, one side: mean and maximum over all voxels, each through its own 1x1x1, added: [B, hidden, 1, 1, 1]."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.of_mean = nn.Conv3d(channels, hidden, 1)
        self.of_max = nn.Conv3d(channels, hidden, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.of_mean(maps.mean((2, 3, 4), keepdim=True)) + self.of_max(maps.amax((2, 3, 4), keepdim=True))


class DualAttentionGate(nn.Module):
    """Figure 3a: the encoder's map weighed by place and by channel, both judged from encoder and decoder together."""

    def __init__(self, channels: int, kernel: Three, ratio: int) -> None:
        super().__init__()
        hidden = max(channels // ratio, 1)
        self.spatial = nn.ModuleList(SpatialBranch(channels, kernel) for _ in ("encoder", "decoder"))
        self.channel = nn.ModuleList(ChannelBranch(channels, hidden) for _ in ("encoder", "decoder"))
        self.widen = nn.Conv3d(hidden, channels, 1)

    def weights(self, encoder: Tensor, decoder: Tensor) -> tuple[Tensor, Tensor]:
        """The two attention maps, [B, 1, S, H, W] and [B, C, 1, 1, 1], each between 0 and 1."""
        spatial = self.spatial[0](encoder) + self.spatial[1](decoder)
        channel = self.widen(self.channel[0](encoder) + self.channel[1](decoder))
        return torch.sigmoid(spatial), torch.sigmoid(channel)

    def forward(self, encoder: Tensor, decoder: Tensor) -> Tensor:
        spatial, channel = self.weights(encoder, decoder)
        return encoder * spatial * channel  # [B, C, S, H, W]


class Fusion(nn.Module):
    """II-B, the right leg: all decoder levels at full size, two 3x3x3 and one 1x1x1 to logits [B, structure, S, H, W]."""

    def __init__(self, config: AttentionMNetConfig, structures: int) -> None:
        super().__init__()
        narrow = config.fuse_reduced
        self.reduce = nn.ModuleList(
            nn.Identity() if narrow is None else nn.Conv3d(width, narrow, 1) for width in config.widths
        )
        inputs = sum(narrow or width for width in config.widths)
        self.fuse = cascade(inputs, config.fuse_width, 2, min(config.blocks_across, 2))
        self.head = nn.Conv3d(config.fuse_width, structures, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        size = levels[0].shape[2:]
        risen = [resize(reduce(maps), size) for reduce, maps in zip(self.reduce, levels, strict=True)]
        return self.head(self.fuse(torch.cat(risen, dim=1)))


class AttentionMNet(nn.Module):
    """Figure 2: [B, 1, S, H, W] -> logits of the four outputs, the fused one [B, structure, S, H, W] first.

    The others are the side outputs of decoder levels 2 to 4, each at its own level's size. No size need divide evenly.
    """

    def __init__(self, config: AttentionMNetConfig, structures: int) -> None:
        super().__init__()
        widths, blocks, across = config.widths, config.blocks, config.blocks_across
        self.first = nn.Conv3d(1, config.input_width, 3, padding=1)  # II-A: "to increase the feature channels to 16"
        self.pool = nn.MaxPool3d(config.pool, ceil_mode=True)
        above = (0, *widths[:-1])  # channels that come down from the level above
        self.encoder = nn.ModuleList(
            cascade(before + config.input_width, width, blocks, across)
            for before, width in zip(above, widths, strict=True)
        )
        below = (*widths[1:], widths[-1])  # channels that come up from the level below
        self.rise = nn.ModuleList(
            convolution_block(beneath, width, across > 0) for beneath, width in zip(below, widths, strict=True)
        )
        self.gates = nn.ModuleList(DualAttentionGate(width, config.gate_kernel, config.gate_ratio) for width in widths)
        self.decoder = nn.ModuleList(cascade(2 * width, width, blocks, across) for width in widths)
        self.fusion = Fusion(config, structures)
        self.sides = nn.ModuleList(nn.Conv3d(width, structures, 1) for width in widths[1:])

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        leg = self.first(image)  # [B, 16, S, H, W]
        skips, maps = list[Tensor](), leg
        for level, block in enumerate(self.encoder):
            if level:
                leg = self.pool(leg)  # the left leg: the input at this level's size
                maps = torch.cat([self.pool(maps), leg], dim=1)
            maps = block(maps)  # [B, widths[level], S, H, W / 2^level]
            skips.append(maps)
        maps, levels = self.pool(maps), list[Tensor]()
        for level in reversed(range(len(skips))):
            risen = resize(self.rise[level](maps), skips[level].shape[2:])  # [B, widths[level], as the skip]
            maps = self.decoder[level](torch.cat([self.gates[level](skips[level], risen), risen], dim=1))
            levels.insert(0, maps)
        return self.fusion(levels), *(side(maps) for side, maps in zip(self.sides, levels[1:], strict=True))


# --- the stage --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class AttentionMNetStage:
    """The segmenter, on blocks around a located heart."""

    config: AttentionMNetConfig
    fit: FitRecipe
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        return with_normalisation(AttentionMNet(self.config, len(scheme.structures)), self.config.normalisation)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        return heart_volume.cut_volumes(study, upstream, frames, self.config.window)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterator[Sample]:
        """Labelled blocks; eq. 1's W is made here, once for each reference, and moves with the image from then on."""
        del upstream  # the reference box, moved about by `augment`: no locator's knowledge enters

        def weights(labels: NDArray[np.uint8], voxel: tuple[float, ...] | None) -> dict[str, NDArray[np.generic]]:
            """W of every structure, float16 [structure, slice, row, col], from distances in pixels of the window."""
            if not self.config.distance_weight:
                return {}
            sampling = voxel if voxel is not None and self.config.distance == "3d" else (1.0, 1.0)  # unknown: in plane
            codes = np.array(list(scheme.codes)).reshape(-1, 1, 1, 1)
            return {"weights": distance_weights(labels[None] == codes, sampling).astype(np.float16)}

        return heart_volume.volume_examples(study, scheme, self.config.window, weights)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return heart_volume.vary_volume(sample, rng, self.config.window)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """L_dep: every output at full size against the same reference; the record shows the fused output's terms."""
        del generator  # nothing random inside this network
        config, fields = self.config, batch.fields
        lambdas = config.dice_weight, config.entropy_weight, config.distance_weight
        fused, *sides = net(batch.image)
        found = [
            combined_loss(logits, fields["labels"], fields["drawn"], fields.get("weights"), lambdas, config.balance)
            for logits in (fused, *(resize(side, fused.shape[2:]) for side in sides))
        ]
        total = torch.stack([share * loss for share, (loss, _) in zip(config.level_weights, found, strict=True)]).sum()
        return Loss(total, found[0][1], watched="generalised_dice")  # III-B

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        del generator
        fused = (net(blocks)[0].float() for blocks in batch.image.split(heart_volume.BLOCKS_AT_ONCE))
        return Inferred(probs=torch.cat([log_probabilities(logits).exp() for logits in fused]))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return heart_volume.paste_volumes(pieces, study, frames)


# --- recipes ----------------------------------------------------------------------------------------------------------
class AttentionMNetRecipe(Recipe):
    """Locator, segmenter, and how each is trained."""

    locate: RoiRegressionConfig
    locate_fit: FitRecipe
    segment: AttentionMNetConfig
    segment_fit: FitRecipe


def stages(recipe: AttentionMNetRecipe) -> tuple[Stage, ...]:
    """The locator and the segmenter."""
    return RoiRegressionStage(recipe.locate, recipe.locate_fit), AttentionMNetStage(recipe.segment, recipe.segment_fit)


_locate, _locate_fit = tuned_roi()  # the paper does not say what its crops were centred on
PAPER = AttentionMNetRecipe(
    locate=_locate,
    locate_fit=_locate_fit,
    segment=AttentionMNetConfig(),
    segment_fit=FitRecipe(
        steps=150 * 88,  # section III-B: 150 epochs, of 700 volumes in batches of 8
        batch=8,
        learning_rate=1e-4,
        schedule="plateau",  # patience 8, factor 0.5, min delta 1e-4 are FitRecipe's own defaults; section III-B
        validate_every=88,  # once an epoch; unstated, Keras' way; ours
    ),
)
TUNED = AttentionMNetRecipe(  # all ours
    locate=_locate,
    locate_fit=_locate_fit,
    segment=AttentionMNetConfig(
        window=heart_volume.HeartVolumeConfig(plane=TUNED_WINDOW, depth=10),  # native slices
        widths=(16, 32, 64, 128),
        blocks=2,
        blocks_across=1,
        normalisation="instance",
        pool=(1, 2, 2),
        gate_kernel=(3, 7, 7),
        fuse_width=16,
        fuse_reduced=8,
        distance_weight=1.0,
        level_weights=(1.0, 0.5, 0.25, 0.125),
        balance="none",  # balanced, a voxel in doubt is foreground: masks grow
    ),
    segment_fit=TUNED_SEGMENT_FIT.model_copy(update={"batch": 2}),  # blocks, of up to 20 slices together
)

METHOD = Method(
    name="attention-mnet",
    title="3D Attention M-net: dual attention gates, fused levels and a distance-derived loss, myocardium",
    citation="Huang et al., 43rd IEEE EMBC, 2021",
    recipes={"paper": PAPER, "tuned": TUNED},
    stages=stages,
    repairs={"paper": leave_as_is, "tuned": repair_heart},  # the paper has none
    beat_repairs={"tuned": HoldBase()},
    tuned_for={"mouse": {"segment": {"window": {"plane": {"pixel_mm": 0.1307}}}}},  # III-A's pixel
    default_scheme=MYOCARDIUM_ALONE,
    accepts=Accepts(species=frozenset({"human", "mouse"})),
    dimensions=3,
)
