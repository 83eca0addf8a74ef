"""A box around the heart by regression: the first phase of HALSR-Net (section 3.1), also used before the baselines.

M. Fakhfakh, L. Sarry, P. Clarysse, Computerized Medical Imaging and Graphics 123:102546, 2025; see `halsrnet.py`.

The idea. An encoder of four blocks condenses a whole slice; dense layers, three 1x1 convolutions, one convolution as
large as its input and three more 1x1 convolutions turn it into four numbers: the bottom-left and the top-right corner
of the box around the structures. No class map, no threshold.

    section, equation, figure            here
    3.1, fig. 2                          RoiRegressionNet
    eq. 1                                RoiRegressionStage.loss
    4.4, table 3                         measure/roi.py

Where we differ, and why:
- A slice in which nothing was drawn has no box: it is left out of training. In prediction every slice gets a box.
- The network gives shares of the input's side, so that the loss does not depend on the input's size.

What the paper leaves unsaid, and what we chose: the input's size; two 3x3 convolutions a block; batch normalisation;
the filters between 512 and 128 and after 128; "fully connected" as dense layers over the channels of every position;
no activation at the output. The `tuned` recipe varies the slices and makes one box of a whole study.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from shortaxis.core.errors import LabelsMissing, WrongDimensions
from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Loss, Stage
from shortaxis.core.place import Place, Points
from shortaxis.core.recipe import FitRecipe, Settings, none_in_words
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.prepare.augment import AugmentConfig, Variation, draw, vary_geometry, vary_grey
from shortaxis.prepare.box_window import scheme_labels, slice_steps
from shortaxis.prepare.heart_crop import through
from shortaxis.prepare.intensity import standardise

# So many points of a heart's outline that its box is known at any angle to half a per cent of its radius.
OUTLINE_POINTS = 32


class RoiRegressionConfig(Settings):
    """The regression network of section 3.1 and the box made of its answers."""

    input_size: int = 256  # pixels, square; unstated; ours: near the size of a cine slice
    widths: tuple[int, int, int, int] = (32, 64, 128, 256)  # section 3.1
    convolutions: int = 2  # 3x3 convolutions per block; unstated; ours, as in HALSR-Net's own blocks
    dense_width: int = 512  # section 3.1
    dense_layers: int = Field(default=2, ge=1)  # "fully connected layers", of which two are the fewest; ours
    reduce_widths: tuple[int, int, int] = (256, 128, 64)  # "reduce the dimensionality in the filter space"; ours
    global_width: int = 128  # section 3.1, after the A x A convolution
    head_widths: tuple[int, int] = (64, 32)  # unstated; ours; the third 1x1 gives the four outputs
    margin: float = 0.0  # share of the box's sides added all around; section 4.4: the bounding box itself
    aggregate: Literal["slice", "study"] = "slice"  # section 3.1: a box per image; study: the median box for all
    frames_at_most: int | None = None  # with `study`: so many frames, spread over the cine, are enough for a median
    augment: AugmentConfig | None = None  # section 4.3 names no variation of the images


# `locate=none` on the command line, where nothing else can say None: the method then runs without a region of interest.
RoiOrNone = Annotated[RoiRegressionConfig | Literal["none"] | None, AfterValidator(none_in_words)]


def convolution(inputs: int, outputs: int, size: int = 3) -> nn.Sequential:
    """A convolution that keeps height and width, with batch normalisation and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)
    )


class RoiRegressionNet(nn.Module):
    """Figure 2: [B, 1, S, S] -> [B, 4]: bottom-left (row, col) and top-right (row, col) as shares of the side S.

    Raises WrongDimensions for an image that is not `input_size` square: the A x A convolution fits one size only.
    """

    def __init__(self, config: RoiRegressionConfig) -> None:
        super().__init__()
        self.input_size = config.input_size
        encoder: list[nn.Module] = []
        inputs = 1
        for width in config.widths:
            for _ in range(config.convolutions):
                encoder.append(convolution(inputs, width))
                inputs = width
            encoder.append(nn.MaxPool2d(2))
        self.encoder = nn.Sequential(*encoder)  # [B, 256, A, A]
        dense = (inputs, *(config.dense_width,) * config.dense_layers)
        self.dense = nn.Sequential(  # fully connected over channels at every position
            *(convolution(a, b, 1) for a, b in pairwise(dense))
        )  # [B, 512, A, A]
        widths = (config.dense_width, *config.reduce_widths)
        self.reduce = nn.Sequential(*(convolution(a, b, 1) for a, b in pairwise(widths)))
        side = config.input_size // 2 ** len(config.widths)
        # From here on a map is one pixel: a batch of one has no variance to normalise by.
        self.whole = nn.Sequential(nn.Conv2d(widths[-1], config.global_width, side), nn.ReLU(True))  # [B, 128, 1, 1]
        first, second = config.head_widths
        self.head = nn.Sequential(
            nn.Conv2d(config.global_width, first, 1),
            nn.ReLU(True),
            nn.Conv2d(first, second, 1),
            nn.ReLU(True),
            nn.Conv2d(second, 4, 1),
        )

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[2:] != (self.input_size, self.input_size):
            raise WrongDimensions(
                f"images of {self.input_size} x {self.input_size}",
                " x ".join(str(n) for n in image.shape[2:]),
                "fit the slices to the network's input size, or build the network for theirs",
            )
        maps = self.reduce(self.dense(self.encoder(image)))
        with torch.autocast(maps.device.type, enabled=False):  # in bfloat16 a coordinate would be off by half a pixel
            return self.head(self.whole(maps.float())).flatten(1)


def box_to_targets(corners: Tensor, side: int) -> Tensor:
    """Two opposite corners [B, 2, 2] in pixels as the network's four numbers [B, 4].

    Any two opposite corners will do: a flip turns bottom-left into another corner, the box is the same.
    """
    first, last = corners.amin(1), corners.amax(1)  # [B, 2] each, (row, col)
    bottom_left = torch.stack([last[:, 0], first[:, 1]], dim=1)
    top_right = torch.stack([first[:, 0], last[:, 1]], dim=1)
    return torch.cat([bottom_left, top_right], dim=1) / side


def outputs_to_corners(outputs: Tensor, side: int) -> Tensor:
    """The network's four numbers [B, 4] as the box's first and last corner [B, 2, 2] (row, col) in pixels."""
    points = outputs.float().reshape(-1, 2, 2) * side
    return torch.stack([points.amin(1), points.amax(1)], dim=1)


# --- the stage --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RoiRegressionStage:
    """The locator: `Found.boxes` on the study's grid, one per frame and slice."""

    config: RoiRegressionConfig
    fit: FitRecipe
    name: str = "locate"

    def build(self, scheme: LabelScheme) -> nn.Module:
        del scheme  # one box, around whatever was drawn
        return RoiRegressionNet(self.config)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterator[Sample]:
        del upstream  # the first stage
        steps = slice_steps(study.grid, self.config.input_size)
        for frame in self._looked_at(frames):
            planes = standardise(through(steps, study.image[frame].astype(np.float32)))
            for index, plane in enumerate(planes):
                yield Sample(plane[None], Place(frame, (index,), steps))

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterator[Sample]:
        """One example per annotated slice in which a structure of `scheme` was drawn, with points of its outline.

        Raises LabelsMissing for a study without labels.
        """
        del upstream
        if study.labels is None:
            raise LabelsMissing("a labelled study", f"{study.name} has no labels", "train on labelled cases only")
        labels = scheme_labels(study, scheme)
        steps = slice_steps(study.grid, self.config.input_size)
        for frame in study.labels.annotated_frames():
            for index in np.flatnonzero(study.labels.annotated[frame].all(axis=1)):
                if not labels[frame, index].any():
                    continue
                plane = through(steps, study.image[frame, index].astype(np.float32)).astype(np.float32)
                outline = outermost_points(labels[frame, index] > 0)
                for step in steps:
                    outline = step.apply_points(outline)
                yield Sample(plane[None], Place(frame, (int(index),), steps), points={"outline": outline})

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        """The example varied (or not), with `points["corners"]` [2, 2]: first and last corner of the moved outline."""
        moved, image = sample, sample.image
        if rng is not None and self.config.augment is not None:
            variation: Variation = draw(self.config.augment, rng)
            moved = vary_geometry(sample, variation, (self.config.input_size, self.config.input_size))
            image = vary_grey(moved.image, variation)
        outline = moved.points["outline"]
        corners = np.stack([outline.min(axis=0), outline.max(axis=0)])
        return replace(moved, image=standardise(image), points={"corners": corners})

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """Equation 1, in shares of the input's side."""
        del generator  # nothing random inside this network
        target = box_to_targets(batch.points["corners"], self.config.input_size)
        return Loss(nn.functional.mse_loss(net(batch.image).float(), target))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        del generator
        return Inferred(corners=outputs_to_corners(net(batch.image), self.config.input_size))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        position = {frame: at for at, frame in enumerate(frames)}
        boxes = np.full((len(frames), study.grid.shape[0], 4), np.nan)
        for sample, piece in pieces:
            if piece.corners is not None:
                at = position[sample.place.frame], sample.place.slices[0]
                boxes[at] = _restored_box(sample.place, piece.corners, self.config.margin)
        if self.config.aggregate == "study":
            boxes[:] = study_box(boxes)
        return Found(tuple(frames), boxes=boxes)

    def _looked_at(self, frames: Sequence[int]) -> Sequence[int]:
        most = self.config.frames_at_most
        if self.config.aggregate == "slice" or most is None or len(frames) <= most:
            return frames
        return [frames[at * len(frames) // most] for at in range(most)]


def outermost_points(mask: NDArray[np.bool_]) -> Points:
    """The outermost pixel of a mask [row, col] in each of 32 directions, [32, 2]; the four sides of its box among them."""
    pixels = np.argwhere(mask).astype(float)
    angles = np.arange(OUTLINE_POINTS) * (2 * np.pi / OUTLINE_POINTS)
    return pixels[np.argmax(pixels @ np.stack([np.cos(angles), np.sin(angles)]), axis=0)]


def study_box(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The median box [4] of boxes [frame, slice, 4] over frames and the middle half of the slices.

    At the ends of the stack the heart is small or absent and a box means little. Slices that were not looked at are NaN.
    """
    count = boxes.shape[1]
    quarter = count // 4
    return np.nanmedian(boxes[:, quarter : count - quarter].reshape(-1, 4), axis=0)


def _restored_box(place: Place, corners: Points, margin: float) -> NDArray[np.float64]:
    points = place.restore_points(corners)
    first, last = points.min(axis=0), points.max(axis=0)  # a flip swaps corners
    room = margin * (last - first)
    return np.concatenate([first - room, last + room])


# --- recipes ----------------------------------------------------------------------------------------------------------
def paper_roi() -> tuple[RoiRegressionConfig, FitRecipe]:
    """As published: table 2's optimiser and batch, early stopping; its patience and ceiling are ours."""
    return RoiRegressionConfig(), FitRecipe(steps=20_000, batch=32, validate_every=50, patience=20)


def tuned_roi() -> tuple[RoiRegressionConfig, FitRecipe]:
    """A locator for a CPU: input 128, one convolution a block, varied slices, one box for a study. All ours."""
    augment = AugmentConfig(rotation_degrees=20.0, shift_px=10.0, log_scale=0.2, log_stretch=0.08)
    config = RoiRegressionConfig(input_size=128, convolutions=1, aggregate="study", frames_at_most=4, augment=augment)
    fit = FitRecipe(
        steps=800,
        batch=16,
        optimiser="adamw",
        learning_rate=1e-3,
        weight_decay=1e-2,
        schedule="cosine",
        warmup_steps=50,
        validate_every=100,
        keep="last",
        average_decay=0.99,
        clip_norm=5.0,
    )
    return config, fit


def after_roi(locate: RoiOrNone, locate_fit: FitRecipe, segmenter: Stage) -> tuple[Stage, ...]:
    """The stages in order: the segmenter alone, or behind the region of interest where the recipe has one."""
    if isinstance(locate, RoiRegressionConfig):
        return RoiRegressionStage(locate, locate_fit), segmenter
    return (segmenter,)
