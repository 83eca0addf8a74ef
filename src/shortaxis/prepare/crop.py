"""Cutting a window out of a plane (or padding around it), and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortaxis.core.place import Interpolation, Planes, Points


@dataclass(frozen=True)
class Crop:
    """The window of `size` whose first pixel is `origin`; what lies outside the source is zero."""

    source: tuple[int, int]
    origin: tuple[int, int]
    size: tuple[int, int]

    def _overlap(self) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        inside, window = [], []
        for extent, start, length in zip(self.source, self.origin, self.size, strict=True):
            first, last = max(0, start), max(0, min(extent, start + length))
            first = min(first, last)
            inside.append(slice(first, last))
            window.append(slice(first - start, last - start) if last > first else slice(0, 0))
        return (inside[0], inside[1]), (window[0], window[1])

    def apply(self, planes: Planes, interpolation: Interpolation) -> Planes:
        del interpolation  # whole pixels are moved
        inside, window = self._overlap()
        cut = np.zeros((*planes.shape[:-2], *self.size), planes.dtype)
        cut[..., window[0], window[1]] = planes[..., inside[0], inside[1]]
        return cut

    def undo(self, planes: Planes, interpolation: Interpolation) -> Planes:
        del interpolation
        inside, window = self._overlap()
        whole = np.zeros((*planes.shape[:-2], *self.source), planes.dtype)
        whole[..., inside[0], inside[1]] = planes[..., window[0], window[1]]
        return whole

    def apply_points(self, points: Points) -> Points:
        return points - np.array(self.origin, float)

    def undo_points(self, points: Points) -> Points:
        return points + np.array(self.origin, float)


def crop_around(source: tuple[int, int], centre: tuple[float, float], size: tuple[int, int]) -> Crop:
    """The window of `size` whose middle lies nearest to `centre` (row, col), continuous pixel coordinates."""
    rows, cols = (round(middle - (length - 1) / 2) for middle, length in zip(centre, size, strict=True))
    return Crop(source, (rows, cols), size)


def pad_to_square(source: tuple[int, int]) -> Crop:
    """The smallest square that holds the whole plane, the plane in its middle."""
    side = max(source)
    return crop_around(source, ((source[0] - 1) / 2, (source[1] - 1) / 2), (side, side))
