"""In-plane orientation from the affine: columns towards the patient's left, rows towards the back and the feet.

That is how scanners display a short axis: the right ventricle on the image's left. A NIfTI file may store the same slice
mirrored or transposed; a network trained on one way of looking is given that way. Where a file codes no orientation,
its planes are taken as they are stored: rows of pixels written as they were displayed are likelier than any convention.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shortaxis.core.place import Interpolation, Planes, Points
from shortaxis.core.study import Grid

# Preferred directions in RAS+. An oblique plane rarely holds them exactly; the closest of the eight ways wins.
_LEFT = np.array([-1.0, 0.0, 0.0])
_BACK_AND_DOWN = np.array([0.0, -1.0, -1.0]) / np.sqrt(2.0)


@dataclass(frozen=True)
class Orient:
    """A transposition and flips of the planes; loses nothing. `shape` is the source's rows and columns."""

    shape: tuple[int, int]
    transpose: bool
    flip_rows: bool
    flip_cols: bool

    def apply(self, planes: Planes, interpolation: Interpolation) -> Planes:
        del interpolation  # pixels are only reordered
        if self.transpose:
            planes = np.swapaxes(planes, -1, -2)
        return planes[..., :: -1 if self.flip_rows else 1, :: -1 if self.flip_cols else 1]

    def undo(self, planes: Planes, interpolation: Interpolation) -> Planes:
        del interpolation
        planes = planes[..., :: -1 if self.flip_rows else 1, :: -1 if self.flip_cols else 1]
        return np.swapaxes(planes, -1, -2) if self.transpose else planes

    def _result_shape(self) -> tuple[int, int]:
        rows, cols = self.shape
        return (cols, rows) if self.transpose else (rows, cols)

    def _flip_points(self, points: Points) -> Points:
        rows, cols = self._result_shape()
        flipped = points.copy()
        if self.flip_rows:
            flipped[:, 0] = rows - 1 - points[:, 0]
        if self.flip_cols:
            flipped[:, 1] = cols - 1 - points[:, 1]
        return flipped

    def apply_points(self, points: Points) -> Points:
        return self._flip_points(points[:, ::-1] if self.transpose else points)

    def undo_points(self, points: Points) -> Points:
        points = self._flip_points(points)
        return points[:, ::-1] if self.transpose else points


def orient_to_display(grid: Grid) -> Orient:
    """The reordering that brings a grid's planes closest to the display convention above."""
    shape = (grid.shape[1], grid.shape[2])
    if grid.nifti is not None and grid.nifti.qform_code == grid.nifti.sform_code == 0:
        return Orient(shape, False, False, False)
    columns = grid.affine[:3, :2] / np.linalg.norm(grid.affine[:3, :2], axis=0)
    along_col, along_row = columns[:, 0], columns[:, 1]  # index 0 of the affine walks along a row of pixels
    best, best_score = Orient(shape, False, False, False), -np.inf
    for transpose in (False, True):
        right, down = (along_row, along_col) if transpose else (along_col, along_row)
        for flip_rows in (False, True):
            for flip_cols in (False, True):
                score = (-1 if flip_cols else 1) * (right @ _LEFT) + (-1 if flip_rows else 1) * (down @ _BACK_AND_DOWN)
                if score > best_score + 1e-6:
                    best, best_score = Orient(shape, transpose, flip_rows, flip_cols), score
    return best
