"""Every method that accepts mice sees a mouse's heart as large, by its tuned recipe, as it sees a man's."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.labels import LEFT_VENTRICLE
from shortaxis.core.recipe import Recipe
from shortaxis.methods import method_named, method_names
from shortaxis.read.phantom_mouse import MouseRecipe, make_mouse_phantom

FOR_MICE = [name for name in method_names() if "mouse" in method_named(name).accepts.species]
MOUSE = make_mouse_phantom(MouseRecipe(frames=2)).study


def widest_px(name: str, recipe: Recipe) -> int:
    """Rows of the left ventricle in the widest of the segmenter's unvaried examples."""
    stage = method_named(name).stages(recipe)[-1]
    samples = (stage.augment(example, None) for example in stage.examples(MOUSE, LEFT_VENTRICLE, None))
    masks = (
        np.asarray(sample.fields["labels"].array, int) > 0 for sample in samples
    )  # [row, col] or [slice, row, col]
    rows = (np.flatnonzero(mask.any(axis=(*range(mask.ndim - 2), -1))) for mask in masks)
    return max(int(np.ptp(held)) + 1 for held in rows if len(held))


@pytest.mark.parametrize("name", FOR_MICE)
def test_a_mouses_ventricle_fills_much_of_the_tuned_window_and_would_be_lost_in_a_mans(name: str) -> None:
    method = method_named(name)
    assert widest_px(name, method.recipe_for("tuned", "human")) < 8
    assert widest_px(name, method.recipe_for("tuned", "mouse")) > 35


@pytest.mark.parametrize("name", FOR_MICE)
def test_the_published_recipe_is_left_as_it_is(name: str) -> None:
    method = method_named(name)
    assert method.recipe_for("paper", "mouse") == method.recipes["paper"]
