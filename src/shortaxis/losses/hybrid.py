"""Categorical cross-entropy, structural similarity and Dice in one sum: pixel, patch and map level.

Z. Zhao, E. Puybureau, N. Boutry, T. Geraud, "FOANet: A Focus of Attention Network with Application to Myocardium
Segmentation", ICPR 2020, section II-D, equations 1 to 4. Everything is computed in float32 from logits.

What was made of the printed equations:
- Eq. 1 has the same symbol for the reference and the prediction; inside the logarithm stands the prediction.
- Eq. 2 is written for one map; here it is taken of each class and image, and the mean of them is the term. Mean,
  deviation and covariance are over the whole map, as printed; windows, as SSIM is customarily computed, are an option.
- Eq. 3 sums over n = 1 ... N_i, which can only be pixels; eq. 4 divides the classes' sum by N_i + epsilon, "the numbers
  of class i". Divided by pixels the term would always be 1. So the divisor is read as the number of classes, and
  without epsilon: the loss is 1 - the mean Dice, and 0 for a perfect answer. The sums run over the batch, whose size
  is 1 in the paper.
"""

from __future__ import annotations

from typing import Literal, Self

import torch
import torch.nn.functional as nnf
from pydantic import NonNegativeFloat, PositiveInt, model_validator
from torch import Tensor

from shortaxis.core.recipe import Settings

C1, C2 = 0.01**2, 0.03**2  # eq. 2

CceReduction = Literal["sum", "mean"]
CountedClasses = Literal["all", "structures"]


class HybridLossConfig(Settings):
    """Weights and readings of the three terms. A term of weight 0 is not computed."""

    cce: NonNegativeFloat = 1.0  # section II-D: the plain sum
    ssim: NonNegativeFloat = 1.0
    dice: NonNegativeFloat = 1.0
    cce_reduction: CceReduction = "sum"  # eq. 1: summed over pixels, which outweighs the other terms; mean: balanced
    ssim_window_px: PositiveInt | None = None  # eq. 2 has no window: the whole map
    smooth: NonNegativeFloat = 1.0  # epsilon of eq. 3; unstated; ours
    counted: CountedClasses = "all"  # III-D counts the background among the classes

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.cce == self.ssim == self.dice == 0:
            raise ValueError("one of the weights cce, ssim and dice must be above 0")
        return self


def hybrid_loss(logits: Tensor, labels: Tensor, config: HybridLossConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum and its unweighted terms.

    Args:
        logits: [batch, class, row, col], class 0 the background.
        labels: int64 [batch, row, col].
        config: weights and readings.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logits = logits.float()
        probs = torch.softmax(logits, 1)
        reference = nnf.one_hot(labels, logits.shape[1]).movedim(-1, 1).to(probs.dtype)
        if config.counted == "structures":
            probs, reference = probs[:, 1:], reference[:, 1:]
        terms: dict[str, Tensor] = {}
        if config.cce:
            terms["cce"] = cce_loss(logits, labels, config.cce_reduction)
        if config.ssim:
            terms["ssim"] = ssim_loss(probs, reference, config.ssim_window_px)
        if config.dice:
            terms["dice"] = mean_dice_loss(probs, reference, config.smooth)
        weights = {"cce": config.cce, "ssim": config.ssim, "dice": config.dice}
        total = sum((weights[name] * term for name, term in terms.items()), logits.new_zeros(()))
    return total, terms


def cce_loss(logits: Tensor, labels: Tensor, reduction: CceReduction) -> Tensor:
    """Equation 1: -sum(y ln p) over classes and pixels, the mean over the batch; `mean` divides by the pixels too."""
    if reduction == "mean":
        return nnf.cross_entropy(logits, labels)
    return nnf.cross_entropy(logits, labels, reduction="sum") / len(logits)


def ssim_loss(probs: Tensor, reference: Tensor, window_px: int | None = None) -> Tensor:
    """Equation 2 of every map of `probs` and `reference` [batch, class, row, col], averaged over maps.

    With `window_px` the moments are those of every square window of that side that fits, and the mean is over windows.
    """

    def mean(maps: Tensor) -> Tensor:
        if window_px is None:
            return maps.mean((2, 3), keepdim=True)
        return nnf.avg_pool2d(maps, min(window_px, *maps.shape[2:]), stride=1)

    mu_s, mu_g = mean(probs), mean(reference)
    # E[x^2] - E[x]^2 loses nothing that matters here: probabilities are at most 1 and C2 is 9e-4. Rounding may make a
    # variance a hair negative.
    var_s = (mean(probs * probs) - mu_s * mu_s).clamp_min(0)
    var_g = (mean(reference * reference) - mu_g * mu_g).clamp_min(0)
    covariance = mean(probs * reference) - mu_s * mu_g
    alike = (2 * mu_s * mu_g + C1) * (2 * covariance + C2)
    return 1 - (alike / ((mu_s * mu_s + mu_g * mu_g + C1) * (var_s + var_g + C2))).mean()


def mean_dice_loss(probs: Tensor, reference: Tensor, smooth: float) -> Tensor:
    """Equations 3 and 4: 1 - the mean over classes of (epsilon + 2 sum(y p)) / (epsilon + sum(y + p))."""
    axes = (0, 2, 3)
    overlap = (probs * reference).sum(axes)
    total = probs.sum(axes) + reference.sum(axes)
    return 1 - ((smooth + 2 * overlap) / (smooth + total)).mean()
