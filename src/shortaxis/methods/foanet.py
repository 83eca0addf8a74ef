"""FOANet: a coarse net locates, a Gaussian focuses, a second net with a hybrid loss segments.

Z. Zhao, E. Puybureau, N. Boutry, T. Geraud, "FOANet: A Focus of Attention Network with Application to Myocardium
Segmentation", 25th International Conference on Pattern Recognition (ICPR), 2020.

The idea. VGG16 without its dense layers gives maps of five stages, fine to coarse. Each stage's map is brought to the
image's size, passes a specialised 3x3 layer, and all are concatenated and combined linearly. This net (Net.1) finds the
heart as one object in whole slices. The box around what it found is cut out, and a Gaussian darkens what lies far from
its middle. The same net with dilated convolutions in the deep stages (Net.2) segments that, trained by cross-entropy,
structural similarity and Dice together: pixel, patch and map. Three successive planes enter as red, green and blue.

    section, equation, figure            here
    II-B, fig. 2                         FoaNet, up_convolution, FoaNet.specialised
    II-B, II-C, "Part 1", "Part 2"       NetConfig.part, Part2
    II-D, eq. 1-4                        losses/hybrid.py
    II-E, eq. 5                          prepare/focus.py
    III-B, Prepro.1, Prepro.2            prepare/focus_window.py, prepare/pseudo_colour.py
    III-C                                repair/greatest.py
    III-D                                PAPER
    fig. 8a, "biggest rectangular box"   LocateStage.paste, FocusWindowConfig.extension_px
    table I                              TABLE_I

Where we differ, and why:
- "Each stage is made of two convolutional layers" and VGG16's thirteen agree if Part 1, "one convolutional layer with
  256 or 512", is the third convolution of stages 3 to 5. So we read it; Part 2 replaces it by three of dilation 2. The
  first of these has VGG16's shape, so ImageNet's weights fit both nets.
- The concatenation of Part 2 goes to the specialised layer, its last map to the next stage, whose shape stays VGG16's.
- The fifth max pooling is left out: nothing reads it.
- Net.2 trains on reference boxes moved about, never on a locator that saw its validation patients.

What the paper leaves unsaid, and what we chose: the up-convolution is a 1x1 convolution to K maps and fixed bilinear
interpolation (stage 1 needs none); ReLU after the specialised layers; He initialisation where no weights are given; the
focus's delta and alpha; the angles; the reduction of Net.1's cross-entropy; in a slice the box is of the largest piece.
The rest is in docs/papers/foanet.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import AfterValidator, PositiveInt, ValidationInfo, field_validator, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import LEFT_VENTRICLE, LabelScheme
from shortaxis.core.method import Loss, Method, Stage
from shortaxis.core.recipe import FitRecipe, Recipe, Settings, none_in_words
from shortaxis.core.sample import Batch, Field, Sample
from shortaxis.core.study import Note, Study
from shortaxis.losses.hybrid import HybridLossConfig, hybrid_loss
from shortaxis.methods.tuned_fit import TUNED_SEGMENT_FIT, TUNED_WINDOW
from shortaxis.methods.vgg16 import CONVOLUTIONS, WIDTHS, FiveInts, Norm, convolution, load_vgg16, start_for_relu
from shortaxis.prepare.augment import AugmentConfig
from shortaxis.prepare.biggest_box import Strays, biggest_box, restored_box
from shortaxis.prepare.focus_crop import FocusCropConfig
from shortaxis.prepare.focus_window import FocusWindowConfig, whole_slice
from shortaxis.prepare.restore import paste_slices
from shortaxis.prepare.slice_window import SliceWindowConfig
from shortaxis.prepare.windows import Window, cut_window, one_size, vary_window, window_examples
from shortaxis.repair.base import HoldBase
from shortaxis.repair.greatest import greatest, keep_greatest
from shortaxis.repair.whole import repair_heart

NOT_LOCATED = Note("SA-W113", "No heart was located in any slice; the whole image was segmented.")


class NetConfig(Settings):
    """The network of figure 2."""

    part: Literal["part1", "part2"]  # II-B: Part 1 in Net.1; II-C: Part 2 in Net.2
    widths: FiveInts = WIDTHS  # II-B: VGG16, 64, 128, 256, 512, 512
    specialised: FiveInts = (16, 16, 16, 16, 16)  # II-B: K = 16
    norm: Norm = "none"  # VGG16 has none
    fuse: PositiveInt | None = None  # ours, tuned only: a 3x3 of this width between the concatenation and the 1x1


class LocateConfig(Settings):
    """Net.1 as locator, and the box made of its answers."""

    net: NetConfig = NetConfig(part="part1")
    window: SliceWindowConfig = SliceWindowConfig()
    strays: Strays = "kept"  # fig. 8a: the biggest box of all slices' boxes; dropped: ours
    frames_at_most: PositiveInt | None = None  # the paper looks at every frame


class SegmentConfig(Settings):
    """Net.2, its window and its loss."""

    net: NetConfig = NetConfig(part="part2")
    window: Window = FocusWindowConfig()
    loss: HybridLossConfig = HybridLossConfig()

    @model_validator(mode="after")
    def _sees_three_planes(self) -> Self:
        if isinstance(self.window, FocusCropConfig) and self.window.crop.reach != 1:
            raise ValueError(
                f"window.crop.reach ({self.window.crop.reach}) must be 1: three planes are the network's three colours"
            )
        return self


# --- layers, in the order of figure 2 ---------------------------------------------------------------------------------
class Part2(nn.Module):
    """The second and third of the dilated convolutions, and the concatenation: [B, C, h, w] -> C and 3C maps."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.second = nn.Sequential(*convolution(width, width, norm, dilation=2))
        self.third = nn.Sequential(*convolution(width, width, norm, dilation=2))

    def forward(self, first: Tensor) -> tuple[Tensor, Tensor]:
        second = self.second(first)
        third = self.third(second)
        return third, torch.cat([first, second, third], dim=1)


def up_convolution(maps: Tensor, narrow: nn.Module, factor: int, size: torch.Size) -> Tensor:
    """1x1 to K maps, then bilinear to the image's size: [B, C, h, w] -> [B, K, *size]."""
    up = F.interpolate(narrow(maps), scale_factor=factor, mode="bilinear", align_corners=False)
    return up[..., : size[0], : size[1]]  # poolings round odd sizes up


class FoaNet(nn.Module):
    """Figure 2: [B, 3, H, W] -> logits [B, n_classes, H, W], any H and W (footnote 1).

    `features` has torchvision's layout of VGG16 without batch normalisation: `features.0.weight` ... `features.28.bias`.
    """

    def __init__(self, config: NetConfig, n_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        self.begins: list[int] = []  # where in `features` each stage starts, with the pooling before it
        self.parts, self.narrow, self.specialised = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        inputs = 3
        for stage, (width, count, k) in enumerate(zip(config.widths, CONVOLUTIONS, config.specialised, strict=True)):
            self.begins.append(len(layers))
            layers += [nn.MaxPool2d(2, ceil_mode=True)] if stage else []
            dilated = config.part == "part2" and count == 3
            for index in range(count):
                layers += convolution(inputs, width, config.norm, dilation=2 if dilated and index == 2 else 1)
                inputs = width
            self.parts.append(Part2(width, config.norm) if dilated else nn.Identity())
            held = 3 * width if dilated else width
            self.narrow.append(nn.Conv2d(held, k, 1) if stage else nn.Identity())
            self.specialised.append(nn.Sequential(*convolution(k if stage else held, k, config.norm)))
        self.features = nn.Sequential(*layers)
        joined = sum(config.specialised)
        self.fuse = nn.Sequential(*convolution(joined, config.fuse, config.norm)) if config.fuse else nn.Identity()
        self.combine = nn.Conv2d(config.fuse or joined, n_classes, 1)
        start_for_relu(self)

    def forward(self, image: Tensor) -> Tensor:
        maps, side = image, []
        for stage, (begin, end) in enumerate(zip(self.begins, [*self.begins[1:], None], strict=True)):
            maps = held = self.features[begin:end](maps)  # [B, widths[i], H / 2^i, W / 2^i]
            if isinstance(self.parts[stage], Part2):
                maps, held = self.parts[stage](maps)  # the next stage's [B, C, h, w], the side's [B, 3C, h, w]
            up = held if stage == 0 else up_convolution(held, self.narrow[stage], 2**stage, image.shape[2:])
            side.append(self.specialised[stage](up))  # [B, K, H, W]
        return self.combine(self.fuse(torch.cat(side, dim=1)))


# --- the localisation network, II-B -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class LocateStage:
    """Net.1 on whole slices, all classes merged; its paste makes one box for the patient (fig. 8a)."""

    config: LocateConfig
    fit: FitRecipe
    name: str = "locate"

    def build(self, scheme: LabelScheme) -> nn.Module:
        del scheme  # III-D: merged into one object class
        return FoaNet(self.config.net, 2)

    def load_encoder(self, net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        load_vgg16(net, tensors)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        del upstream  # the first stage
        most = self.config.frames_at_most or len(frames)
        count = min(most, len(frames))
        return cut_window(study, None, [frames[at * len(frames) // count] for at in range(count)], self.config.window)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        del upstream
        for sample in window_examples(study, scheme, self.config.window):
            merged = (np.asarray(sample.fields["labels"].array, np.uint8) > 0).astype(np.uint8)
            yield replace(sample, fields={"labels": Field(merged, "nearest")})

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return vary_window(sample, rng, self.config.window)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """III-D: the multinomial logistic loss, mean over pixels."""
        del generator  # nothing random inside this network
        return Loss(F.cross_entropy(net(batch.image).float(), batch.fields["labels"]))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        """First and last pixel of each slice's largest piece; NaN where nothing was found."""
        del generator
        found = net(batch.image).argmax(1).cpu().numpy() > 0
        corners = np.full((len(found), 2, 2), np.nan)
        for index, plane in enumerate(found):
            if plane.any():
                pixels = np.argwhere(greatest(plane))
                corners[index] = pixels.min(axis=0), pixels.max(axis=0)
        return Inferred(corners=torch.from_numpy(corners))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        boxes = [
            restored_box(sample.place, piece.corners)
            for sample, piece in pieces
            if piece.corners is not None and np.isfinite(piece.corners).all()
        ]
        box = biggest_box(np.stack(boxes), self.config.strays) if boxes else np.array(whole_slice(study.grid))
        tiled = np.tile(box, (len(frames), study.grid.shape[0], 1))
        return Found(tuple(frames), boxes=tiled, notes=() if boxes else (NOT_LOCATED,))


# --- the segmentation network, II-C -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class SegmentStage:
    """Net.2 on the focused box."""

    config: SegmentConfig
    fit: FitRecipe
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        return FoaNet(self.config.net, len(scheme.structures) + 1)

    def load_encoder(self, net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        load_vgg16(net, tensors)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        return cut_window(study, upstream, frames, self.config.window)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        del upstream  # the reference box, moved about: no locator's knowledge enters
        return window_examples(study, scheme, self.config.window)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return vary_window(sample, rng, self.config.window)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """Equations 1 to 4."""
        del generator
        return Loss(*hybrid_loss(net(batch.image), batch.fields["labels"], self.config.loss))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        del generator
        return Inferred(probs=torch.softmax(net(batch.image).float(), dim=1))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return paste_slices(pieces, study, frames)


# --- recipes ----------------------------------------------------------------------------------------------------------
class FoaRecipe(Recipe):
    """Locator (None: the baseline "B." of table I, whole slices), segmenter, and how each is trained.

    Without a locator the segmenter's window is not cut: `successive` still holds, the other settings must be the
    recipe's own, for they would change nothing. The scale of a crop alone is passed over.
    """

    locate: Annotated[LocateConfig | Literal["none"] | None, AfterValidator(none_in_words)]
    locate_fit: FitRecipe
    segment: SegmentConfig
    segment_fit: FitRecipe

    @field_validator("segment")
    @classmethod
    def _says_nothing_of_a_window_that_is_not_cut(cls, segment: SegmentConfig, info: ValidationInfo) -> SegmentConfig:
        without_locator = "locate" in info.data and info.data["locate"] is None
        if without_locator and (idle := _idle_without_locator(segment.window)):
            raise ValueError(
                f"without a locator whole slices are seen, where {', '.join(f'window.{name}' for name in idle)} would "
                "change nothing: leave it as the recipe has it, or keep the locator"
            )
        return segment


_TUNED_CROP = FocusCropConfig(crop=TUNED_WINDOW, focus=2.0)
# `compare --quick` makes the crop of every entry small, that of table I's row a too, where there is none.
_ANY_SCALE = ("crop.size_px", "crop.pixel_mm", "crop.room_px")


def _idle_without_locator(window: Window) -> list[str]:
    """The settings that were changed though whole slices have no use for them; no focus is what these have anyway."""
    if isinstance(window, SliceWindowConfig):
        return []
    own = _by_name(_TUNED_CROP if isinstance(window, FocusCropConfig) else FocusWindowConfig())
    used = {"successive", *_ANY_SCALE, *(("focus",) if window.focus is None else ())}
    return [name for name, value in _by_name(window).items() if name not in used and value != own[name]]


def _by_name(window: Window) -> dict[str, Any]:
    held = window.model_dump()
    crop = held.pop("crop", {})
    return {**held, **{f"crop.{name}": value for name, value in crop.items()}}


def _whole_slices(window: Window) -> SliceWindowConfig:
    """What the segmenter sees without a locator: table I's "B."."""
    if isinstance(window, SliceWindowConfig):
        return window
    return SliceWindowConfig(successive=window.successive if isinstance(window, FocusWindowConfig) else "auto")


def stages(recipe: FoaRecipe) -> tuple[Stage, ...]:
    """The stages in order. Raises BadConfiguration for a batch of windows that differ in size."""
    segment, locate = recipe.segment, recipe.locate
    if not isinstance(locate, LocateConfig):
        segment = segment.model_copy(update={"window": _whole_slices(segment.window)})
    kinds = [("segment", segment.window, recipe.segment_fit.batch)]
    if isinstance(locate, LocateConfig):
        kinds.append(("locate", locate.window, recipe.locate_fit.batch))
    for name, window, batch in kinds:
        if batch > 1 and not one_size(window):
            raise BadConfiguration(
                "a batch of 1: images are as large as each patient's",
                f"{name}_fit.batch = {batch}",
                "leave the batch at 1, or give the window a fixed size",
            )
    segmenter = SegmentStage(segment, recipe.segment_fit)
    return (LocateStage(locate, recipe.locate_fit), segmenter) if isinstance(locate, LocateConfig) else (segmenter,)


# III-D, "the same optimizer and parameters" for both. Ten epochs of a fold of LVQuan19 (45 of 56 patients, 20 frames
# each, batch 1) are 9,000 steps; on other data ten times the number of examples are ten epochs.
_PAPER_FIT = FitRecipe(
    steps=9_000,
    batch=1,
    optimiser="adam",
    learning_rate=0.002,
    betas=(0.9, 0.999),
    epsilon=0.001,
    schedule="constant",
    validate_every=900,
    keep="last",  # the paper names no selection
)
PAPER = FoaRecipe(locate=LocateConfig(), locate_fit=_PAPER_FIT, segment=SegmentConfig(), segment_fit=_PAPER_FIT)

_ONLY = {"cce": 0.0, "ssim": 0.0, "dice": 0.0}
_NO_FOA = {"window": {"focus": None}}
TABLE_I: Mapping[str, dict[str, Any]] = {  # the configurations of table I as changes of PAPER; f to h are the pairs
    "a: B + CCE": {"locate": None, "segment": {"net": {"part": "part1"}, "loss": {**_ONLY, "cce": 1.0}}},
    "b: B + L + CCE": {"segment": {"net": {"part": "part1"}, **_NO_FOA, "loss": {**_ONLY, "cce": 1.0}}},
    "c: BLP + CCE": {"segment": {**_NO_FOA, "loss": {**_ONLY, "cce": 1.0}}},
    "d: BLP + SSIM": {"segment": {**_NO_FOA, "loss": {**_ONLY, "ssim": 1.0}}},
    "e: BLP + DC": {"segment": {**_NO_FOA, "loss": {**_ONLY, "dice": 1.0}}},
    "f: BLP + CCE + SSIM": {"segment": {**_NO_FOA, "loss": {"dice": 0.0}}},
    "g: BLP + CCE + DC": {"segment": {**_NO_FOA, "loss": {"ssim": 0.0}}},
    "h: BLP + SSIM + DC": {"segment": {**_NO_FOA, "loss": {"cce": 0.0}}},
    "BLP + CSD": {"segment": _NO_FOA},
    "i: BLP + FOA + CSD": {},
}

TUNED = FoaRecipe(  # all ours
    locate=LocateConfig(
        net=NetConfig(part="part1", widths=(8, 16, 32, 32, 32), specialised=(8, 4, 4, 4, 4), norm="batch"),
        window=SliceWindowConfig(
            size_px=128,
            augment=AugmentConfig(rotation_degrees=20.0, shift_px=10.0, log_scale=0.2, log_stretch=0.08),
        ),
        strays="dropped",
        frames_at_most=4,
    ),
    locate_fit=TUNED_SEGMENT_FIT.model_copy(
        update={"steps": 600, "batch": 16, "warmup_steps": 50, "validate_every": 100, "average_decay": 0.99}
    ),
    segment=SegmentConfig(
        # Width and K at the fine stages, where edges are; the fuse, because a plain sum cannot ask for edge and heart.
        net=NetConfig(
            part="part2", widths=(32, 48, 96, 192, 192), specialised=(24, 24, 16, 16, 16), norm="batch", fuse=24
        ),
        window=_TUNED_CROP,
        loss=HybridLossConfig(cce_reduction="mean", counted="structures"),
    ),
    segment_fit=TUNED_SEGMENT_FIT,
)

METHOD = Method(
    name="foanet",
    title="FOANet: a VGG16 net locates, a Gaussian focuses, a second net with a hybrid loss segments",
    citation="Zhao et al., ICPR 2020",
    recipes={"paper": PAPER, "tuned": TUNED},
    stages=stages,
    repairs={"paper": keep_greatest, "tuned": repair_heart},
    beat_repairs={"tuned": HoldBase()},
    default_scheme=LEFT_VENTRICLE,
)
