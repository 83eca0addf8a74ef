"""The way back: geometric steps that know how to undo themselves.

A step acts on planes [..., row, col] and on points in continuous pixel coordinates (row, col), where the centre of the
first pixel is (0, 0). Most steps change the last two axes alone and take any axes before them. A step over slices
(`prepare.heart_volume.SliceBlock`) changes the axis before those two, [..., slice, row, col], and leaves points where
they are. `prepare/` holds the steps; here is only what they promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Interpolation = Literal["linear", "nearest"]
Planes = NDArray[np.generic]  # [..., row, col]
Points = NDArray[np.float64]  # [n, 2] as (row, col)


class Step(Protocol):
    """One geometric step on planes or on slices of planes; frozen, deterministic, with its inverse."""

    def apply(self, planes: Planes, interpolation: Interpolation) -> Planes:
        """Planes on the step's result grid."""
        ...

    def undo(self, planes: Planes, interpolation: Interpolation) -> Planes:
        """Planes back on the grid (and the slices) the step started from; zero where the step had cut away."""
        ...

    def apply_points(self, points: Points) -> Points:
        """Points [n, 2] moved as the pixels move."""
        ...

    def undo_points(self, points: Points) -> Points:
        """Points [n, 2] moved back."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a sample came from: its frame and slices in the study, the steps from there to here, and whose it is."""

    frame: int
    slices: tuple[int, ...]
    steps: tuple[Step, ...] = ()
    case: str = ""  # the study's name in training, so that a batch gone wrong can be named

    def restore(self, planes: Planes, interpolation: Interpolation) -> Planes:
        """Planes of the sample, back on the study's own rows and columns, and slices where a step is over these."""
        for step in reversed(self.steps):
            planes = step.undo(planes, interpolation)
        return planes

    def restore_points(self, points: Points) -> Points:
        """Points [n, 2] of the sample in the study's own row and column coordinates."""
        for step in reversed(self.steps):
            points = step.undo_points(points)
        return points
