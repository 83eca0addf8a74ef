"""3D blocks around a located heart: the window of `heart_crop.py` in plane, native or interpolated slices across.

`cut_volumes` makes the samples of prediction, `volume_examples` those of training, `vary_volume` a network input out of
an example, `paste_volumes` puts the answers back. A block has a fixed number of slices: a shorter stack is filled up by
repeating its last slice (never scored, never pasted), a longer one is cut into overlapping blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat, PositiveInt

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.found import Found, Piece
from shortaxis.core.labels import LabelScheme
from shortaxis.core.place import Interpolation, Place, Planes, Points, Step
from shortaxis.core.recipe import Settings, Share
from shortaxis.core.sample import Field, Sample
from shortaxis.core.study import Grid, Study
from shortaxis.prepare.augment import Variation, draw, vary_geometry, vary_grey
from shortaxis.prepare.heart_box import Box, box_of, overall_box
from shortaxis.prepare.heart_crop import HeartCropConfig, around_image, example_box, heart_steps, through
from shortaxis.prepare.intensity import standardise, standardise_stack
from shortaxis.prepare.resample import Resample

BLOCKS_AT_ONCE = 2  # in prediction: a 3D network's maps of a block at full size are large


@dataclass(frozen=True)
class SliceBlock:
    """A step over slices: `size` of the slices that lie `1 / factor` of a source slice's distance apart.

    Slice j of the block lies at source slice (first + j) / factor, so every source slice is also a slice of the finer
    stack and the way back is exact for labels and probabilities alike. Beyond the stack its end slices are repeated.
    `apply` and `undo` act on the axis before (row, col); points stay where they are.
    """

    source: int  # slices of the stack
    factor: int = 1  # 1: native slices
    first: int = 0  # of the finer stack
    size: int = 1

    @property
    def fine(self) -> int:
        """Slices of the whole finer stack, from the first to the last source slice."""
        return (self.source - 1) * self.factor + 1

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which slices of the block lie within the stack, [size]."""
        return self.first + np.arange(self.size) < self.fine

    @property
    def sources(self) -> tuple[int, ...]:
        """The source slices that are slices of this block."""
        return tuple(k for k in range(self.source) if 0 <= k * self.factor - self.first < self.size)

    @property
    def nearest(self) -> NDArray[np.intp]:
        """The source slice nearest to each slice of the block, [size]; of two as near the later."""
        return np.minimum((self.first + np.arange(self.size) + self.factor // 2) // self.factor, self.source - 1)

    def apply(self, planes: Planes, interpolation: Interpolation) -> Planes:
        if interpolation == "nearest" or self.factor == 1:
            return planes[..., self.nearest, :, :]
        below, step = np.divmod(np.minimum(self.first + np.arange(self.size), self.fine - 1), self.factor)
        above = np.minimum(below + 1, self.source - 1)
        share = (step / self.factor).astype(np.float32)[:, None, None]
        lower, upper = (planes[..., index, :, :].astype(np.float32, copy=False) for index in (below, above))
        return lower * (1 - share) + upper * share

    def of_finer(self, planes: Planes) -> Planes:
        """This block's slices of planes [..., fine, row, col] that are given for the whole finer stack."""
        return planes[..., np.minimum(self.first + np.arange(self.size), self.fine - 1), :, :]

    def undo(self, planes: Planes, interpolation: Interpolation) -> Planes:
        del interpolation  # every source slice is a slice of the finer stack
        whole = np.zeros((*planes.shape[:-3], self.source, *planes.shape[-2:]), planes.dtype)
        inside = list(self.sources)
        whole[..., inside, :, :] = planes[..., [k * self.factor - self.first for k in inside], :, :]
        return whole

    def apply_points(self, points: Points) -> Points:
        return points

    def undo_points(self, points: Points) -> Points:
        return points


OfReference = Callable[[NDArray[np.uint8], tuple[float, float, float] | None], Mapping[str, NDArray[np.generic]]]
"""From a frame's labels on the finer stack [fine, row, col] and a voxel's sides in pixels to maps [..., fine, row, col]."""


class HeartVolumeConfig(Settings):
    """A block's window in plane, its slices, and how examples are varied."""

    plane: HeartCropConfig = HeartCropConfig(reach=0, grey="stack")  # its `reach` is not used: slices are an axis here
    depth: PositiveInt = 12  # slices of a block
    slice_px: PositiveFloat | None = (
        None  # aimed distance of interpolated slices in pixels of the window; None: native slices
    )
    factor_unknown: PositiveInt = 1  # slices per source slice where the spacing is not known
    scaled_by: Literal["window", "imaged"] = "window"  # pixels whose mean and spread scale a stack: all, or imaged ones
    chance: Share = 1.0  # of rotating, and of shifting an example
    flip: Share = 0.0  # chance of mirroring the rows, and of mirroring the columns


def volume_around_image(config: HeartVolumeConfig) -> HeartVolumeConfig:
    """The same blocks where no locator comes before (`heart_crop.around_image`)."""
    return config.model_copy(update={"plane": around_image(config.plane)})


def slice_distance_px(grid: Grid, steps: Sequence[Step]) -> float | None:
    """Distance of the study's slices in pixels of the window that `heart_steps` made; None where it is not known."""
    if grid.spacing_mm is None:
        return None
    slice_mm, row_mm, col_mm = grid.spacing_mm
    area = row_mm * col_mm
    for step in steps:
        if isinstance(step, Resample):
            area *= float(np.prod(step.source)) / float(np.prod(step.target))
    return slice_mm / float(np.sqrt(area))


def voxel_px(grid: Grid, steps: Sequence[Step]) -> tuple[float, float, float] | None:
    """Distance of neighbouring voxels of a block (slice, row, col) in pixels of its window; None where it is not known."""
    distance = slice_distance_px(grid, steps)
    if distance is None:
        return None
    factors = [step.factor for step in steps if isinstance(step, SliceBlock)]
    return distance / float(np.prod(factors)), 1.0, 1.0


def slice_factor(grid: Grid, steps: Sequence[Step], config: HeartVolumeConfig) -> int:
    """How many slices of a block one source slice makes: a whole number, at least 1."""
    if config.slice_px is None:
        return 1
    distance = slice_distance_px(grid, steps)
    return config.factor_unknown if distance is None else max(1, round(distance / config.slice_px))


def slice_blocks(slices: int, factor: int, depth: int) -> tuple[SliceBlock, ...]:
    """Blocks of `depth` that cover a stack; the last one is moved back to end with the stack."""
    fine = (slices - 1) * factor + 1
    starts = (0,) if fine <= depth else (*range(0, fine - depth, depth), fine - depth)
    return tuple(SliceBlock(slices, factor, first, depth) for first in starts)


def cut_volumes(
    study: Study, upstream: Found | None, frames: Sequence[int], config: HeartVolumeConfig
) -> Iterator[Sample]:
    """Samples of prediction, image float32 [1, depth, size, size], in the order of `frames`, then of the slices."""
    box = None if upstream is None or upstream.boxes is None else overall_box(upstream.boxes)
    steps = heart_steps(study.grid, box, _plane_of(study, config), config.plane.size_px)
    factor = slice_factor(study.grid, steps, config)
    for frame in frames:
        stack = _scaled_window(study, frame, steps, config)
        for block in slice_blocks(len(stack), factor, config.depth):
            image = block.apply(stack, "linear").astype(np.float32, copy=False)
            yield Sample(image[None], Place(frame, block.sources, (*steps, block)))


def volume_examples(
    study: Study, scheme: LabelScheme, config: HeartVolumeConfig, of_reference: OfReference = lambda codes, voxel: {}
) -> Iterator[Sample]:
    """One labelled example per block of every annotated frame, `plane.room_px` larger on each side than the input.

    `fields["labels"]`: numbers of `scheme` [slice, row, col]; `fields["drawn"]`: 1 where somebody drew, 0 in slices that
    nobody annotated and beyond the stack, which no loss may count. The window's middle is that of the box around the
    structures of `scheme` (`example_box`). What `of_reference` makes of a frame's whole reference is cut like the image.

    Raises:
        LabelsMissing: the study has no labels.
    """
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "train on labelled cases only")
    labels = study.labels.scheme.translate(study.labels.array, scheme)
    steps = _example_steps(study, example_box(box_of(labels > 0), study.grid, config.plane), config)
    factor = slice_factor(study.grid, steps, config)
    for frame in study.labels.annotated_frames():
        stack = _scaled_window(study, frame, steps, config)
        codes = through(steps, labels[frame], "nearest").astype(np.uint8)
        looked_at = study.labels.annotated[frame].all(axis=1)  # [slice]
        whole = SliceBlock(len(stack), factor, 0, (len(stack) - 1) * factor + 1)
        finer = whole.apply(codes, "nearest").astype(np.uint8, copy=False)
        more = of_reference(finer, voxel_px(study.grid, (*steps, whole)))
        for block in slice_blocks(len(stack), factor, config.depth):
            drawn = looked_at[block.nearest] & block.held
            if not drawn.any():
                continue
            image = block.apply(stack, "linear").astype(np.float32, copy=False)
            known = np.broadcast_to(drawn.astype(np.uint8)[:, None, None], image.shape)
            fields = {
                "labels": Field(block.apply(codes, "nearest"), "nearest"),
                "drawn": Field(known, "nearest"),
                **{name: Field(block.of_finer(array), "linear") for name, array in more.items()},
            }
            yield Sample(image[None], Place(frame, block.sources, (*steps, block)), fields)


def vary_volume(sample: Sample, rng: np.random.Generator | None, config: HeartVolumeConfig) -> Sample:
    """An example as network input of `plane.size_px`: randomly varied, or with `rng` None only cut out."""
    plane = config.plane
    variation = Variation() if rng is None else _drawn_variation(config, rng)
    moved = vary_geometry(sample, variation, (plane.size_px, plane.size_px))
    image, fields = moved.image, moved.fields
    if rng is not None:
        image = vary_grey(image, variation)
        slices = rng.uniform(-1, 1, image.shape[-3]) * plane.augment.log_contrast_between_slices
        image = image * np.exp(slices).astype(np.float32)[:, None, None]
    if plane.grey == "slice":
        image = standardise(image)
    if variation.mirror_slices:  # apex and base may be either way round
        image = np.ascontiguousarray(image[..., ::-1, :, :])
        fields = {
            name: Field(np.ascontiguousarray(held.array[..., ::-1, :, :]), held.interpolation)
            for name, held in fields.items()
        }
    return replace(moved, image=image, fields=fields)


def paste_volumes(pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
    """Blocks' probabilities (and variances) on the study's grid; the mean where two blocks hold the same slice.

    Of Monte-Carlo samples, which are class numbers, the later block's stand there.

    Pixels that no window covered are background with certainty: there the background's probability is 1.
    """
    first = pieces[0][1]
    classes = 0 if first.probs is None else first.probs.shape[0]
    position = {frame: index for index, frame in enumerate(frames)}
    probs = np.zeros((len(frames), classes, *study.grid.shape), np.float32)
    variance = None if first.variance is None else np.zeros((len(frames), *study.grid.shape), np.float32)
    samples = None
    if first.samples is not None:
        samples = np.zeros((len(frames), len(first.samples), *study.grid.shape), np.uint8)
    seen = np.zeros((len(frames), study.grid.shape[0], 1, 1), np.float32)
    for sample, piece in pieces:
        at, slices = position[sample.place.frame], list(sample.place.slices)
        seen[at, slices] += 1
        if piece.probs is not None:
            probs[at, 1:] += sample.place.restore(piece.probs[1:], "linear").astype(np.float32, copy=False)
        if variance is not None and piece.variance is not None:
            variance[at] += sample.place.restore(piece.variance, "linear").astype(np.float32, copy=False)
        if samples is not None and piece.samples is not None:
            samples[at][:, slices] = sample.place.restore(piece.samples, "nearest")[:, slices]
    seen = np.maximum(seen, 1)
    probs /= seen[:, None]
    if variance is not None:
        variance /= seen
    probs[:, 0] = np.maximum(1.0 - probs[:, 1:].sum(axis=1), 0.0)
    return Found(tuple(frames), probs=probs, variance=variance, samples=samples)


def _plane_of(study: Study, config: HeartVolumeConfig) -> HeartCropConfig:
    """The window in plane; a mouse's heart, a dilated one too, is seen at its own pixel and not scaled as a human's."""
    return config.plane.model_copy(update={"fill": 1.0}) if study.facts.species == "mouse" else config.plane


def _example_steps(study: Study, box: Box | None, config: HeartVolumeConfig) -> tuple[Step, ...]:
    return heart_steps(study.grid, box, _plane_of(study, config), config.plane.size_px + 2 * config.plane.room_px)


def _drawn_variation(config: HeartVolumeConfig, rng: np.random.Generator) -> Variation:
    """A variation by `plane.augment`, with the chances of this config."""
    variation = draw(config.plane.augment, rng)
    turns, shifts, *flips = rng.random(4) < (config.chance, config.chance, config.flip, config.flip)
    rows, cols = (-scale if flip else scale for scale, flip in zip(variation.scale, flips, strict=True))
    return replace(
        variation,
        angle_rad=variation.angle_rad if turns else 0.0,
        shift_px=variation.shift_px if shifts else (0.0, 0.0),
        scale=(rows, cols),
    )


def _scaled_window(study: Study, frame: int, steps: Sequence[Step], config: HeartVolumeConfig) -> NDArray[np.float32]:
    """A frame's window [slice, row, col], its grey values scaled as configured; a stack's scale is its middle's."""
    stack = through(steps, study.image[frame].astype(np.float32))
    if config.plane.grey == "slice":
        return standardise(stack)
    rows, cols = ((extent - config.plane.size_px) // 2 for extent in stack.shape[-2:])
    middle = np.s_[..., rows : rows + config.plane.size_px, cols : cols + config.plane.size_px]
    if config.scaled_by == "window":
        return standardise_stack(stack, stack[middle])
    imaged = through(steps, np.ones((1, *study.grid.shape[1:]), np.float32))[middle][0] > 0.5  # [row, col]
    return standardise_stack(stack, stack[middle][:, imaged] if imaged.any() else stack[middle])
