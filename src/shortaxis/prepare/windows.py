"""Whole slices, the focused box, or the focused heart crop: which one, a stage's configuration says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from shortaxis.core.found import Found
from shortaxis.core.labels import LabelScheme
from shortaxis.core.sample import Sample
from shortaxis.core.study import Study
from shortaxis.prepare.focus_crop import FocusCropConfig, cut_focus_crop, vary_focus_crop
from shortaxis.prepare.focus_window import FocusWindowConfig, cut_focus, focus_examples, vary_focus
from shortaxis.prepare.heart_box import overall_box
from shortaxis.prepare.heart_crop import heart_examples
from shortaxis.prepare.slice_window import SliceWindowConfig, cut_slices, slice_examples, vary_slice

Window = FocusWindowConfig | FocusCropConfig | SliceWindowConfig


def one_size(window: Window) -> bool:
    """Whether the images of all patients are equally large, so that a batch can hold several."""
    return not isinstance(window, FocusWindowConfig) and (isinstance(window, FocusCropConfig) or bool(window.size_px))


def cut_window(study: Study, upstream: Found | None, frames: Sequence[int], window: Window) -> Iterator[Sample]:
    """Samples [3, row, col] of some frames for prediction."""
    if isinstance(window, SliceWindowConfig):
        return cut_slices(study, frames, window)
    if isinstance(window, FocusCropConfig):
        return cut_focus_crop(study, upstream, frames, window)
    box = None if upstream is None or upstream.boxes is None else overall_box(upstream.boxes)
    return cut_focus(study, box, frames, window)


def window_examples(study: Study, scheme: LabelScheme, window: Window) -> Iterator[Sample]:
    """Labelled examples for training. Raises LabelsMissing for a study without labels."""
    if isinstance(window, SliceWindowConfig):
        return slice_examples(study, scheme, window)
    if isinstance(window, FocusCropConfig):
        return heart_examples(study, scheme, window.crop)
    return focus_examples(study, scheme, window)


def vary_window(sample: Sample, rng: np.random.Generator | None, window: Window) -> Sample:
    """An example as a network's input, varied; with `rng` None only cut out."""
    if isinstance(window, SliceWindowConfig):
        return vary_slice(sample, rng, window)
    if isinstance(window, FocusCropConfig):
        return vary_focus_crop(sample, rng, window)
    return vary_focus(sample, rng, window)
