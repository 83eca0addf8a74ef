"""Boundary Dice coefficient, BDC: how well two outlines one pixel wide coincide (FOANet, section III-E)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.accept import check_same_shape
from shortaxis.measure.nearest import surface_of
from shortaxis.measure.overlap import dice

Mask = NDArray[np.bool_]


def boundary_of(mask: Mask) -> Mask:
    """The one-pixel boundary of each plane of a mask [..., row, col]: the mask XOR its erosion.

    The erosion is by the cross of four neighbours, in the plane alone: the paper erodes images, and in a stack of thick
    slices an erosion across them would leave no inside. Beyond the image is outside.
    """
    return np.stack([surface_of(plane) for plane in mask.reshape(-1, *mask.shape[-2:])]).reshape(mask.shape)


def boundary_dice(prediction: Mask, reference: Mask) -> float | None:
    """Dice of the two masks' boundaries over the whole array [..., row, col], in [0, 1].

    None if both masks are empty (`overlap.NOTHING_TO_COMPARE`), 0 if one is. Raises GridMismatch.
    """
    check_same_shape(prediction, reference)
    held = np.flatnonzero((prediction | reference).any(axis=(-2, -1)))
    if not held.size:
        return None
    planes = [mask.reshape(-1, *mask.shape[-2:])[held] for mask in (prediction, reference)]
    return dice(boundary_of(planes[0]), boundary_of(planes[1]))
