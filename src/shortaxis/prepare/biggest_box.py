"""One box for a patient, around the boxes of all slices (Zhao et al., ICPR 2020, fig. 8a)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.place import Place

Strays = Literal["kept", "dropped"]


def restored_box(place: Place, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first and last pixel [2, 2] of a sample as a box [4] of the study's pixels.

    The pixels' outer edges are what is moved: a sample's pixel may cover several of the study's.
    """
    edges = place.restore_points(corners + np.array([[-0.5], [0.5]]))
    return np.concatenate([edges.min(axis=0) + 0.5, edges.max(axis=0) - 0.5])


def biggest_box(boxes: NDArray[np.float64], strays: Strays) -> NDArray[np.float64]:
    """The box [4] around boxes [n, 4].

    A stray's middle lies further from the median middle than half the median box's longer side, along rows or columns.
    """
    if strays == "dropped":
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        side = np.median((boxes[:, 2:] - boxes[:, :2]).max(axis=1)) + 1
        near = np.abs(middles - np.median(middles, axis=0)).max(axis=1) <= side / 2
        boxes = boxes[near] if near.any() else boxes
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
