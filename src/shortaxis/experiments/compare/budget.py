"""One budget for all: every recipe with the same optimiser steps and, as far as its images allow, slices a step."""

from __future__ import annotations

from typing import Any

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Method, Stage
from shortaxis.core.recipe import FitRecipe, Recipe
from shortaxis.core.study import Study
from shortaxis.experiments.compare.plan import Budget


def budgeted(method: Method, recipe: Recipe, budget: Budget, study: Study, scheme: LabelScheme) -> Recipe:
    """`recipe` with the budget laid over the fit of each stage.

    The last stage gets `steps` of `slices`; in 3D a batch is slices / depth blocks, at least one. Where a method demands
    a batch of one (its images differ in size), it takes as many single samples as the others see slices. Stages before
    the last keep their batch and get `locator_steps` at most. Early stopping is off and the last weights are kept: the
    held-out patients choose nothing.

    Args:
        method: whose recipe it is.
        recipe: with the entry's own changes.
        budget: of the whole comparison.
        study: any labelled study; it shows whether samples are blocks.
        scheme: the structures to be learned.

    Raises:
        BadConfiguration: a stage whose fit is not at `<stage>_fit` of the recipe.
    """
    *locators, last = _stages(method, recipe)
    most = budget.locator_steps or budget.steps
    changes = {
        _fit_key(stage, recipe): _spent(stage.fit, min(stage.fit.steps, most), stage.fit.batch) for stage in locators
    }
    depth = slices_in_sample(last, study, scheme)
    key, batch = _fit_key(last, recipe), max(1, budget.slices // depth)
    wanted = recipe.overlaid({**changes, key: _spent(last.fit, budget.steps, batch)})
    try:
        method.stages(wanted)
    except BadConfiguration:  # a method may only take one sample at a time
        singles = max(1, budget.steps * budget.slices // depth)
        wanted = recipe.overlaid({**changes, key: _spent(last.fit, singles, 1)})
        method.stages(wanted)
    return wanted


def _stages(method: Method, recipe: Recipe) -> tuple[Stage, ...]:
    """The recipe's stages; where it refuses its own batch, as FOANet without its locator does, those of single samples."""
    try:
        return method.stages(recipe)
    except BadConfiguration:
        fits = [name for name in type(recipe).model_fields if isinstance(getattr(recipe, name), FitRecipe)]
        return method.stages(recipe.overlaid({name: {"batch": 1} for name in fits}))


def slices_in_sample(stage: Stage, study: Study, scheme: LabelScheme) -> int:
    """How many slices one input of the stage has: 1 in 2D (neighbours as channels do not count), the depth in 3D."""
    for sample in stage.examples(study, scheme, None):
        image = stage.augment(sample, None).image
        return image.shape[1] if image.ndim == 4 else 1
    return 1


def told(stage: Stage, depth: int) -> str:
    """A stage's budget in words: `1500 steps x 12 slices`."""
    unit = "slice" if depth == 1 else f"block of {depth} slices"
    plural = "s" if stage.fit.batch > 1 and depth == 1 else ""
    if depth > 1 and stage.fit.batch > 1:
        unit = f"blocks of {depth} slices"
    return f"{stage.fit.steps} steps x {stage.fit.batch} {unit}{plural}"


def _spent(fit: FitRecipe, steps: int, batch: int) -> dict[str, Any]:
    return {
        "steps": steps,
        "batch": batch,
        "warmup_steps": min(fit.warmup_steps, steps // 10),
        "validate_every": min(fit.validate_every, max(1, steps // 4)),
        "patience": None,
        "keep": "last",
    }


def _fit_key(stage: Stage, recipe: Recipe) -> str:
    key = f"{stage.name}_fit"
    if key not in type(recipe).model_fields:
        raise BadConfiguration(
            f"a recipe with {key!r} for its stage {stage.name!r}", f"{type(recipe).__name__} without it",
            "name the fit of each stage `<stage>_fit`, so that a budget can be laid over it",
        )  # fmt: skip
    return key
