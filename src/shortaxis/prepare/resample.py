"""Resampling in plane, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortaxis.core.place import Interpolation, Planes, Points
from shortaxis.prepare.planes import resize_planes


@dataclass(frozen=True)
class Resample:
    """Another number of rows and columns over the same field of view."""

    source: tuple[int, int]
    target: tuple[int, int]

    def apply(self, planes: Planes, interpolation: Interpolation) -> Planes:
        return resize_planes(planes, self.target, interpolation)

    def undo(self, planes: Planes, interpolation: Interpolation) -> Planes:
        return resize_planes(planes, self.source, interpolation)

    @property
    def _ratio(self) -> np.ndarray:
        return np.array(self.target) / np.array(self.source)

    def apply_points(self, points: Points) -> Points:
        return (points + 0.5) * self._ratio - 0.5

    def undo_points(self, points: Points) -> Points:
        return (points + 0.5) / self._ratio - 0.5


def resample_to(shape: tuple[int, int], pixel_mm: tuple[float, float], target_mm: float) -> Resample:
    """The step from pixels of `pixel_mm` (row, col) to square pixels of `target_mm`, to the nearest whole pixel."""
    target = tuple(max(1, round(count * size / target_mm)) for count, size in zip(shape, pixel_mm, strict=True))
    return Resample(shape, (target[0], target[1]))
