"""Structures by a sigmoid each: their Dice loss, and what their sigmoids say of a pixel together.

R. Mukisa, A. K. Bansal, "DADU", 2024: section 4 ends in a sigmoid for every structure, section 5.3 trains on equation 12.
Everything is computed in float32 whatever the network ran in.
"""

from __future__ import annotations

import torch
from torch import Tensor


def dsc_loss(logits: Tensor, labels: Tensor, smooth: float) -> Tensor:
    """1 - equation 12 of sigmoid outputs, each structure's sums over the batch, the mean of the structures.

    Args:
        logits: [B, structure, H, W].
        labels: int64 [B, H, W], 0 the background.
        smooth: added above and below.
    """
    probs = torch.sigmoid(logits.float())
    numbers = torch.arange(1, logits.shape[1] + 1, device=labels.device)[:, None, None]
    reference = labels[:, None] == numbers  # [B, structure, H, W]
    overlap = (probs * reference).sum((0, 2, 3))
    return 1 - ((2 * overlap + smooth) / (probs.sum((0, 2, 3)) + reference.sum((0, 2, 3)) + smooth)).mean()


def structure_probs(logits: Tensor) -> Tensor:
    """Independent structures, given that no pixel holds two: [B, structure, H, W] -> [B, 1 + structure, H, W].

    With the odds o = p / (1 - p) = exp(logit), the background is 1 / (1 + sum o) and a structure o / (1 + sum o): a
    softmax beside a background of logit 0. The background is likeliest exactly where no sigmoid exceeds one half.
    """
    return torch.softmax(torch.cat([torch.zeros_like(logits[:, :1]), logits], 1).float(), 1)
