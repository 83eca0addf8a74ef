"""The 2D heart crop that several segmenters share: oriented, resampled, cut around a located heart, with neighbours.

`cut_heart` makes the samples of prediction, `heart_examples` those of training (with room around the heart for
rotation and shift), `vary_heart` turns an example into a network input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from shortaxis.core.errors import BadSpacing, LabelsMissing
from shortaxis.core.found import Found
from shortaxis.core.labels import LabelScheme
from shortaxis.core.place import Place, Step
from shortaxis.core.recipe import Settings
from shortaxis.core.sample import Field, Sample
from shortaxis.core.study import Grid, Study
from shortaxis.prepare.augment import AugmentConfig, Variation, draw, vary_geometry, vary_grey
from shortaxis.prepare.crop import crop_around
from shortaxis.prepare.heart_box import Box, box_centre, overall_box, reference_box
from shortaxis.prepare.intensity import standardise, standardise_stack
from shortaxis.prepare.neighbours import Reach, with_neighbours
from shortaxis.prepare.orient import Orient, orient_to_display
from shortaxis.prepare.resample import Resample, resample_to

# The larger side of the box around both ventricles at ED, adults: median over ACDC's 100 training patients, 105 mm.
# Used only to scale the network's input where the spacing is unknown; no measure ever sees it.
TYPICAL_HEART_MM = 105.0


class HeartCropConfig(Settings):
    """Size of the window in pixels and of its pixels in millimetres, and how many neighbours go along."""

    size_px: PositiveInt = 96
    pixel_mm: PositiveFloat = 1.5  # finest; a heart too large for the window gets larger pixels
    fill: PositiveFloat = 0.77  # share of the window that the heart's larger side takes at most
    reach: Reach = 1  # neighbouring slices on each side, as channels
    room_px: NonNegativeInt = 24  # around the window in training examples
    grey: Literal["slice", "stack"] = "slice"  # whose mean and spread the grey values are scaled by
    around: Literal["heart", "image"] = "heart"  # middle of training examples; without a locator `image`
    augment: AugmentConfig = AugmentConfig()


def around_image(config: HeartCropConfig) -> HeartCropConfig:
    """The same window where no locator comes before: trained around the image's middle, as `cut_heart` then cuts."""
    return config.model_copy(update={"around": "image"})


def example_box(reference: Box | None, grid: Grid, config: HeartCropConfig) -> Box | None:
    """What training examples are cut around: the reference's box, or None, which is the image's middle.

    Without a pixel size it is always the box, for prediction then wants one too, to scale by (`--roi`).
    """
    return None if config.around == "image" and grid.pixel_mm is not None else reference


def _resample(grid: Grid, box: Box | None, config: HeartCropConfig, orient: Orient) -> Resample:
    """Square pixels of `config.pixel_mm`, or larger ones where the heart would not fit the window.

    Raises:
        BadSpacing: spacing unknown and no box to scale by.
    """
    shape = (grid.shape[1], grid.shape[2])
    spread = None if box is None else np.array([box[2] - box[0], box[3] - box[1]]) + 1.0
    if grid.pixel_mm is not None:
        pixel_mm = np.array(grid.pixel_mm)
    elif spread is not None:
        pixel_mm = np.full(2, TYPICAL_HEART_MM / spread.max())
    else:
        raise BadSpacing(
            "a pixel size, or a located heart to scale by", "neither", "choose a method with a locator, or give --roi"
        )
    heart_mm = 0.0 if spread is None else float((spread * pixel_mm).max())
    target_mm = max(config.pixel_mm, heart_mm / (config.fill * config.size_px))
    if orient.transpose:
        shape, pixel_mm = (shape[1], shape[0]), pixel_mm[::-1]
    return resample_to(shape, (float(pixel_mm[0]), float(pixel_mm[1])), target_mm)


def heart_steps(grid: Grid, box: Box | None, config: HeartCropConfig, size_px: int) -> tuple[Step, ...]:
    """Orient, resample, cut `size_px` around the middle of `box` (study coordinates), or of the image without one."""
    orient = orient_to_display(grid)
    resample = _resample(grid, box, config, orient)
    middle = box_centre(box) if box else ((grid.shape[1] - 1) / 2, (grid.shape[2] - 1) / 2)
    row, col = resample.apply_points(orient.apply_points(np.array([middle])))[0]
    return orient, resample, crop_around(resample.target, (float(row), float(col)), (size_px, size_px))


def through(steps: Sequence[Step], planes: NDArray[np.generic], interpolation: str = "linear") -> NDArray[np.generic]:
    """Planes [..., row, col] through all steps in order."""
    for step in steps:
        planes = step.apply(planes, "nearest" if interpolation == "nearest" else "linear")
    return planes


def cut_heart(study: Study, upstream: Found | None, frames: Sequence[int], config: HeartCropConfig) -> Iterator[Sample]:
    """One sample per frame and slice, image float32 [2 * reach + 1, size, size], in the order of `frames`."""
    box = None if upstream is None or upstream.boxes is None else overall_box(upstream.boxes)
    steps = heart_steps(study.grid, box, config, config.size_px)
    for frame in frames:
        stack = _scaled(through(steps, study.image[frame].astype(np.float32)), config)
        for index in range(len(stack)):
            yield Sample(with_neighbours(stack, index, config.reach), Place(frame, (index,), steps))


def heart_examples(study: Study, scheme: LabelScheme, config: HeartCropConfig) -> Iterator[Sample]:
    """One labelled example per annotated slice; `fields["labels"]` in the numbers of `scheme`.

    The window is centred on the reference box (`example_box`) and `room_px` larger on each side; `vary_heart` moves it
    about, so that the segmenter meets a heart as far from the middle as a locator may leave it. Slices drawn empty are
    kept: where the heart ends is part of what must be learnt.

    Raises:
        LabelsMissing: the study has no labels.
    """
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "train on labelled cases only")
    labels = study.labels.scheme.translate(study.labels.array, scheme)
    box = example_box(reference_box(study.labels), study.grid, config)
    steps = heart_steps(study.grid, box, config, config.size_px + 2 * config.room_px)
    for frame in study.labels.annotated_frames():
        stack = through(steps, study.image[frame].astype(np.float32)).astype(np.float32)
        if config.grey == "stack":
            stack = _scaled(stack, config)
        drawn = through(steps, labels[frame], "nearest").astype(np.uint8)
        for index in range(len(stack)):
            if study.labels.annotated[frame, index].all():
                image = with_neighbours(stack, index, config.reach)
                yield Sample(image, Place(frame, (index,), steps), {"labels": Field(drawn[index], "nearest")})


def vary_heart(sample: Sample, rng: np.random.Generator | None, config: HeartCropConfig) -> Sample:
    """An example as network input of `size_px`: randomly varied, or with `rng` None only cut out and standardised."""
    variation = Variation() if rng is None else draw(config.augment, rng)
    moved = vary_geometry(sample, variation, (config.size_px, config.size_px))
    image = moved.image if rng is None else vary_grey(moved.image, variation)
    return Sample(standardise(image) if config.grey == "slice" else image, moved.place, moved.fields, moved.points)


def _scaled(stack: NDArray[np.generic], config: HeartCropConfig) -> NDArray[np.float32]:
    """A stack [slice, row, col] with its grey values scaled as configured; a stack's scale is its middle window's."""
    if config.grey == "slice":
        return standardise(stack)
    rows, cols = ((extent - config.size_px) // 2 for extent in stack.shape[-2:])
    return standardise_stack(stack, stack[:, rows : rows + config.size_px, cols : cols + config.size_px])
