"""Soft Dice plus cross-entropy: the customary pair for cardiac masks (nnU-Net's choice), computed in float32."""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor


def soft_dice_loss(probs: Tensor, labels: Tensor, smooth: float = 1.0) -> Tensor:
    """1 - the mean soft Dice of the foreground classes, each over the whole batch.

    Over the batch, because a slice beyond the apex has no cavity: alone its Dice would be undefined.

    Args:
        probs: [batch, class, ...], class 0 the background.
        labels: int64 [batch, ...].
        smooth: added above and below.
    """
    reference = nnf.one_hot(labels, probs.shape[1]).movedim(-1, 1).to(probs.dtype)
    axes = (0, *range(2, probs.dim()))
    overlap = (probs * reference).sum(axes)
    total = probs.sum(axes) + reference.sum(axes)
    dice = (2 * overlap + smooth) / (total + smooth)
    return 1 - dice[1:].mean()


def dice_ce_loss(logits: Tensor, labels: Tensor, smooth: float = 1.0) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of both and its two terms; logits [batch, class, ...], labels int64 [batch, ...]; `smooth` is the Dice's."""
    logits = logits.float()
    dice = soft_dice_loss(torch.softmax(logits, 1), labels, smooth)
    entropy = nnf.cross_entropy(logits, labels)
    return dice + entropy, {"dice": dice, "cross_entropy": entropy}
