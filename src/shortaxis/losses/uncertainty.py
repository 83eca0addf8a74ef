"""Dice, cross-entropy and uncertainty of Monte-Carlo samples: equations 1 to 4 of Arega, Bricq and Meriaudeau 2021.

Everything is computed in float32. The samples' mean is the prediction; its logarithm is taken in log space, so that a
sample that is sure and wrong has a finite loss and a gradient.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from shortaxis.losses.dice_ce import soft_dice_loss

Outputs = Literal["sigmoid", "softmax"]


def mean_and_variance(samples: Tensor) -> tuple[Tensor, Tensor]:
    """Equations 1 and 2: mean and variance (divided by N) of samples [N, ...] over N."""
    mean = samples.mean(0)
    return mean, (samples - mean).square().mean(0)


def class_samples(logits: Tensor, outputs: Outputs) -> Tensor:
    """The predictions y of equation 1, of logits [N, batch, class, ...]: float32, each between 0 and 1."""
    return torch.sigmoid(logits.float()) if outputs == "sigmoid" else torch.softmax(logits.float(), dim=2)


def normalised(mean: Tensor) -> Tensor:
    """Class means [batch, class, ...] as probabilities that sum to 1; the likeliest class stays the same."""
    return mean / mean.sum(1, keepdim=True).clamp_min(1e-12)


def segmentation_loss(logits: Tensor, labels: Tensor, counted: Tensor, outputs: Outputs) -> tuple[Tensor, Tensor]:
    """Equation 3's two parts, the Dice loss and the cross-entropy of the samples' mean.

    Args:
        logits: [N, batch, class, ...], class 0 the background.
        labels: int64 [batch, ...].
        counted: bool [batch, ...]; elsewhere nobody drew, and nothing is asked of the network.
        outputs: sigmoid, where every class map is a yes or no of its own and the cross-entropy is the mean of the binary
            ones over class maps; or softmax.
    """
    logits = logits.float()
    one_hot = F.one_hot(labels, logits.shape[2]).movedim(-1, 1).bool()  # [batch, class, ...]
    mean = class_samples(logits, outputs).mean(0)
    dice = soft_dice_loss(mean * counted.unsqueeze(1), labels.masked_fill(~counted, 0))
    if outputs == "softmax":
        entropy = -_log_mean(torch.log_softmax(logits, dim=2).masked_fill(~one_hot, 0).sum(2))
    else:
        log_yes, log_no = _log_mean(F.logsigmoid(logits)), _log_mean(F.logsigmoid(-logits))
        entropy = -torch.where(one_hot, log_yes, log_no).mean(1)
    return dice, _mean_over(entropy, counted)


def image_uncertainty(variance: Tensor, counted: Tensor) -> Tensor:
    """Equation 4: the mean of the variance [batch, class, ...] over class maps and the pixels `counted` [batch, ...]."""
    return _mean_over(variance.mean(1), counted)


def _log_mean(logarithms: Tensor) -> Tensor:
    """log(mean(exp(x))) over the first axis."""
    return torch.logsumexp(logarithms, dim=0) - math.log(len(logarithms))


def _mean_over(values: Tensor, counted: Tensor) -> Tensor:
    return values.masked_fill(~counted, 0).sum() / counted.sum().clamp_min(1)
