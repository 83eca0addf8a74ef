"""FOANet's first preparation (Zhao et al., ICPR 2020, section III-B): whole slices, three planes as colours.

What both preparations share is here too: samples of some frames, and labels beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import LabelScheme
from shortaxis.core.place import Place, Step
from shortaxis.core.recipe import Settings
from shortaxis.core.sample import Field, Sample
from shortaxis.core.study import Grid, Study
from shortaxis.prepare.augment import AugmentConfig, draw, vary_geometry, vary_grey
from shortaxis.prepare.box_window import slice_steps
from shortaxis.prepare.heart_crop import through
from shortaxis.prepare.orient import orient_to_display
from shortaxis.prepare.pseudo_colour import FloatPlanes, Successive, gauss_moments, gauss_normalise, pseudo_colours


class SliceWindowConfig(Settings):
    """The first preparation: a patient's grey scale, whole slices, three planes as colours."""

    size_px: PositiveInt | None = None  # footnote 1: any input shape; else padded to a square and resized to this side
    successive: Successive = "auto"  # III-B: frames of LVQuan19's single slices, slices of MM-WHS's volumes
    augment: AugmentConfig | None = None  # III-B names none for the first preparation


def cut_slices(study: Study, frames: Sequence[int], config: SliceWindowConfig) -> Iterator[Sample]:
    """One sample per frame and slice, image float32 [3, row, col] of the whole slice."""
    steps = _whole_steps(study.grid, config.size_px)
    moments = gauss_moments(study, lambda frame: study.image[frame])

    def prepared(frame: int) -> FloatPlanes:
        return through(steps, gauss_normalise(study.image[frame], moments)).astype(np.float32, copy=False)

    return slice_samples(study, frames, prepared, steps, config.successive)


def vary_slice(sample: Sample, rng: np.random.Generator | None, config: SliceWindowConfig) -> Sample:
    """An example of whole slices, varied where the configuration says so."""
    if rng is None or config.augment is None:
        return sample
    variation = draw(config.augment, rng)
    moved = vary_geometry(sample, variation, (sample.image.shape[-2], sample.image.shape[-1]))
    return replace(moved, image=vary_grey(moved.image, variation))


def _whole_steps(grid: Grid, size_px: int | None) -> tuple[Step, ...]:
    return (orient_to_display(grid),) if size_px is None else slice_steps(grid, size_px)


def slice_examples(study: Study, scheme: LabelScheme, config: SliceWindowConfig) -> Iterator[Sample]:
    """One labelled example per annotated slice, whole. Raises LabelsMissing for a study without labels."""
    drawn = drawn_labels(study, scheme)
    frames = [] if study.labels is None else study.labels.annotated_frames()
    return labelled(study, cut_slices(study, frames, config), drawn)


def labelled(study: Study, samples: Iterator[Sample], drawn: NDArray[np.uint8]) -> Iterator[Sample]:
    """The samples of annotated slices with `fields["labels"]` from labels [frame, slice, row, col]."""
    for sample in samples:
        frame, index = sample.place.frame, sample.place.slices[0]
        if study.labels is not None and study.labels.annotated[frame, index].all():
            plane = through(sample.place.steps, drawn[frame, index], "nearest").astype(np.uint8)
            yield replace(sample, fields={"labels": Field(plane, "nearest")})


def slice_samples(
    study: Study,
    frames: Sequence[int],
    prepared: Callable[[int], FloatPlanes],
    steps: tuple[Step, ...],
    successive: Successive,
) -> Iterator[Sample]:
    """One sample [3, row, col] per slice of some frames, from `prepared(frame)` [slice, row, col]."""
    for frame in frames:
        for index, image in pseudo_colours(study, frame, prepared, successive):
            yield Sample(image, Place(frame, (index,), steps))


def drawn_labels(study: Study, scheme: LabelScheme) -> NDArray[np.uint8]:
    """The labels [frame, slice, row, col] in the numbers of `scheme`. Raises LabelsMissing where there are none."""
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "train on labelled cases only")
    return study.labels.scheme.translate(study.labels.array, scheme)
