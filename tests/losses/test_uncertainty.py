"""The uncertainty loss: equations 1 to 4 against slow restatements and against sums done by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from shortaxis.losses.dice_ce import dice_ce_loss
from shortaxis.losses.uncertainty import (
    Outputs,
    class_samples,
    image_uncertainty,
    mean_and_variance,
    normalised,
    segmentation_loss,
)


def random_logits(n: int = 3, batch: int = 2, classes: int = 3) -> Tensor:
    return torch.randn(n, batch, classes, 2, 3, 4, generator=torch.Generator().manual_seed(7))


def random_labels(batch: int = 2, classes: int = 3) -> Tensor:
    return torch.randint(0, classes, (batch, 2, 3, 4), generator=torch.Generator().manual_seed(8))


def everything(labels: Tensor) -> Tensor:
    return torch.ones_like(labels, dtype=torch.bool)


# --- slow restatements: one voxel and one class at a time -------------------------------------------------------------
def slow_samples(logits: Tensor, outputs: Outputs) -> list[list[list[list[float]]]]:
    """y[n][b][c][i] of equation 1, voxels in one line."""
    flat = logits.flatten(3).double()
    drawn = []
    for n in range(flat.shape[0]):
        drawn.append([])
        for b in range(flat.shape[1]):
            scores = flat[n, b].tolist()
            maps = [[0.0] * len(scores[0]) for _ in scores]
            for i in range(len(scores[0])):
                for c in range(len(scores)):
                    if outputs == "sigmoid":
                        maps[c][i] = 1 / (1 + math.exp(-scores[c][i]))
                    else:
                        maps[c][i] = math.exp(scores[c][i]) / sum(math.exp(row[i]) for row in scores)
            drawn[n].append(maps)
    return drawn


def slow_uncertainty(logits: Tensor, counted: Tensor, outputs: Outputs) -> float:
    """Equation 4 of equation 2 of equation 1, over class maps and the pixels that count."""
    y, total, pixels = slow_samples(logits, outputs), 0.0, 0
    n_samples, n_batch, n_classes = len(y), len(y[0]), len(y[0][0])
    for b in range(n_batch):
        for i, counts in enumerate(counted[b].flatten().tolist()):
            if not counts:
                continue
            pixels += 1
            for c in range(n_classes):
                mu = sum(y[n][b][c][i] for n in range(n_samples)) / n_samples
                total += sum((y[n][b][c][i] - mu) ** 2 for n in range(n_samples)) / n_samples / n_classes
    return total / pixels


def slow_segmentation(logits: Tensor, labels: Tensor, counted: Tensor, outputs: Outputs) -> tuple[float, float]:
    y = slow_samples(logits, outputs)
    n_samples, n_batch, n_classes = len(y), len(y[0]), len(y[0][0])
    overlap, size, entropy, pixels = [0.0] * n_classes, [0.0] * n_classes, 0.0, 0
    for b in range(n_batch):
        truth, counts = labels[b].flatten().tolist(), counted[b].flatten().tolist()
        for i in range(len(truth)):
            if not counts[i]:
                continue
            pixels += 1
            for c in range(n_classes):
                mu = sum(y[n][b][c][i] for n in range(n_samples)) / n_samples
                is_it = truth[i] == c
                overlap[c] += mu * is_it
                size[c] += mu + is_it
                if outputs == "sigmoid":
                    entropy -= math.log(mu if is_it else 1 - mu) / n_classes
                elif is_it:
                    entropy -= math.log(mu)
    dice = [(2 * overlap[c] + 1) / (size[c] + 1) for c in range(1, n_classes)]
    return 1 - sum(dice) / len(dice), entropy / pixels


# --- the specification ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("outputs", ["sigmoid", "softmax"])
def test_every_equation_agrees_with_its_slow_restatement(outputs: Outputs) -> None:
    logits, labels = random_logits(), random_labels()
    counted = everything(labels)
    counted[1, 0] = False  # a slice nobody drew
    _, variance = mean_and_variance(class_samples(logits, outputs))
    assert float(image_uncertainty(variance, counted)) == pytest.approx(slow_uncertainty(logits, counted, outputs))
    dice, entropy = segmentation_loss(logits, labels, counted, outputs)
    assert (float(dice), float(entropy)) == pytest.approx(slow_segmentation(logits, labels, counted, outputs), rel=1e-5)


def test_mean_and_variance_of_four_samples_by_hand() -> None:
    mean, variance = mean_and_variance(torch.tensor([[0.2], [0.4], [0.4], [1.0]]))
    assert float(mean) == pytest.approx(0.5)
    assert float(variance) == pytest.approx((0.09 + 0.01 + 0.01 + 0.25) / 4)  # divided by N, not by N - 1


def test_samples_that_agree_have_no_uncertainty_and_one_sample_has_none_to_speak_of() -> None:
    same = random_logits(n=1).expand(4, -1, -1, -1, -1, -1)
    for logits in (same, random_logits(n=1)):
        _, variance = mean_and_variance(class_samples(logits, "sigmoid"))
        assert float(variance.abs().max()) < 1e-12


def test_the_image_uncertainty_of_two_pixels_and_two_classes_by_hand() -> None:
    variance = torch.tensor([[[0.10, 0.00], [0.30, 0.04]]])  # [batch, class, pixel]
    assert float(image_uncertainty(variance, torch.tensor([[True, True]]))) == pytest.approx((0.2 + 0.02) / 2)
    assert float(image_uncertainty(variance, torch.tensor([[True, False]]))) == pytest.approx(0.2)


def test_equation_3_of_two_sigmoid_samples_two_classes_and_two_pixels_by_hand() -> None:
    samples = torch.tensor(  # [sample, class, pixel]; nobody drew the third pixel
        [[[0.9, 0.05, 0.99], [0.2, 0.7, 0.99]], [[0.5, 0.15, 0.99], [0.6, 0.9, 0.99]]]
    )
    labels, counted = torch.tensor([[0, 1, 1]]), torch.tensor([[True, True, False]])
    dice, entropy = segmentation_loss(torch.logit(samples).unsqueeze(1), labels, counted, "sigmoid")
    # The samples' means are 0.7 and 0.1 of the background, 0.4 and 0.8 of the structure, which is the second pixel.
    assert float(dice) == pytest.approx(1 - (2 * 0.8 + 1) / (0.4 + 0.8 + 1 + 1))  # the structure's alone, smoothed by 1
    yes_or_no = math.log(0.7) + math.log(1 - 0.4) + math.log(1 - 0.1) + math.log(0.8)
    assert float(entropy) == pytest.approx(-yes_or_no / 4)  # of two class maps at two pixels


def test_one_softmax_sample_is_plain_dice_and_cross_entropy() -> None:
    logits, labels = random_logits(n=1), random_labels()
    dice, entropy = segmentation_loss(logits, labels, everything(labels), "softmax")
    _, plain = dice_ce_loss(logits[0], labels)
    torch.testing.assert_close(dice, plain["dice"])
    torch.testing.assert_close(entropy, plain["cross_entropy"])


@pytest.mark.parametrize("outputs", ["sigmoid", "softmax"])
def test_a_network_sure_and_wrong_has_a_finite_loss_and_a_gradient(outputs: Outputs) -> None:
    logits = torch.full((2, 1, 2, 1, 1, 1), 300.0)
    logits[:, :, 1] = -300.0
    logits.requires_grad_()
    _, entropy = segmentation_loss(logits, torch.ones(1, 1, 1, 1).long(), torch.ones(1, 1, 1, 1).bool(), outputs)
    entropy.backward()
    assert math.isfinite(float(entropy)) and float(entropy) > 250
    assert logits.grad is not None and bool((logits.grad.abs() > 1e-3).any())


@pytest.mark.parametrize("outputs", ["sigmoid", "softmax"])
def test_what_nobody_drew_has_no_gradient(outputs: Outputs) -> None:
    logits, labels = random_logits().requires_grad_(), random_labels()
    counted = everything(labels)
    counted[0, 1] = False
    dice, entropy = segmentation_loss(logits, labels, counted, outputs)
    _, variance = mean_and_variance(class_samples(logits, outputs))
    (dice + entropy + image_uncertainty(variance, counted)).backward()
    assert logits.grad is not None
    assert float(logits.grad[:, 0, :, 1].abs().max()) == 0
    assert float(logits.grad[:, 0, :, 0].abs().min()) > 0


def test_normalised_means_sum_to_one_and_keep_the_likeliest_class() -> None:
    mean = class_samples(random_logits(), "sigmoid").mean(0)
    probs = normalised(mean)
    torch.testing.assert_close(probs.sum(1), torch.ones_like(probs[:, 0]))
    assert torch.equal(probs.argmax(1), mean.argmax(1))
