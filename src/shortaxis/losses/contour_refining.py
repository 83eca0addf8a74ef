"""Generalised Dice, balanced cross-entropy and the distance-derived loss: three losses for a small, thin structure.

Huang et al. 2021 (3D Attention M-net), section II-D, for one structure or several. Everything is computed in float32
whatever the network ran in, and the cross-entropy in log space. All sums run over the batch; voxels where `drawn` is
false (nobody looked there, or there is no image) enter none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

Balance = Literal["classes", "none"]


def distance_weights(mask: NDArray[np.bool_], sampling: Sequence[float]) -> NDArray[np.float32]:
    """W of eq. 1: 1 / (distance to the nearest voxel of `mask` + 1); 1 inside, 0 everywhere for an empty mask.

    Args:
        mask: [..., slice, row, col]; the last `len(sampling)` axes are one picture in which distance is measured.
        sampling: distance of neighbouring voxels along these axes, in pixels. Three: in the volume, with the voxel's
            shape. Two: slice by slice, as the paper's formula is written.
    """
    weights = np.zeros(mask.shape, np.float32)
    for index in np.ndindex(mask.shape[: mask.ndim - len(sampling)]):
        if mask[index].any():
            away = np.asarray(ndimage.distance_transform_edt(~mask[index], sampling))
            weights[index] = 1 / (away + 1)
    return weights


def log_probabilities(logits: Tensor) -> Tensor:
    """[B, structure, ...] -> log probabilities [B, 1 + structure, ...], the background first, its logit held at 0.

    For one structure this is the sigmoid of its logit; for several their probabilities never sum to more than 1.
    """
    return torch.log_softmax(torch.cat([torch.zeros_like(logits[:, :1]), logits], dim=1), dim=1)


def generalised_dice(probs: Tensor, target: Tensor, drawn: Tensor) -> Tensor:
    """Sudre et al. 2017: 1 - 2 sum_l w_l sum(r p) / sum_l w_l sum(r + p), w_l = 1 / (sum r)^2, l over all classes.

    Args:
        probs: [B, class, ...], background among them.
        target: booleans of that shape.
        drawn: booleans [B, 1, ...].
    """
    dims = [0, *range(2, probs.ndim)]
    probs, target = probs * drawn, target & drawn
    volume = target.sum(dims).float()  # [class]
    weight = volume.clamp_min(1).square().reciprocal()  # a class that is absent is weighed as if it had one voxel
    overlap = (weight * (target * probs).sum(dims)).sum()
    return 1 - 2 * overlap / (weight * (volume + probs.sum(dims))).sum()


def balanced_cross_entropy(log_probs: Tensor, target: Tensor, drawn: Tensor, balance: Balance = "classes") -> Tensor:
    """Xie and Tu 2015, for each structure by itself: mean of -[beta y log p + (1 - beta) (1 - y) log(1 - p)].

    Args:
        log_probs: [B, 1 + structure, ...].
        target: booleans of that shape.
        drawn: booleans [B, 1, ...].
        balance: `classes`: beta is the share of voxels outside the structure; `none`: both sides count once.
    """
    count = drawn.sum().clamp_min(1)
    losses = []
    for structure in range(1, log_probs.shape[1]):
        others = [other for other in range(log_probs.shape[1]) if other != structure]
        log_not = torch.logsumexp(log_probs[:, others], dim=1)  # log(1 - p) as the sum of all other classes: exact
        y, known = target[:, structure] & drawn[:, 0], drawn[:, 0]
        beta = 1 - y.sum() / count
        inside, outside = (beta, 1 - beta) if balance == "classes" else (1.0, 1.0)
        entropy = inside * (y * log_probs[:, structure]).sum() + outside * ((known & ~y) * log_not).sum()
        losses.append(-entropy / count)
    return torch.stack(losses).mean()


def distance_derived(probs: Tensor, target: Tensor, weights: Tensor, drawn: Tensor) -> Tensor:
    """Equation 1, the mean over structures: sum(W |P - G|) / sum(G).

    Args:
        probs: [B, structure, ...], without the background.
        target: booleans of that shape.
        weights: W of that shape (`distance_weights`).
        drawn: booleans [B, 1, ...].
    """
    dims = [0, *range(2, probs.ndim)]
    error = (weights * (probs - target.float()).abs() * drawn).sum(dims)
    return (error / (target & drawn).sum(dims).clamp_min(1)).mean()


def combined_loss(
    logits: Tensor,
    labels: Tensor,
    drawn: Tensor,
    weights: Tensor | None,
    lambdas: tuple[float, float, float] = (1.0, 1.0, 3.0),
    balance: Balance = "classes",
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_comb = lambda_1 GDL + lambda_2 BCE + lambda_3 DDL of logits [B, structure, S, H, W], and its terms.

    Args:
        logits: the background's is 0 (`log_probabilities`).
        labels: integers [B, S, H, W], 0 the background, `i + 1` the structure of channel i.
        drawn: integers or booleans of that shape.
        weights: W [B, structure, S, H, W]; None leaves the distance-derived loss out.
        lambdas: section III-B.
        balance: of the cross-entropy.
    """
    with torch.autocast(logits.device.type, enabled=False):
        log_probs = log_probabilities(logits.float())
        probs = log_probs.exp()
        classes = torch.arange(probs.shape[1], device=labels.device).reshape(1, -1, *[1] * (labels.ndim - 1))
        target, known = labels[:, None] == classes, drawn[:, None] > 0
        terms = {
            "generalised_dice": generalised_dice(probs, target, known),
            "cross_entropy": balanced_cross_entropy(log_probs, target, known, balance),
        }
        if weights is not None:
            terms["distance"] = distance_derived(probs[:, 1:], target[:, 1:], weights, known)
        total = sum((share * term for share, term in zip(lambdas, terms.values(), strict=False)), logits.new_zeros(()))
        return total, terms
