"""The whole slice as a network's square input, moved back first by the breath-hold displacement found for it.

DADU's way: no locator, one slice at a time, every slice scaled to the same number of pixels. Moving a slice by whole
pixels is a crop of the slice's own size, so its displacement is one more remembered step: what the network finds comes
back onto the source's pixels without a second thought.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
from pydantic import PositiveInt

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import LabelScheme
from shortaxis.core.place import Place, Step
from shortaxis.core.recipe import Settings
from shortaxis.core.sample import Field, Sample
from shortaxis.core.study import Study
from shortaxis.prepare.align import SliceShifts, align_study
from shortaxis.prepare.augment import AugmentConfig, draw, vary_geometry, vary_grey
from shortaxis.prepare.box_window import scheme_labels, slice_steps
from shortaxis.prepare.crop import Crop
from shortaxis.prepare.heart_crop import through
from shortaxis.prepare.intensity import standardise
from shortaxis.prepare.orient import orient_to_display
from shortaxis.prepare.resample import Resample

# A cine is cut some frames at a time, and its displacements take seconds to find: they are found once.
_FOUND: WeakKeyDictionary[Study, SliceShifts] = WeakKeyDictionary()


class WholeSliceConfig(Settings):
    """The square input and how a slice is brought into it."""

    size_px: PositiveInt = 256
    fit: Literal["pad", "stretch"] = "pad"  # pad keeps the aspect in pixels; stretch scales rows and columns apart
    misalignment: Literal["corrected", "kept"] = "corrected"  # of the slices in plane; see align.py
    augment: AugmentConfig | None = None


def whole_slice_steps(study: Study, config: WholeSliceConfig) -> list[tuple[Step, ...]]:
    """The steps of every slice in order: undo its displacement, orient, pad or not, resize to `size_px` square."""
    grid = study.grid
    rows, cols = grid.shape[1:]
    shape = rows, cols
    if config.fit == "pad":
        fitted = slice_steps(grid, config.size_px)
    else:
        orient = orient_to_display(grid)
        turned = (cols, rows) if orient.transpose else shape
        fitted = orient, Resample(turned, (config.size_px, config.size_px))
    if config.misalignment == "kept":
        return [fitted] * grid.shape[0]
    if study not in _FOUND:
        _, _FOUND[study] = align_study(study)
    return [(Crop(shape, shift, shape), *fitted) for shift in _FOUND[study].whole_px]


def cut_whole_slices(study: Study, frames: Sequence[int], config: WholeSliceConfig) -> Iterator[Sample]:
    """One sample per frame and slice, image float32 [1, size, size], in the order of `frames`."""
    steps = whole_slice_steps(study, config)
    for frame in frames:
        for index, way in enumerate(steps):
            plane = study.image[frame, index].astype(np.float32)
            yield Sample(standardise(through(way, plane))[None], Place(frame, (index,), way))


def whole_slice_examples(study: Study, scheme: LabelScheme, config: WholeSliceConfig) -> Iterator[Sample]:
    """One labelled example per annotated slice, those drawn empty too; `fields["labels"]` in the numbers of `scheme`.

    Raises:
        LabelsMissing: the study has no labels.
    """
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "train on labelled cases only")
    labels = scheme_labels(study, scheme)
    steps = whole_slice_steps(study, config)
    for frame in study.labels.annotated_frames():
        for index in np.flatnonzero(study.labels.annotated[frame].all(axis=1)):
            way = steps[index]
            plane = through(way, study.image[frame, index].astype(np.float32)).astype(np.float32, copy=False)
            drawn = through(way, labels[frame, index], "nearest").astype(np.uint8)
            yield Sample(plane[None], Place(frame, (int(index),), way), {"labels": Field(drawn, "nearest")})


def vary_whole_slice(sample: Sample, rng: np.random.Generator | None, config: WholeSliceConfig) -> Sample:
    """An example as network input: varied where `rng` and the config ask for it, and standardised."""
    if rng is None or config.augment is None:
        return replace(sample, image=standardise(sample.image))
    variation = draw(config.augment, rng)
    moved = vary_geometry(sample, variation, (config.size_px, config.size_px))
    return replace(moved, image=standardise(vary_grey(moved.image, variation)))
