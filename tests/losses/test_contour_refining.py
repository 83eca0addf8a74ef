"""The three losses of section II-D against loops and numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from shortaxis.losses.contour_refining import (
    balanced_cross_entropy,
    combined_loss,
    distance_derived,
    distance_weights,
    generalised_dice,
    log_probabilities,
)

SHAPE = (2, 2, 3, 4)  # batch, slice, row, col


def random_case(structures: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    logits = torch.randn(2, structures, *SHAPE[1:]) * 2
    labels = torch.randint(0, structures + 1, SHAPE)
    return logits, labels, (torch.rand(SHAPE) < 0.8).long(), torch.rand(2, structures, *SHAPE[1:])


def loop_terms(
    logits: Tensor, labels: Tensor, drawn: Tensor, weights: Tensor, balanced: bool
) -> tuple[float, float, float]:
    """GDL, BCE and DDL voxel by voxel in double precision."""
    structures = logits.shape[1]
    places = [place for place in np.ndindex(*SHAPE) if drawn[place]]
    probs, entropies, distances = {}, [], []
    for place in places:
        b, *voxel = place
        exps = [1.0, *(math.exp(float(logits[(b, c, *voxel)])) for c in range(structures))]
        probs[place] = [e / sum(exps) for e in exps]
    above = below = 0.0
    for c in range(structures + 1):
        volume = sum(labels[place] == c for place in places)
        w = 1 / max(int(volume), 1) ** 2
        above += w * sum(probs[place][c] for place in places if labels[place] == c)
        below += w * sum(probs[place][c] + float(labels[place] == c) for place in places)
    for c in range(1, structures + 1):
        inside = [place for place in places if labels[place] == c]
        beta = 1 - len(inside) / len(places)
        yes, no = (beta, 1 - beta) if balanced else (1.0, 1.0)
        total = sum(-yes * math.log(probs[p][c]) if labels[p] == c else -no * math.log(1 - probs[p][c]) for p in places)
        entropies.append(total / len(places))
        error = sum(float(weights[(p[0], c - 1, *p[1:])]) * abs(probs[p][c] - float(labels[p] == c)) for p in places)
        distances.append(error / max(len(inside), 1))
    return 1 - 2 * above / below, sum(entropies) / structures, sum(distances) / structures


@pytest.mark.parametrize("structures", [1, 3])
@pytest.mark.parametrize("balance", ["classes", "none"])
def test_all_three_are_what_loops_over_voxels_give(structures: int, balance: str) -> None:
    for seed in range(3):
        logits, labels, drawn, weights = random_case(structures, seed)
        total, terms = combined_loss(logits, labels, drawn, weights, (1.0, 2.0, 3.0), balance)  # type: ignore[arg-type]
        dice, entropy, distance = loop_terms(logits, labels, drawn, weights, balance == "classes")
        assert float(terms["generalised_dice"]) == pytest.approx(dice, abs=1e-5)
        assert float(terms["cross_entropy"]) == pytest.approx(entropy, rel=1e-5)
        assert float(terms["distance"]) == pytest.approx(distance, rel=1e-5)
        assert float(total) == pytest.approx(dice + 2 * entropy + 3 * distance, rel=1e-5)


def test_without_weights_the_distance_term_is_left_out() -> None:
    logits, labels, drawn, _ = random_case(1, 0)
    total, terms = combined_loss(logits, labels, drawn, None)
    assert set(terms) == {"generalised_dice", "cross_entropy"}
    assert float(total) == pytest.approx(sum(float(term) for term in terms.values()), rel=1e-6)


def test_one_structures_probability_is_the_sigmoid_of_its_logit() -> None:
    logits = torch.tensor([-30.0, -1.0, 0.0, 2.0]).reshape(1, 1, 4)
    torch.testing.assert_close(log_probabilities(logits).exp()[:, 1:], torch.sigmoid(logits))


def test_structures_and_background_sum_to_one() -> None:
    torch.testing.assert_close(log_probabilities(torch.randn(2, 3, 5)).exp().sum(1), torch.ones(2, 5))


def test_generalised_dice_by_hand() -> None:
    """Two of eight voxels are myocardium, found with 0.5 each: w = 1/4 and 1/36."""
    target = torch.zeros(1, 2, 8, dtype=torch.bool)
    target[0, 1, :2] = True
    target[0, 0] = ~target[0, 1]
    probs = torch.where(torch.arange(8) < 2, 0.5, 0.0).reshape(1, 1, 8)
    both = torch.cat([1 - probs, probs], 1)
    expected = 1 - 2 * (1 / 4 * 1 + 1 / 36 * 6) / (1 / 4 * (2 + 1) + 1 / 36 * (6 + 7))
    drawn = torch.ones(1, 1, 8, dtype=torch.bool)
    assert float(generalised_dice(both, target, drawn)) == pytest.approx(expected)
    assert float(generalised_dice(target.float(), target, drawn)) == pytest.approx(0)


def test_balanced_cross_entropy_by_hand() -> None:
    """One voxel of four inside, every probability a half: (3/4 + 3 * 1/4) ln 2 / 4."""
    target = torch.tensor([[[False, True, True, True], [True, False, False, False]]])
    loss = balanced_cross_entropy(torch.full((1, 2, 4), 0.5).log(), target, torch.ones(1, 1, 4, dtype=torch.bool))
    assert float(loss) == pytest.approx((0.75 + 3 * 0.25) * math.log(2) / 4)


def test_the_distance_derived_loss_by_hand() -> None:
    """A reference of one voxel: a missed voxel weighs 1, a false one two away 1/3."""
    weights = torch.tensor([1.0, 0.5, 1 / 3]).reshape(1, 1, 3)
    target = torch.tensor([True, False, False]).reshape(1, 1, 3)
    probs = torch.tensor([0.0, 0.0, 1.0]).reshape(1, 1, 3)
    drawn = torch.ones_like(target)
    assert float(distance_derived(probs, target, weights, drawn)) == pytest.approx(1 + 1 / 3)


def test_the_weight_is_one_inside_and_falls_with_distance_outside() -> None:
    mask = np.zeros((1, 1, 5), bool)
    mask[0, 0, :2] = True
    np.testing.assert_allclose(distance_weights(mask, (1, 1, 1))[0, 0], [1, 1, 1 / 2, 1 / 3, 1 / 4])


@pytest.mark.parametrize("sampling", [(6.7, 1.0, 1.0), (1.0, 1.0)])
def test_the_weight_map_is_what_a_search_over_all_voxels_gives(sampling: tuple[float, ...]) -> None:
    mask = np.random.default_rng(1).random((3, 6, 5)) < 0.1
    mask[1] = False
    expected = np.zeros(mask.shape)
    apart = (*[math.inf] * (3 - len(sampling)), *sampling)
    for place in np.ndindex(mask.shape):
        away = math.inf
        for other in np.argwhere(mask):
            steps = [abs(int(a) - b) for a, b in zip(other, place, strict=True)]
            away = min(away, math.sqrt(sum((n * d) ** 2 for n, d in zip(steps, apart, strict=True) if n)))
        expected[place] = 1 / (away + 1)
    np.testing.assert_allclose(distance_weights(mask, sampling), expected, rtol=1e-6)


def test_nothing_is_near_a_structure_that_is_not_there() -> None:
    assert not distance_weights(np.zeros((2, 4, 4), bool), (1, 1, 1)).any()


def test_voxels_nobody_drew_have_no_gradient_and_confident_errors_a_finite_one() -> None:
    logits, labels, drawn, weights = random_case(3, 5)
    logits = (logits * 200).requires_grad_()
    total, _ = combined_loss(logits, labels, drawn, weights)
    total.backward()
    assert logits.grad is not None and torch.isfinite(logits.grad).all() and torch.isfinite(total)
    assert (logits.grad * (drawn[:, None] == 0)).abs().max() == 0


def test_a_structure_absent_from_the_batch_costs_nothing_where_it_is_not_claimed() -> None:
    labels = torch.zeros(1, 2, 3, 3, dtype=torch.long)
    logits = torch.full((1, 1, 2, 3, 3), -40.0)
    total, _ = combined_loss(logits, labels, torch.ones_like(labels), torch.zeros_like(logits))
    assert float(total) == pytest.approx(0, abs=1e-5)
