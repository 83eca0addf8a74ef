"""How sure a Monte-Carlo segmentation is: by voxel, by structure, over the image.

A structure's agreement is told by Dice, after Roy et al. 2018 (MICCAI) between pairs of samples, and after Arega et al.
2021 (eq. 6) between the mean prediction and each sample. High agreement is low uncertainty. Undefined is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.measure.overlap import Mask, dice
from shortaxis.measure.ventricles import Entry
from shortaxis.measure.volumes import SHORT

NOT_FOUND = "the structure is in no sample"
NOT_PREDICTED = "the structure is not in the prediction"
ONE_SAMPLE = "a pair needs two samples in which the structure is"


def image_uncertainty(variance: NDArray[np.floating]) -> float:
    """Equation 4: the mean of the voxel variance [slice, row, col] over all voxels of the image.

    It falls with the share of the image that is background: compare it between images of one size only.
    """
    return float(variance.mean(dtype=np.float64))


def structure_uncertainty(variance: NDArray[np.floating], mask: Mask) -> float | None:
    """The mean of the voxel variance over a structure's predicted voxels; None (`NOT_PREDICTED`) where there is none."""
    return float(variance[mask].mean(dtype=np.float64)) if mask.any() else None


def dice_within_samples(mean: Mask, samples: Sequence[Mask]) -> float | None:
    """Equation 6: the mean Dice of the mean prediction and each sample.

    A sample that, like the mean prediction, holds nothing has no Dice and is left out; None (`NOT_FOUND`) where all are.
    """
    return _mean([dice(mean, sample) for sample in samples])


def dice_between_samples(samples: Sequence[Mask]) -> float | None:
    """Roy et al. 2018: the mean Dice of all pairs of samples; None (`ONE_SAMPLE`) without a pair that has one."""
    return _mean([dice(one, other) for one, other in combinations(samples, 2)])


def volume_variation_percent(samples: Sequence[Mask]) -> float | None:
    """Roy et al. 2018: standard deviation of the samples' volumes over their mean; None (`NOT_FOUND`) if all are empty."""
    sizes = np.array([np.count_nonzero(sample) for sample in samples], float)
    return float(100 * sizes.std() / sizes.mean()) if sizes.any() else None


def frame_uncertainty(
    mean: NDArray[np.uint8], samples: NDArray[np.uint8], variance: NDArray[np.floating], scheme: LabelScheme
) -> dict[str, Entry]:
    """One frame's measures with the reasons of those that are None.

    Args:
        mean: [slice, row, col] the mean prediction's labels, numbers of `scheme`, before any repair.
        samples: [sample, slice, row, col] the labels of each sample.
        variance: [slice, row, col].
        scheme: whose directly labelled structures and unions are measured.

    Returns:
        `image_variance`, and for each structure as `lv_variance`, `lv_dice_within_samples`, `lv_dice_between_samples`,
        `lv_volume_variation_percent`.
    """
    found: dict[str, Entry] = {"image_variance": (image_uncertainty(variance), None)}
    for structure in (*scheme.structures, *scheme.unions):
        found |= dict(_of_structure(structure, mean, samples, variance, scheme))
    return found


def _of_structure(
    structure: Structure,
    mean: NDArray[np.uint8],
    samples: NDArray[np.uint8],
    variance: NDArray[np.floating],
    scheme: LabelScheme,
) -> Iterator[tuple[str, Entry]]:
    predicted = scheme.mask(mean, structure)
    drawn = [scheme.mask(sample, structure) for sample in samples]
    values = {
        "variance": (structure_uncertainty(variance, predicted), NOT_PREDICTED),
        "dice_within_samples": (dice_within_samples(predicted, drawn), NOT_FOUND),
        "dice_between_samples": (dice_between_samples(drawn), ONE_SAMPLE),
        "volume_variation_percent": (volume_variation_percent(drawn), NOT_FOUND),
    }
    for name, (value, why) in values.items():
        yield f"{SHORT.get(structure, structure.value)}_{name}", (value, why if value is None else None)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
