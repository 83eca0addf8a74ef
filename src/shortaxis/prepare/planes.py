"""Row-and-column operations on arrays of any leading shape, by one fast library."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from shortaxis.core.place import Interpolation, Planes

# opencv's own threads gain nothing on planes this small and quarrel with torch's
cv2.setNumThreads(0)


def _workable(planes: Planes) -> NDArray[np.uint8] | NDArray[np.float32]:
    """The same numbers in a type opencv can resample."""
    if planes.dtype in (np.uint8, np.bool_):
        return planes.astype(np.uint8, copy=False)
    return planes.astype(np.float32, copy=False)


def resize_planes(planes: Planes, shape: tuple[int, int], interpolation: Interpolation) -> Planes:
    """Planes [..., row, col] at another number of rows and columns over the same field of view.

    Linear means area averaging when shrinking, so that fine detail does not alias. Pixel centres are half-integer based:
    `new = (old + 0.5) * ratio - 0.5`.
    """
    source = planes.shape[-2:]
    if source == tuple(shape):
        return planes
    if interpolation == "nearest":
        mode = cv2.INTER_NEAREST_EXACT
    else:
        shrinks = shape[0] < source[0] or shape[1] < source[1]
        mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    flat = np.ascontiguousarray(_workable(planes)).reshape(-1, *source)
    out = np.empty((len(flat), *shape), flat.dtype)
    for index, plane in enumerate(flat):
        out[index] = cv2.resize(plane, (shape[1], shape[0]), interpolation=mode)
    out = out.reshape(*planes.shape[:-2], *shape)
    return out.astype(planes.dtype) if interpolation == "nearest" else out


def warp_planes(
    planes: Planes, matrix: np.ndarray, shape: tuple[int, int], interpolation: Interpolation, fill: float = 0.0
) -> Planes:
    """Planes sampled through an affine map.

    Args:
        planes: [..., row, col].
        matrix: 2x3, from target (col, row, 1) to source (col, row).
        shape: rows and columns of the result.
        interpolation: linear or nearest.
        fill: value outside the source.
    """
    mode = cv2.INTER_NEAREST if interpolation == "nearest" else cv2.INTER_LINEAR
    flat = np.ascontiguousarray(_workable(planes)).reshape(-1, *planes.shape[-2:])
    out = np.empty((len(flat), *shape), flat.dtype)
    flags = mode | cv2.WARP_INVERSE_MAP
    for index, plane in enumerate(flat):
        out[index] = cv2.warpAffine(plane, matrix, (shape[1], shape[0]), flags=flags, borderValue=fill)
    return out.reshape(*planes.shape[:-2], *shape).astype(planes.dtype, copy=False)
