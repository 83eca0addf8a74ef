"""Keep only the greatest connected component, of the heart as a whole and then of each structure that is one piece."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.labels import LabelScheme, Structure

# An infarct may lie in several places, dark cores of it too, and cut what is left of the myocardium.
ONE_PIECE = frozenset(Structure) - {Structure.HEALTHY_MYOCARDIUM, Structure.INFARCT, Structure.NO_REFLOW}
_TOUCHING = np.ones((3, 3, 3), bool)


def keep_greatest(labels: NDArray[np.uint8], scheme: LabelScheme) -> NDArray[np.uint8]:
    """One frame's labels [slice, row, col] with everything else set to background; 26 neighbours, by voxel count.

    FOANet's post-processing (Zhao et al., ICPR 2020, section III-C) keeps "only the greatest connected component"; it
    does not say of what. Here first of all structures together, then of each structure that anatomy makes one piece.
    """
    result = np.where(greatest(labels > 0), labels, np.uint8(0))
    for code, structure in scheme.codes.items():
        if structure in ONE_PIECE:
            held = result == code
            result[held & ~greatest(held)] = 0
    return result


def greatest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest component of a mask [row, col] or [slice, row, col], diagonal neighbours connected; ties: the first."""
    numbered = np.zeros(mask.shape, np.int32)
    count = int(ndimage.label(mask, _TOUCHING[0] if mask.ndim == 2 else _TOUCHING, output=numbered))  # pyright: ignore[reportArgumentType]
    if count <= 1:
        return mask
    return numbered == np.bincount(numbered.ravel())[1:].argmax() + 1
