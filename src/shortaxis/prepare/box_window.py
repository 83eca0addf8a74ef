"""A whole slice, or the box a locator found in it, fitted to a network's fixed square input.

HALSR-Net's way: a box per image and an input of one size, whatever the pixel size in millimetres. `heart_crop.py` is
the other way: one window per study at a fixed scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.found import Found
from shortaxis.core.labels import LabelScheme
from shortaxis.core.place import Place, Step
from shortaxis.core.recipe import Settings
from shortaxis.core.sample import Field, Sample
from shortaxis.core.study import Grid, Study
from shortaxis.prepare.augment import AugmentConfig
from shortaxis.prepare.crop import crop_around, pad_to_square
from shortaxis.prepare.heart_box import Box, box_of, reference_box
from shortaxis.prepare.heart_crop import through
from shortaxis.prepare.intensity import standardise
from shortaxis.prepare.neighbours import Reach, with_neighbours
from shortaxis.prepare.orient import orient_to_display
from shortaxis.prepare.resample import Resample

# Moves and scales the window a little, as a locator's error does; nothing else is varied.
LOCATOR_ERROR = AugmentConfig(
    rotation_degrees=0.0,
    shift_px=4.0,
    log_scale=0.05,
    log_stretch=0.0,
    mirror_slices=0.0,
    log_gamma=0.0,
    noise=0.0,
    blur_px=0.0,
    shading=0.0,
    log_contrast=0.0,
    brightness=0.0,
    log_contrast_between_slices=0.0,
)


class BoxWindowConfig(Settings):
    """The square input and what of the slice fills it."""

    size_px: PositiveInt = 128
    of: Literal["box", "slice"] = "box"
    margin: NonNegativeFloat = 0.1  # share of the box's longer side added on every side
    reach: Reach = 0  # neighbouring slices on each side, as channels
    room_px: NonNegativeInt = 8  # around the window in training examples, in input pixels
    augment: AugmentConfig = LOCATOR_ERROR


def slice_steps(grid: Grid, size_px: int) -> tuple[Step, ...]:
    """Orient, pad to a square, resize: the whole slice in a square of `size_px`, its aspect in pixels kept."""
    orient = orient_to_display(grid)
    square = pad_to_square(_turned(grid, orient.transpose))
    return orient, square, Resample(square.size, (size_px, size_px))


def box_steps(grid: Grid, box: Box, config: BoxWindowConfig, room_px: int = 0) -> tuple[Step, ...]:
    """Orient, cut the square around `box` (study coordinates) with its margin, resize to the input and its room."""
    orient = orient_to_display(grid)
    corners = orient.apply_points(np.array(box, float).reshape(2, 2))
    row, col = corners.mean(axis=0)
    longer = float(np.ptp(corners, axis=0).max()) + 1  # corners are pixel centres
    size = config.size_px + 2 * room_px
    side = max(8, round(longer * (1 + 2 * config.margin) * size / config.size_px))
    crop = crop_around(_turned(grid, orient.transpose), (float(row), float(col)), (side, side))
    return orient, crop, Resample(crop.size, (size, size))


def cut_boxes(study: Study, upstream: Found | None, frames: Sequence[int], config: BoxWindowConfig) -> Iterator[Sample]:
    """One sample per frame and slice, image float32 [2 * reach + 1, size, size]; without boxes the whole slice."""
    for frame in frames:
        stack = study.image[frame].astype(np.float32)
        for index in range(len(stack)):
            box = None if config.of == "slice" else _found_box(upstream, frame, index)
            steps = slice_steps(study.grid, config.size_px) if box is None else box_steps(study.grid, box, config)
            planes = with_neighbours(stack, index, config.reach)
            yield Sample(standardise(through(steps, planes)), Place(frame, (index,), steps))


def box_examples(
    study: Study, scheme: LabelScheme, upstream: Found | None, config: BoxWindowConfig
) -> Iterator[Sample]:
    """One labelled example per annotated slice; `fields["labels"]` in the numbers of `scheme`.

    The window is that of `upstream`'s box where there is one, else of the slice's own reference box. Around a slice
    drawn empty it is that of the whole study's reference box: a locator points somewhere there too. A box's window has
    `room_px` around it, for the variation that stands for the locator's error.

    Raises:
        LabelsMissing: the study has no labels.
    """
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "train on labelled cases only")
    labels = scheme_labels(study, scheme)
    whole = reference_box(study.labels) or _whole_slice(study.grid)
    for frame in study.labels.annotated_frames():
        for index in np.flatnonzero(study.labels.annotated[frame].all(axis=1)):
            if config.of == "slice":
                steps = slice_steps(study.grid, config.size_px)
            else:
                box = _found_box(upstream, frame, int(index)) or box_of(labels[frame, index] > 0) or whole
                steps = box_steps(study.grid, box, config, config.room_px)
            planes = with_neighbours(study.image[frame], int(index), config.reach).astype(np.float32)
            image = through(steps, planes).astype(np.float32, copy=False)
            drawn = through(steps, labels[frame, index], "nearest").astype(np.uint8)
            yield Sample(image, Place(frame, (int(index),), steps), {"labels": Field(drawn, "nearest")})


def scheme_labels(study: Study, scheme: LabelScheme) -> np.ndarray:
    """The study's labels [frame, slice, row, col] in the numbers of `scheme`; all background where it has none."""
    if study.labels is None:
        return np.zeros(study.image.shape, np.uint8)
    return study.labels.scheme.translate(study.labels.array, scheme)


def _turned(grid: Grid, transpose: bool) -> tuple[int, int]:
    rows, cols = grid.shape[1:]
    return (cols, rows) if transpose else (rows, cols)


def _whole_slice(grid: Grid) -> Box:
    return 0.0, 0.0, grid.shape[1] - 1.0, grid.shape[2] - 1.0


def _found_box(upstream: Found | None, frame: int, index: int) -> Box | None:
    if upstream is None or upstream.boxes is None:
        return None
    first_row, first_col, last_row, last_col = upstream.boxes[upstream.frames.index(frame), index]
    return float(first_row), float(first_col), float(last_row), float(last_col)
