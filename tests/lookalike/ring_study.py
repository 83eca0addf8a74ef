"""A study with a ring for a heart: cavity, wall and a right ventricle beside it, bright enough to be found.

Drawn in display orientation (columns towards the patient's left, rows towards the back); `stored_as` keeps the same
heart in another order of rows and columns, with the affine that says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import ACDC, Labels, LabelScheme
from shortaxis.core.study import Grid, Origin, Spacing, Study

RV, MYOCARDIUM, LV = 1, 2, 3
GREY = np.array([40.0, 190.0, 90.0, 235.0])  # of background, right ventricle, myocardium, left ventricle
SPACING_MM: Spacing = (8.0, 2.0, 2.0)


def ring_labels(
    n_frames: int, slices: int, rows: int, cols: int, centre: tuple[float, float], radius_px: float = 5.0
) -> NDArray[np.uint8]:
    """ACDC's numbers [frame, slice, row, col]; the cavity shrinks with the frame, every slice holds a heart."""
    row, col = np.mgrid[:rows, :cols]
    array = np.zeros((n_frames, slices, rows, cols), np.uint8)
    for frame in range(n_frames):
        cavity = radius_px * (1 - 0.3 * frame / max(n_frames - 1, 1))
        away = np.hypot(row - centre[0], col - centre[1])
        right = np.hypot((row - centre[0]) / 1.4, col - centre[1] + radius_px + 5)
        array[frame, :, right < radius_px] = RV
        array[frame, :, away < cavity + 3] = MYOCARDIUM
        array[frame, :, away < cavity] = LV
    return array


def ring_study(
    n_frames: int = 2,
    slices: int = 4,
    rows: int = 48,
    cols: int = 44,
    spacing_mm: Spacing | None = SPACING_MM,
    centre: tuple[float, float] = (24.0, 25.0),
    scheme: LabelScheme = ACDC,
    seed: int = 0,
    name: str = "ring",
) -> Study:
    """A labelled study; image int16 with a little noise."""
    drawn = ring_labels(n_frames, slices, rows, cols, centre)
    noise = np.random.default_rng(seed).normal(0, 5, drawn.shape)
    _, row_mm, col_mm = spacing_mm or (1.0, 1.0, 1.0)
    affine = np.diag([-col_mm, -row_mm, spacing_mm[0] if spacing_mm else 1.0, 1.0])
    labels = Labels.complete(ACDC.translate(drawn, scheme), scheme)
    origin = Origin(name, tuple(range(n_frames)), n_frames > 1)
    grid = Grid(drawn.shape[1:], affine, spacing_mm)
    return Study(name, (GREY[drawn] + noise).astype(np.int16), grid, (origin,), labels=labels)


def reorder(planes: NDArray[np.generic], transpose: bool, flip_rows: bool, flip_cols: bool) -> NDArray[np.generic]:
    """Planes [..., row, col] flipped, then transposed."""
    planes = planes[..., :: -1 if flip_rows else 1, :: -1 if flip_cols else 1]
    return np.swapaxes(planes, -1, -2) if transpose else planes


def stored_as(study: Study, transpose: bool, flip_rows: bool, flip_cols: bool) -> Study:
    """The same heart in the same place of the room, its pixels stored in another order."""
    slices, rows, cols = study.grid.shape
    to_old = np.eye(4)  # from the new (col, row, slice) to the old
    if flip_cols:
        to_old[0, 0], to_old[0, 3] = -1, cols - 1
    if flip_rows:
        to_old[1, 1], to_old[1, 3] = -1, rows - 1
    if transpose:
        to_old = to_old @ np.eye(4)[[1, 0, 2, 3]]
    spacing = study.grid.spacing_mm
    if spacing is not None and transpose:
        spacing = (spacing[0], spacing[2], spacing[1])
    shape = (slices, cols, rows) if transpose else (slices, rows, cols)
    labels = study.labels
    if labels is not None:
        array = np.ascontiguousarray(reorder(labels.array, transpose, flip_rows, flip_cols)).astype(np.uint8)
        labels = replace(labels, array=array)
    image = np.ascontiguousarray(reorder(study.image, transpose, flip_rows, flip_cols))
    return replace(study, image=image, grid=Grid(shape, study.grid.affine @ to_old, spacing), labels=labels)
