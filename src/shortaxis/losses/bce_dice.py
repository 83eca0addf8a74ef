"""Binary cross-entropy and soft Dice over class maps: HALSR-Net's equations 6 to 8, numerically safe.

Everything is computed in float32 whatever the network ran in, and the cross-entropy in log space from logits, where
`log p` and `log(1 - p)` are both exact: a network that is sure and wrong gets a finite loss and a gradient.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

DiceOver = Literal["everything", "classes"]


def one_hot(reference: Tensor, n_classes: int) -> Tensor:
    """Integer labels [batch, ...] as booleans [batch, class, ...], class 0 the background."""
    classes = torch.arange(n_classes, device=reference.device).reshape(1, n_classes, *[1] * (reference.ndim - 1))
    return reference.unsqueeze(1) == classes


def binary_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Equation 6 for softmax outputs: the mean over pixels and classes of -[y log p + (1 - y) log(1 - p)].

    Args:
        logits: [batch, class, ...] before the softmax; at least two classes.
        target: booleans [batch, class, ...], one class true at every pixel.
    """
    log_p = torch.log_softmax(logits.float(), dim=1)
    largest = torch.zeros_like(target).scatter_(1, log_p.argmax(1, keepdim=True), True)
    # 1 - p is the sum of the other classes' p. Where p may be near 1 that sum is taken in log space; elsewhere p is at
    # most one half, and log1p is exact.
    without_largest = torch.logsumexp(log_p.masked_fill(largest, -torch.inf), dim=1, keepdim=True)
    log_not_p = torch.where(largest, without_largest, torch.log1p(-log_p.masked_fill(largest, -torch.inf).exp()))
    return -torch.where(target, log_p, log_not_p).mean()


def dice_loss(probs: Tensor, target: Tensor, epsilon: float, over: DiceOver) -> Tensor:
    """Equation 7: 1 - (2 sum(y p) + epsilon) / (sum(y) + sum(p) + epsilon).

    Args:
        probs: [batch, class, ...] summing to 1 over classes.
        target: booleans [batch, class, ...].
        epsilon: keeps an absent structure from dividing by zero.
        over: `everything` sums over the batch, all pixels and all classes with the background, as the equation is
            written; `classes` takes the sums of each structure by itself (background left out) and the mean of the
            structures' losses, so that a small structure counts as much as a large one.
    """
    probs = probs.float()
    dims = [dim for dim in range(probs.ndim) if over == "everything" or dim != 1]
    overlap = 2 * (target * probs).sum(dims) + epsilon
    loss = 1 - overlap / (target.sum(dims) + probs.sum(dims) + epsilon)
    return loss if over == "everything" else loss[1:].mean()


def bce_dice(
    logits: Tensor,
    reference: Tensor,
    alpha: float = 0.5,
    beta: float = 0.5,
    epsilon: float = 1e-6,
    over: DiceOver = "everything",
) -> tuple[Tensor, Tensor, Tensor]:
    """Equation 8: (alpha BCE + beta DL, BCE, DL) of logits [batch, class, ...] against integer labels [batch, ...]."""
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits.float()
        target = one_hot(reference, logits.shape[1])
        bce = binary_cross_entropy(logits, target)
        dice = dice_loss(torch.softmax(logits, dim=1), target, epsilon, over)
        return alpha * bce + beta * dice, bce, dice
