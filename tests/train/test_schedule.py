"""The learning rate at a step, checked by hand."""

from __future__ import annotations

import pytest
import torch

from shortaxis.core.recipe import FitRecipe
from shortaxis.train.schedule import learning_rate


def test_without_a_schedule_the_rate_stays() -> None:
    recipe = FitRecipe(steps=10, batch=1, learning_rate=0.3)
    assert [learning_rate(recipe, step, []) for step in (0, 5, 9)] == [0.3] * 3


def test_warming_up_rises_evenly_to_the_full_rate() -> None:
    recipe = FitRecipe(steps=10, batch=1, learning_rate=1.0, warmup_steps=4)
    assert [learning_rate(recipe, step, []) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_the_cosine_begins_after_the_warm_up_and_ends_near_zero() -> None:
    recipe = FitRecipe(steps=12, batch=1, learning_rate=2.0, schedule="cosine", warmup_steps=4)
    assert learning_rate(recipe, 4, []) == pytest.approx(2.0)
    assert learning_rate(recipe, 8, []) == pytest.approx(1.0)  # half way: cos(pi/2)
    assert learning_rate(recipe, 10, []) == pytest.approx(2.0 * 0.5 * (1 - 2**-0.5))  # three quarters: cos(3 pi/4)
    assert 0 < learning_rate(recipe, 11, []) < 0.08


def test_the_plateau_lowers_after_more_than_patience_validations_without_gain() -> None:
    recipe = FitRecipe(
        steps=10, batch=1, learning_rate=1.0, schedule="plateau", plateau_patience=1, plateau_min_delta=0.01
    )
    losses = [1.0, 0.5, 0.495, 0.495, 0.6, 0.6, 0.3]  # 0.495 is less than 0.01 better: no gain
    rates = [learning_rate(recipe, 99, losses[:count]) for count in range(len(losses) + 1)]
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_the_plateau_agrees_with_torchs_own() -> None:
    recipe = FitRecipe(steps=10, batch=1, learning_rate=1.0, schedule="plateau", plateau_patience=2)
    losses = torch.rand(60, generator=torch.Generator().manual_seed(4)).tolist()
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=2, threshold=1e-4, threshold_mode="abs"
    )
    for count in range(1, len(losses) + 1):
        theirs.step(losses[count - 1])
        ours = learning_rate(recipe, 5, losses[:count])
        if ours > 1e-6:  # torch stops lowering below its eps
            assert ours == pytest.approx(optimiser.param_groups[0]["lr"])


def test_the_polynomial_falls_from_the_full_rate_to_zero_after_the_last_step() -> None:
    recipe = FitRecipe(steps=10, batch=1, learning_rate=0.01, schedule="polynomial")
    assert learning_rate(recipe, 0, []) == pytest.approx(0.01)
    assert learning_rate(recipe, 5, []) == pytest.approx(0.01 * 0.5**0.9)  # nnU-Net's power
    assert learning_rate(recipe, 9, []) == pytest.approx(0.01 * 0.1**0.9)
    straight = recipe.model_copy(update={"polynomial_power": 1.0, "warmup_steps": 2})
    assert [learning_rate(straight, step, []) for step in (1, 2, 6)] == pytest.approx([0.01, 0.01, 0.005])
