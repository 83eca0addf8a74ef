"""The learning rate at a step, from the recipe and what validation has said so far."""

from __future__ import annotations

import math
from collections.abc import Sequence

from shortaxis.core.recipe import FitRecipe


def learning_rate(recipe: FitRecipe, step: int, validation_losses: Sequence[float]) -> float:
    """The rate of 0-based `step`. A function of its arguments alone, so that resuming needs no scheduler state."""
    if step < recipe.warmup_steps:
        return recipe.learning_rate * (step + 1) / recipe.warmup_steps
    done = min(1.0, (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps))
    if recipe.schedule == "cosine":
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    if recipe.schedule == "polynomial":
        return recipe.learning_rate * (1 - done) ** recipe.polynomial_power
    if recipe.schedule == "plateau":
        return recipe.learning_rate * recipe.plateau_factor ** _falls(recipe, validation_losses)
    return recipe.learning_rate


def _falls(recipe: FitRecipe, losses: Sequence[float]) -> int:
    """How often the plateau rule has lowered the rate over a history of validation losses."""
    falls, best, waited = 0, math.inf, 0
    for loss in losses:
        if loss < best - recipe.plateau_min_delta:
            best, waited = loss, 0
        else:
            waited += 1
        if waited > recipe.plateau_patience:
            falls, waited = falls + 1, 0
    return falls
