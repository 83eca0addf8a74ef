"""FOANet's hybrid loss against loop-written restatements of its equations and cases computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from shortaxis.losses.hybrid import HybridLossConfig, cce_loss, hybrid_loss, mean_dice_loss, ssim_loss


def random_case(classes: int = 3, shape: tuple[int, int, int] = (2, 5, 7)) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(4)
    batch, rows, cols = shape
    logits = 2 * torch.randn(batch, classes, rows, cols, generator=generator)
    return logits, torch.randint(classes, shape, generator=generator)


def one_hot(labels: Tensor, classes: int) -> Tensor:
    return torch.stack([(labels == index).float() for index in range(classes)], 1)


def slow_cce(logits: Tensor, labels: Tensor) -> float:
    """Equation 1 by loops: over images (mean), classes, rows and columns."""
    probs = torch.softmax(logits.double(), 1)
    total = 0.0
    for n in range(len(logits)):
        for i in range(logits.shape[1]):
            for a in range(logits.shape[2]):
                for b in range(logits.shape[3]):
                    y = 1.0 if labels[n, a, b] == i else 0.0
                    total -= y * math.log(probs[n, i, a, b])
    return total / len(logits)


def slow_ssim(s: np.ndarray, g: np.ndarray) -> float:
    """Equation 2 of one map, its moments summed pixel by pixel."""
    count = s.size
    mu_s, mu_g = sum(s.flat) / count, sum(g.flat) / count
    var_s = sum((x - mu_s) ** 2 for x in s.flat) / count
    var_g = sum((x - mu_g) ** 2 for x in g.flat) / count
    both = sum((x - mu_s) * (y - mu_g) for x, y in zip(s.flat, g.flat, strict=True)) / count
    c1, c2 = 0.0001, 0.0009
    above = (2 * mu_s * mu_g + c1) * (2 * both + c2)
    return 1 - above / ((mu_s**2 + mu_g**2 + c1) * (var_s + var_g + c2))


def slow_dice(probs: Tensor, reference: Tensor, epsilon: float) -> float:
    """Equations 3 and 4, the classes' mean."""
    dice = []
    for i in range(probs.shape[1]):
        overlap = both = 0.0
        for p, y in zip(probs[:, i].flatten().tolist(), reference[:, i].flatten().tolist(), strict=True):
            overlap += y * p
            both += y + p
        dice.append((epsilon + 2 * overlap) / (epsilon + both))
    return 1 - sum(dice) / len(dice)


def test_cross_entropy_is_equation_1_summed_over_pixels() -> None:
    logits, labels = random_case()
    assert float(cce_loss(logits, labels, "sum")) == pytest.approx(slow_cce(logits, labels), rel=1e-5)
    assert float(cce_loss(logits, labels, "mean")) == pytest.approx(slow_cce(logits, labels) / 35, rel=1e-5)


def test_ssim_is_equation_2_of_every_map() -> None:
    logits, labels = random_case()
    probs, reference = torch.softmax(logits, 1), one_hot(labels, 3)
    maps = [
        slow_ssim(p.double().numpy(), y.double().numpy())
        for p, y in zip(probs.flatten(0, 1), reference.flatten(0, 1), strict=True)
    ]
    assert float(ssim_loss(probs, reference)) == pytest.approx(sum(maps) / 6, abs=1e-5)


def test_windowed_ssim_is_equation_2_of_every_window() -> None:
    logits, labels = random_case()
    probs, reference = torch.softmax(logits, 1), one_hot(labels, 3)
    windows = [
        slow_ssim(p[a : a + 3, b : b + 3].double().numpy(), y[a : a + 3, b : b + 3].double().numpy())
        for p, y in zip(probs.flatten(0, 1), reference.flatten(0, 1), strict=True)
        for a in range(3)
        for b in range(5)
    ]
    assert float(ssim_loss(probs, reference, window_px=3)) == pytest.approx(sum(windows) / len(windows), abs=1e-4)


def test_a_window_larger_than_the_map_is_the_whole_map() -> None:
    probs, reference = torch.rand(1, 2, 4, 4), one_hot(torch.randint(2, (1, 4, 4)), 2)
    assert float(ssim_loss(probs, reference, 11)) == pytest.approx(float(ssim_loss(probs, reference)), abs=1e-6)


def test_dice_is_equations_3_and_4_with_the_mean_over_classes() -> None:
    logits, labels = random_case()
    probs, reference = torch.softmax(logits, 1), one_hot(labels, 3)
    assert float(mean_dice_loss(probs, reference, 0.7)) == pytest.approx(slow_dice(probs, reference, 0.7), abs=1e-6)


def test_dice_by_hand() -> None:
    """Two pixels, one of the class; predicted 0.5 and 0: (1 + 2 * 0.5) / (1 + 1 + 0.5) = 0.8."""
    probs, reference = torch.tensor([[[[0.5, 0.0]]]]), torch.tensor([[[[1.0, 0.0]]]])
    assert float(mean_dice_loss(probs, reference, 1.0)) == pytest.approx(0.2)


def test_ssim_by_hand() -> None:
    """S = (1, 0), G = (0, 1): means 0.5, variances 0.25, covariance -0.25."""
    expected = 1 - (0.5 + 1e-4) * (-0.5 + 9e-4) / ((0.5 + 1e-4) * (0.5 + 9e-4))
    found = ssim_loss(torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[0.0, 1.0]]]]))
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_ssim_of_an_absent_class_is_zero_where_nothing_is_predicted_and_grows_with_what_is() -> None:
    absent = torch.zeros(1, 1, 4, 4)
    assert float(ssim_loss(absent, absent)) == pytest.approx(0, abs=1e-6)
    assert float(ssim_loss(torch.full((1, 1, 4, 4), 0.5), absent)) > 0.99


def test_a_perfect_answer_costs_nothing_and_a_wrong_one_much() -> None:
    labels = torch.randint(3, (2, 6, 6), generator=torch.Generator().manual_seed(0))
    config = HybridLossConfig(cce_reduction="mean")
    right, terms = hybrid_loss(60 * one_hot(labels, 3), labels, config)
    assert float(right) == pytest.approx(0, abs=1e-4) and set(terms) == {"cce", "ssim", "dice"}
    wrong, _ = hybrid_loss(60 * one_hot((labels + 1) % 3, 3), labels, config)
    assert float(wrong) > 50


def test_the_weights_make_the_sum_and_a_weight_of_zero_drops_the_term() -> None:
    logits, labels = random_case()
    _, each = hybrid_loss(logits, labels, HybridLossConfig())
    total, terms = hybrid_loss(logits, labels, HybridLossConfig(cce=0.5, ssim=0, dice=3))
    assert set(terms) == {"cce", "dice"}
    assert float(total) == pytest.approx(0.5 * float(each["cce"]) + 3 * float(each["dice"]), rel=1e-6)


def test_structures_alone_leave_the_background_out_of_ssim_and_dice() -> None:
    logits, labels = random_case()
    probs, reference = torch.softmax(logits, 1)[:, 1:], one_hot(labels, 3)[:, 1:]
    _, terms = hybrid_loss(logits, labels, HybridLossConfig(counted="structures"))
    assert float(terms["dice"]) == pytest.approx(slow_dice(probs, reference, 1.0), abs=1e-6)
    assert float(terms["ssim"]) == pytest.approx(float(ssim_loss(probs, reference)), abs=1e-6)


def test_gradients_are_finite_also_where_the_network_is_sure_and_wrong() -> None:
    labels = torch.zeros(1, 4, 4, dtype=torch.int64)
    logits = torch.zeros(1, 3, 4, 4)
    logits[:, 1] = 200.0
    logits.requires_grad_()
    total, _ = hybrid_loss(logits, labels, HybridLossConfig())
    total.backward()
    assert torch.isfinite(total) and logits.grad is not None and torch.isfinite(logits.grad).all()


def test_half_precision_logits_are_judged_in_float32() -> None:
    logits, labels = random_case()
    with torch.autocast("cpu", torch.bfloat16):
        total, _ = hybrid_loss(logits, labels, HybridLossConfig())
    assert total.dtype == torch.float32
    assert float(total) == pytest.approx(float(hybrid_loss(logits, labels, HybridLossConfig())[0]), rel=1e-6)
