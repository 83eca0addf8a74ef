"""Dice plus cross-entropy, by hand and against loops over pixels."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from shortaxis.losses.dice_ce import dice_ce_loss, soft_dice_loss

# one image of 1 x 4 pixels, two structures; the third pixel is half wrong
LABELS = torch.tensor([[[0, 1, 1, 2]]])
PROBS = torch.tensor([[[[1.0, 0, 0, 0]], [[0, 1, 0.5, 0]], [[0, 0, 0.5, 1]]]])


def test_soft_dice_of_two_structures_by_hand() -> None:
    first = (2 * 1.5 + 1) / (1.5 + 2 + 1)
    second = (2 * 1.0 + 1) / (1.5 + 1 + 1)
    assert float(soft_dice_loss(PROBS, LABELS)) == pytest.approx(1 - (first + second) / 2)


def test_a_structure_absent_from_both_costs_nothing() -> None:
    labels = torch.zeros(2, 3, 3, dtype=torch.long)
    probs = torch.stack([torch.ones(2, 3, 3), torch.zeros(2, 3, 3)], 1)
    assert float(soft_dice_loss(probs, labels)) == 0


def test_dice_is_over_the_whole_batch() -> None:
    """An empty slice beside a full one is no case of its own."""
    labels = torch.cat([LABELS, torch.zeros_like(LABELS)])
    probs = torch.cat([PROBS, torch.zeros_like(PROBS)])
    probs[1, 0] = 1
    torch.testing.assert_close(soft_dice_loss(probs, labels), soft_dice_loss(PROBS, LABELS))


def test_the_total_is_the_sum_of_its_terms() -> None:
    logits = torch.zeros(1, 3, 1, 4)
    total, terms = dice_ce_loss(logits, LABELS)
    assert float(terms["cross_entropy"]) == pytest.approx(math.log(3))
    # every probability is a third: sums 4/3 each; overlaps 2/3 and 1/3
    assert float(terms["dice"]) == pytest.approx(1 - ((7 / 3) / (13 / 3) + (5 / 3) / (10 / 3)) / 2)
    assert float(total) == pytest.approx(float(terms["cross_entropy"] + terms["dice"]))


def test_both_terms_are_what_loops_over_random_pixels_give() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(2, 3, 4, 5, generator=generator)
    labels = torch.randint(0, 3, (2, 4, 5), generator=generator)
    entropy, both, sizes = 0.0, [0.0] * 3, [0.0] * 3
    for b, i, j in itertools.product(range(2), range(4), range(5)):
        odds = [math.exp(float(logits[b, c, i, j])) for c in range(3)]
        drawn = int(labels[b, i, j])
        entropy -= math.log(odds[drawn] / sum(odds)) / 40
        for c in range(3):
            p, y = odds[c] / sum(odds), float(c == drawn)
            both[c], sizes[c] = both[c] + p * y, sizes[c] + p + y
    dice = 1 - sum((2 * both[c] + 1) / (sizes[c] + 1) for c in (1, 2)) / 2
    _, terms = dice_ce_loss(logits, labels)
    assert {name: float(term) for name, term in terms.items()} == pytest.approx(
        {"dice": dice, "cross_entropy": entropy}, abs=1e-5
    )


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 2, 4, 5)])
def test_planes_and_volumes_and_half_precision_give_finite_gradients(shape: tuple[int, ...]) -> None:
    logits = (torch.randn(shape) * 50).bfloat16().requires_grad_()
    total, _ = dice_ce_loss(logits, torch.randint(0, 3, (shape[0], *shape[2:])))
    total.backward()
    assert total.dtype == torch.float32 and logits.grad is not None and torch.isfinite(logits.grad).all()


def test_the_truth_costs_almost_nothing() -> None:
    logits = torch.nn.functional.one_hot(LABELS, 3).movedim(-1, 1) * 40.0
    assert float(dice_ce_loss(logits, LABELS)[0]) < 1e-6
