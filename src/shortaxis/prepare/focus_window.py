"""FOANet's second preparation (Zhao et al., ICPR 2020, section III-B): the focused box.

The box, square pixels of fixed size, the Gaussian focus at its centre, a grey scale for the patient, three planes as
colours. Windows are as large as each patient's box, so a training batch holds one sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from shortaxis.core.errors import BadSpacing
from shortaxis.core.labels import LabelScheme
from shortaxis.core.place import Step
from shortaxis.core.recipe import Settings, Share
from shortaxis.core.sample import Sample
from shortaxis.core.study import Grid, Study
from shortaxis.prepare.augment import Variation, vary_geometry
from shortaxis.prepare.crop import Crop, crop_around
from shortaxis.prepare.focus import Focus, focus_weights
from shortaxis.prepare.heart_box import Box, box_centre, box_of
from shortaxis.prepare.heart_crop import TYPICAL_HEART_MM, through
from shortaxis.prepare.orient import Orient, orient_to_display
from shortaxis.prepare.pseudo_colour import FloatPlanes, Moments, Successive, gauss_moments, gauss_normalise
from shortaxis.prepare.resample import Resample
from shortaxis.prepare.slice_window import drawn_labels, labelled, slice_samples


class FocusWindowConfig(Settings):
    """The second preparation."""

    extension_px: NonNegativeFloat = 10.0  # fig. 8a: original pixels added on every side of the box
    pixel_mm: PositiveFloat = 0.65  # III-B, step 2
    most_px: PositiveInt = 384  # ours: a box the size of the image gets larger pixels rather than all of the memory
    focus: Focus = 1.0  # delta of eq. 5, unstated; ours: half of the window's longer side; None: no FOA
    rotation_degrees: NonNegativeFloat = 30.0  # "rotations"; the angles are unstated; ours
    flip_chance: Share = 0.5  # "flips", of rows and of columns each; unstated; ours
    jitter_px: NonNegativeFloat = (
        5.0  # ours: how far each side of a reference box is moved, original pixels: a locator's error
    )
    typical_mm: PositiveFloat = TYPICAL_HEART_MM  # ours: the box's longer side where the pixel size is unknown
    successive: Successive = "auto"


def focus_steps(grid: Grid, box: Box, config: FocusWindowConfig, room_px: int = 0) -> tuple[Orient, Crop, Resample]:
    """Orient, cut the box (study coordinates) with its extension, resize to square pixels of the configured size.

    `room_px` original pixels are added on every side at the same scale.

    Raises:
        BadSpacing: the pixel size is unknown and the box is the whole image, so there is nothing to scale by.
    """
    orient = orient_to_display(grid)
    shape = (grid.shape[2], grid.shape[1]) if orient.transpose else (grid.shape[1], grid.shape[2])
    corners = orient.apply_points(np.array(box, float).reshape(2, 2))
    row, col = corners.mean(axis=0)
    rows, cols = (max(1, round(float(extent) + 1 + 2 * config.extension_px)) for extent in np.ptp(corners, axis=0))
    row_mm, col_mm = _pixel_mm(grid, box, config)[:: -1 if orient.transpose else 1]
    target_mm = max(config.pixel_mm, rows * row_mm / config.most_px, cols * col_mm / config.most_px)
    window = (max(1, round(rows * row_mm / target_mm)), max(1, round(cols * col_mm / target_mm)))
    room = (round(room_px * window[0] / rows), round(room_px * window[1] / cols))
    crop = crop_around(shape, (float(row), float(col)), (rows + 2 * room_px, cols + 2 * room_px))
    return orient, crop, Resample(crop.size, (window[0] + 2 * room[0], window[1] + 2 * room[1]))


def _pixel_mm(grid: Grid, box: Box, config: FocusWindowConfig) -> tuple[float, float]:
    if grid.pixel_mm is not None:
        return grid.pixel_mm
    if box == whole_slice(grid):
        raise BadSpacing(
            "a pixel size, or a located heart to scale by", "neither", "choose a method with a locator, or give --roi"
        )
    size = config.typical_mm / (max(box[2] - box[0], box[3] - box[1]) + 1)
    return size, size


def cut_focus(study: Study, box: Box | None, frames: Sequence[int], config: FocusWindowConfig) -> Iterator[Sample]:
    """One sample per frame and slice, image float32 [3, row, col] as large as the extended box; without a box the slice."""
    box = whole_slice(study.grid) if box is None else box
    steps = focus_steps(study.grid, box, config)
    moments = gauss_moments(study, lambda frame: _focused(study, frame, box, steps, config))
    return _focus_samples(study, box, frames, steps, config, moments)


def focus_examples(study: Study, scheme: LabelScheme, config: FocusWindowConfig) -> Iterator[Sample]:
    """One labelled example per annotated slice, from the reference box with each side moved within `jitter_px`.

    The box is moved once per study, drawn from its name: a locator, too, errs once per patient. No locator's knowledge
    enters. `points["window"]` are the first and last pixel of the network's window; around it is room to rotate.

    Raises:
        LabelsMissing: the study has no labels.
    """
    drawn = drawn_labels(study, scheme)
    box = box_of(drawn > 0)
    box = whole_slice(study.grid) if box is None else jittered(box, config.jitter_px, study.name)
    steps = focus_steps(study.grid, box, config)
    moments = gauss_moments(study, lambda frame: _focused(study, frame, box, steps, config))
    rows, cols = steps[1].size
    roomy = focus_steps(study.grid, box, config, int(np.ceil((np.hypot(rows, cols) - min(rows, cols)) / 2)))
    inner, outer = np.array(steps[2].target, float), np.array(roomy[2].target, float)
    window = np.stack([(outer - inner) / 2, (outer + inner) / 2 - 1])
    frames = [] if study.labels is None else study.labels.annotated_frames()
    for sample in labelled(study, _focus_samples(study, box, frames, roomy, config, moments), drawn):
        yield replace(sample, points={"window": window})


def vary_focus(sample: Sample, rng: np.random.Generator | None, config: FocusWindowConfig) -> Sample:
    """An example as the network's window: turned and flipped about its middle, or with `rng` None only cut out.

    The paper varies first, then focuses. The middle of the window is the focus's centre and the focus is round, so the
    two commute.
    """
    first, last = sample.points["window"]
    variation = Variation()
    if rng is not None:
        angle = np.deg2rad(rng.uniform(-config.rotation_degrees, config.rotation_degrees))
        row, col = (-1.0 if flipped else 1.0 for flipped in rng.random(2) < config.flip_chance)
        variation = Variation(angle_rad=float(angle), scale=(row, col))  # a scale of -1 is a flip
    size = np.rint(last - first).astype(int) + 1
    return replace(vary_geometry(sample, variation, (int(size[0]), int(size[1]))), points={})


def jittered(box: Box, jitter_px: float, name: str) -> Box:
    """The box with each side moved by whole pixels within `jitter_px`, drawn from `name`."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    moves = np.rint(np.random.default_rng(seed).uniform(-jitter_px, jitter_px, 4))
    rows = sorted((box[0] + float(moves[0]), box[2] + float(moves[2])))  # a box of a few pixels may turn over
    cols = sorted((box[1] + float(moves[1]), box[3] + float(moves[3])))
    return rows[0], cols[0], rows[1], cols[1]


def whole_slice(grid: Grid) -> Box:
    """The box around everything."""
    return 0.0, 0.0, grid.shape[1] - 1.0, grid.shape[2] - 1.0


def _focused(
    study: Study, frame: int, box: Box, steps: tuple[Step, ...], config: FocusWindowConfig, window: float | None = None
) -> FloatPlanes:
    """A frame [slice, row, col] through the steps and, where there is one, the focus; `window`: its longer side."""
    planes = through(steps, study.image[frame].astype(np.float32)).astype(np.float32, copy=False)
    if config.focus is None:
        return planes
    centre = np.array([box_centre(box)])
    for step in steps:
        centre = step.apply_points(centre)
    size = (planes.shape[-2], planes.shape[-1])
    delta_px = config.focus * (max(size) if window is None else window) / 2
    return planes * focus_weights(size, (float(centre[0, 0]), float(centre[0, 1])), delta_px)


def _focus_samples(
    study: Study,
    box: Box,
    frames: Sequence[int],
    steps: tuple[Step, ...],
    config: FocusWindowConfig,
    moments: Moments,
) -> Iterator[Sample]:
    window = float(max(focus_steps(study.grid, box, config)[2].target))  # room around it must not widen the focus

    def prepared(frame: int) -> FloatPlanes:
        return gauss_normalise(_focused(study, frame, box, steps, config, window), moments)

    return slice_samples(study, frames, prepared, steps, config.successive)
