"""Without a locator a segmenter learns from the window that prediction will cut: around the image's middle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import ACDC
from shortaxis.core.method import RecipeName, Stage
from shortaxis.methods import method_named, method_names
from shortaxis.prepare.heart_crop import HeartCropConfig, heart_examples
from tests.lookalike.ring_study import ring_study

FRAMES = [0, 1]


def unlocated() -> Iterator[tuple[str, RecipeName, Stage]]:
    """Every recipe that can do without a locator, with its segmenter."""
    for name in method_names():
        method = method_named(name)
        for recipe_name, recipe in method.recipes.items():
            try:
                stages = method.stages(recipe.overlaid({"locate": None}))
            except BadConfiguration:
                continue
            if len(stages) == 1:
                yield name, recipe_name, stages[0]


FOUND = list(unlocated())


def test_the_five_papers_methods_that_can_do_without_a_locator_are_among_them() -> None:
    names = {name for name, _, _ in FOUND}
    assert {"dadu", "halsrnet", "uncertainty-unet", "unet"} <= names and "attention-mnet" not in names


@pytest.mark.parametrize("stage", [stage for *_, stage in FOUND], ids=[f"{name}-{recipe}" for name, recipe, _ in FOUND])
def test_without_a_locator_training_sees_what_prediction_will_see(stage: Stage) -> None:
    study = ring_study(rows=96, cols=120, centre=(30.0, 85.0))  # the heart lies off the image's middle
    seen = [sample.image for sample in stage.cut(study, None, FRAMES)]
    learnt = [stage.augment(sample, None).image for sample in stage.examples(study, ACDC, None)]
    assert len(seen) == len(learnt) > 0
    for ours, theirs in zip(seen, learnt, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=2e-3)


def test_without_a_pixel_size_the_heart_gives_scale_and_middle_for_prediction_then_wants_its_box_too() -> None:
    study = ring_study(spacing_mm=None, centre=(20.0, 30.0))
    around = {of: HeartCropConfig(size_px=32, around=of) for of in ("heart", "image")}
    heart, image = ([sample.image for sample in heart_examples(study, ACDC, config)] for config in around.values())
    np.testing.assert_array_equal(heart, image)
