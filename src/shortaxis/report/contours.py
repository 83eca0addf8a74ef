"""Outlines of labels along the edges of their pixels, so that what is drawn encloses exactly what was counted."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure

Ring = list[int]
"""A closed rectilinear outline: [row, col, d_col, d_row, d_col, d_row, ...] on the corners of pixels.

Corner (r, c) is the upper left corner of pixel (r, c). Steps alternate: along the row, then along the column; the last
step returns to the start.
"""


def outlines(mask: NDArray[np.bool_]) -> list[Ring]:
    """All rings of a 2D mask [row, col]: outer boundaries and holes, winding in opposite ways.

    The mask is doubled, traced through its border pixels (Suzuki and Abe 1985, OpenCV's `findContours`), and each traced
    position is moved to the nearest corner of an original pixel. Doubling makes that corner unambiguous.
    """
    doubled = np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1)
    traced, _ = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [_ring((points[:, 0, ::-1].astype(np.int64) + 1) // 2) for points in traced]


def structure_outlines(
    labels: NDArray[np.uint8], scheme: LabelScheme, structures: Sequence[Structure]
) -> list[list[list[list[Ring]]]]:
    """Rings of labels [frame, slice, row, col], nested as [structure][frame][slice]."""
    labelled = labels.reshape(-1, *labels.shape[2:]).max(axis=0) > 0
    if not labelled.any():
        return [[[[] for _ in frame] for frame in labels] for _ in structures]
    part, row, col = _tight(labelled)
    near = labels[..., part[0], part[1]]  # most of an image is not heart
    masks = [scheme.mask(near, structure) for structure in structures]
    return [[[_outlines_in_place(plane, row, col) for plane in frame] for frame in mask] for mask in masks]


def ring_corners(ring: Ring) -> NDArray[np.int64]:
    """The corners [n, 2] as (row, col) of an encoded ring, without repeating the first."""
    steps = np.zeros((len(ring) - 2, 2), np.int64)
    steps[0::2, 1] = ring[2::2]
    steps[1::2, 0] = ring[3::2]
    return np.asarray(ring[:2]) + np.cumsum(steps, axis=0)


def _outlines_in_place(plane: NDArray[np.bool_], row: int, col: int) -> list[Ring]:
    """Rings of a part of an image whose first pixel is (row, col) of the whole."""
    if not plane.any():
        return []
    part, row_inside, col_inside = _tight(plane)
    rings = outlines(plane[part])
    for ring in rings:
        ring[0] += row + row_inside
        ring[1] += col + col_inside
    return rings


def _tight(plane: NDArray[np.bool_]) -> tuple[tuple[slice, slice], int, int]:
    """The smallest part [row, col] that holds all true pixels, and its first row and column."""
    rows, cols = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    row, col = int(rows[0]), int(cols[0])
    return (slice(row, int(rows[-1]) + 1), slice(col, int(cols[-1]) + 1)), row, col


def _ring(corners: NDArray[np.int64]) -> Ring:
    """Corners [n, 2] in order -> the encoded ring, with repeated and straight-through corners left out."""
    corners = corners[np.any(corners != np.roll(corners, 1, axis=0), axis=1)]
    arriving = corners - np.roll(corners, 1, axis=0)
    leaving = np.roll(corners, -1, axis=0) - corners
    corners = corners[(arriving[:, 0] == 0) != (leaving[:, 0] == 0)]
    steps = np.roll(corners, -1, axis=0) - corners
    if steps[0, 1] == 0:  # begin with a step along the row
        corners, steps = np.roll(corners, -1, axis=0), np.roll(steps, -1, axis=0)
    encoded = [int(corners[0, 0]), int(corners[0, 1])]
    encoded.extend(int(step) for step in steps.sum(axis=1))
    return encoded
