"""Equations 6 to 8 against a restatement with plain loops, and where logarithms go wrong."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from shortaxis.losses.bce_dice import DiceOver, bce_dice, binary_cross_entropy, dice_loss, one_hot


def by_hand(probs: list[list[float]], labels: list[int], epsilon: float) -> tuple[float, float]:
    """BCE and DL of pixels given as their class probabilities, written out term by term."""
    entropy, overlap, drawn, found, count = 0.0, 0.0, 0.0, 0.0, 0
    for pixel, label in zip(probs, labels, strict=True):
        for index, p in enumerate(pixel):
            y = 1.0 if index == label else 0.0
            entropy -= y * math.log(p) + (1 - y) * math.log(1 - p)
            overlap, drawn, found, count = overlap + y * p, drawn + y, found + p, count + 1
    return entropy / count, 1 - (2 * overlap + epsilon) / (drawn + found + epsilon)


# --- slow restatements of whole batches: one pixel and one class at a time --------------------------------------------
def slow_probs(logits: Tensor) -> list[list[list[float]]]:
    """The softmax of logits [batch, class, ...] in double precision, p[b][c][i], pixels in one line."""
    scores = logits.double().flatten(2).tolist()
    probs = []
    for image in scores:
        sums = [sum(math.exp(row[i]) for row in image) for i in range(len(image[0]))]
        probs.append([[math.exp(row[i]) / sums[i] for i in range(len(row))] for row in image])
    return probs


def slow_entropy(p: list[list[list[float]]], labels: list[list[int]]) -> float:
    """Equation 6."""
    total, count = 0.0, 0
    for b in range(len(p)):
        for c in range(len(p[b])):
            for i in range(len(p[b][c])):
                total -= math.log(p[b][c][i] if labels[b][i] == c else 1 - p[b][c][i])
                count += 1
    return total / count


def slow_dice(p: list[list[list[float]]], labels: list[list[int]], epsilon: float, over: DiceOver) -> float:
    """Equation 7 of all classes' sums together, or of each structure's and then their mean."""
    n_classes = len(p[0])
    together = [range(n_classes)] if over == "everything" else [[c] for c in range(1, n_classes)]
    losses = []
    for classes in together:
        overlap, sizes = 0.0, 0.0
        for b in range(len(p)):
            for c in classes:
                for i in range(len(p[b][c])):
                    y = 1.0 if labels[b][i] == c else 0.0
                    overlap += y * p[b][c][i]
                    sizes += y + p[b][c][i]
        losses.append(1 - (2 * overlap + epsilon) / (sizes + epsilon))
    return sum(losses) / len(losses)


# --- the specification ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("over", ["everything", "classes"])
@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4)], ids=str)
def test_the_loss_of_a_batch_of_several_classes_agrees_with_its_slow_restatement(
    shape: tuple[int, ...], over: DiceOver
) -> None:
    generator = torch.Generator().manual_seed(5)
    logits = 2 * torch.randn(2, 5, *shape, generator=generator)
    labels = torch.randint(0, 4, (2, *shape), generator=generator)  # of the five classes the last is nowhere drawn
    total, bce, dice = bce_dice(logits, labels, 0.3, 0.6, 1.5, over)
    probs, drawn = slow_probs(logits), labels.flatten(1).tolist()
    entropy, overlap = slow_entropy(probs, drawn), slow_dice(probs, drawn, 1.5, over)
    assert bce.item() == pytest.approx(entropy, rel=1e-5)
    assert dice.item() == pytest.approx(overlap, rel=1e-5)
    assert total.item() == pytest.approx(0.3 * entropy + 0.6 * overlap, rel=1e-5)


@pytest.mark.parametrize(("over", "dice"), [("everything", 0.3), ("classes", 3 / 11)])
def test_two_images_of_one_pixel_and_two_classes_by_hand(over: DiceOver, dice: float) -> None:
    probs = torch.tensor([[0.75, 0.25], [0.5, 0.5]])  # [image, class]; the first is background, the second is not
    total, bce, found = bce_dice(probs.log()[..., None], torch.tensor([[0], [1]]), 1.0, 2.0, 1.0, over)
    # everything: 1 - (2 * (0.75 + 0.5) + 1) / (2 + 2 + 1); the structure alone: 1 - (2 * 0.5 + 1) / (1 + 0.75 + 1)
    assert found.item() == pytest.approx(dice)
    assert bce.item() == pytest.approx(-(2 * math.log(0.75) + 2 * math.log(0.5)) / 4)
    assert total.item() == pytest.approx(bce.item() + 2 * dice)


def test_the_loss_equals_equations_6_to_8_written_out() -> None:
    probs = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5], [0.05, 0.9, 0.05]]
    labels = [0, 1, 1, 2]
    logits = torch.tensor(probs).log().T.reshape(1, 3, 2, 2)
    total, bce, dice = bce_dice(logits, torch.tensor(labels).reshape(1, 2, 2), 0.3, 0.6, 0.01)
    expected_bce, expected_dice = by_hand(probs, labels, 0.01)
    assert bce.item() == pytest.approx(expected_bce, rel=1e-5)
    assert dice.item() == pytest.approx(expected_dice, rel=1e-5)
    assert total.item() == pytest.approx(0.3 * expected_bce + 0.6 * expected_dice, rel=1e-5)


def test_equal_class_probabilities_give_the_known_value() -> None:
    target = one_hot(torch.zeros(1, 1, 1, dtype=torch.long), 2)
    assert binary_cross_entropy(torch.zeros(1, 2, 1, 1), target).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_network_that_is_sure_and_wrong_gets_a_finite_loss_and_a_gradient(dtype: torch.dtype) -> None:
    logits = torch.tensor([200.0, 0.0, -200.0], dtype=dtype).reshape(1, 3, 1, 1).requires_grad_()
    total, bce, _ = bce_dice(logits, torch.full((1, 1, 1), 2))
    total.backward()
    # -log p_2 = 400, -log(1 - p_0) = 200, -log(1 - p_1) = 0
    assert bce.item() == pytest.approx(200.0)
    assert logits.grad is not None and bool(logits.grad.isfinite().all()) and logits.grad.abs().sum() > 0


def test_a_network_that_is_sure_and_right_gets_no_loss() -> None:
    logits = torch.tensor([200.0, 0.0]).reshape(1, 2, 1, 1)
    total, _, _ = bce_dice(logits, torch.zeros(1, 1, 1, dtype=torch.long))
    assert total.item() == pytest.approx(0.0, abs=1e-6)


def test_gradients_agree_with_those_of_the_plain_formula() -> None:
    torch.manual_seed(1)
    logits = torch.randn(2, 4, 3, 3, dtype=torch.float32)
    target = one_hot(torch.randint(0, 4, (2, 3, 3)), 4)
    ours, plain = logits.clone().requires_grad_(), logits.double().requires_grad_()
    binary_cross_entropy(ours, target).backward()
    probs = plain.softmax(1)
    (-torch.where(target, probs.log(), (1 - probs).log()).mean()).backward()
    assert ours.grad is not None and plain.grad is not None
    torch.testing.assert_close(ours.grad.double(), plain.grad, rtol=1e-4, atol=1e-7)


def test_the_loss_is_computed_in_float32_under_autocast() -> None:
    logits = torch.randn(1, 3, 4, 4)
    labels = torch.randint(0, 3, (1, 4, 4))
    with torch.autocast("cpu", torch.bfloat16):
        inside = bce_dice(logits, labels)[0]
    assert inside.dtype == torch.float32
    assert inside.item() == bce_dice(logits, labels)[0].item()


def test_dice_per_class_leaves_the_background_out_and_weighs_structures_equally() -> None:
    probs = torch.tensor([[[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 0.0]], [[0.0, 0.0, 0.0, 1.0]]])
    target = one_hot(torch.tensor([[0, 0, 1, 1]]), 3)  # structure 1: one of two pixels found; structure 2: one too many
    loss = dice_loss(probs.movedim(0, 1).reshape(1, 3, 4), target.reshape(1, 3, 4), 0.0, "classes")
    assert loss.item() == pytest.approx(1 - (2 * 1 / 3 + 0) / 2)


def test_an_absent_structure_that_is_not_found_costs_nothing_per_class() -> None:
    probs = torch.tensor([1.0, 0.0]).reshape(1, 2, 1)
    assert dice_loss(probs, one_hot(torch.zeros(1, 1, dtype=torch.long), 2), 1e-6, "classes").item() == 0.0
