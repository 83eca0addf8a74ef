"""The heart crop of the tuned recipes, seen through a focus of attention. Ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from shortaxis.core.found import Found
from shortaxis.core.recipe import Settings
from shortaxis.core.sample import Sample
from shortaxis.core.study import Study
from shortaxis.prepare.focus import Focus, central_focus
from shortaxis.prepare.heart_crop import HeartCropConfig, cut_heart, vary_heart


class FocusCropConfig(Settings):
    """A heart crop and the focus on its middle, which is where the heart was located."""

    crop: HeartCropConfig = HeartCropConfig()
    focus: Focus = 2.0  # delta as a share of half the window's side; None: no focus


def cut_focus_crop(
    study: Study, upstream: Found | None, frames: Sequence[int], config: FocusCropConfig
) -> Iterator[Sample]:
    """One sample per frame and slice, as `cut_heart` gives them, through the focus."""
    for sample in cut_heart(study, upstream, frames, config.crop):
        yield _through_focus(sample, config.focus)


def vary_focus_crop(sample: Sample, rng: np.random.Generator | None, config: FocusCropConfig) -> Sample:
    """An example of `heart_examples` varied as `vary_heart` does, then through the focus, which stays in the middle."""
    return _through_focus(vary_heart(sample, rng, config.crop), config.focus)


def _through_focus(sample: Sample, focus: float | None) -> Sample:
    if focus is None:
        return sample
    return replace(sample, image=sample.image * central_focus((sample.image.shape[-2], sample.image.shape[-1]), focus))
