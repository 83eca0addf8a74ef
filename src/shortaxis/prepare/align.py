"""Slice alignment: find by how much each slice was displaced in plane, move it back, and remember the way.

Every short-axis slice is usually taken in a breath-hold of its own, so slices may sit a few millimetres apart. Here the
left ventricle's centre is found in each slice (`ventricle_centre.py`); where no blood confirms it, as in the apical cap,
what moves along with the heart places the slice (`surroundings.py`). A long axis that leans against the slices' normal
moves the centres too, evenly from slice to slice, and is no displacement. So a straight line is fitted through the
centres, and what a slice is off it is its displacement. Lean and displacement cannot be told apart for certain: a line
through ten random displacements has a slope of its own. So the slope is held towards none by how far a planned stack
leans (LEAN_MM) against how far the slices scatter: the most probable line for normal priors of both. Centres that no
blood confirms, and those far off the line, count less for it. Off unless asked for.

`benchmarks/align.py` measures it; `docs/benchmarks.md` has the table. Dropped: phase correlation between neighbouring
slices as a whole, since the ventricles taper, which it takes for a shift.

Assumed, and not checked: a short-axis stack, a roughly round left ventricle in every slice, displacement within REACH,
translation only, the same in all frames. Slices beyond the ventricle have no centre to find.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import WrongDimensions
from shortaxis.core.study import Note, Study
from shortaxis.prepare.surroundings import follow_surroundings
from shortaxis.prepare.ventricle_centre import Box, Centres, find_centres

RADII_MM = (7.0, 36.0)  # of a human left ventricle's contours, from the apical cavity to a dilated epicardium
LEAN_MM = 1.0  # ours: standard deviation of the axis off the middle at the ends of the stack, along each side
MOUSE_SCALE = 0.1
ASSUMED_PIXEL_MM = 1.5  # where the source does not say
LEAST_SCATTER_PX = 0.2  # centres are no surer than that
UNCONFIRMED_MM = 0.8  # ours: standard deviation of a centre that no blood confirms
FAR = 3.0  # robust standard deviations off the line at which a slice counts half
LINE_ROUNDS = 10
NOTE = Note("SA-W030", "Slices were aligned in plane before segmentation; masks are on the scan's own pixels.")


@dataclass(frozen=True)
class SliceShifts:
    """By how many pixels each slice was found displaced, as (row, col), positive to larger rows and columns.

    Slices are moved by whole pixels only: no value is interpolated, so labels made on the aligned image come back
    exactly. What leaves the plane is lost and zero after the way back; that is at most |shift| pixels at the border.
    """

    estimated_px: tuple[tuple[float, float], ...]

    @property
    def whole_px(self) -> tuple[tuple[int, int], ...]:
        """The displacements as they are undone."""
        return tuple((round(row), round(col)) for row, col in self.estimated_px)

    def apply(self, stack: NDArray[np.generic]) -> NDArray[np.generic]:
        """A stack [..., slice, row, col] with the displacements taken away. Raises WrongDimensions."""
        return self._moved(stack, -1)

    def undo(self, stack: NDArray[np.generic]) -> NDArray[np.generic]:
        """A stack [..., slice, row, col] of the aligned study, back on the source's pixels. Raises WrongDimensions."""
        return self._moved(stack, 1)

    def undo_boxes(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes [frame, slice, 4] as (first row, first col, last row, last col), back on the source's pixels."""
        return boxes + np.tile(np.array(self.whole_px, float), (1, 2))

    def _moved(self, stack: NDArray[np.generic], sign: int) -> NDArray[np.generic]:
        if stack.ndim < 3 or stack.shape[-3] != len(self.estimated_px):
            raise WrongDimensions(
                f"an array [..., slice, row, col] of {len(self.estimated_px)} slices",
                f"shape {stack.shape}",
                "use the shifts of the same study",
            )
        moved = np.zeros_like(stack)
        for k, shift in enumerate(self.whole_px):
            rows, cols = (_overlap(n, sign * step) for n, step in zip(stack.shape[-2:], shift, strict=True))
            moved[..., k, rows[0], cols[0]] = stack[..., k, rows[1], cols[1]]
        return moved


def align_study(study: Study, box: Box | None = None) -> tuple[Study, SliceShifts]:
    """The study with its slices (and labels, if any) put above one another, and the way back.

    Args:
        study: a short-axis stack, of one frame or many.
        box: where the heart lies, if it is known: first row, first col, last row, last col.
    """
    pixel = study.grid.pixel_mm
    scale = MOUSE_SCALE if study.facts.species == "mouse" else 1.0
    pixel_mm = (ASSUMED_PIXEL_MM * scale if pixel is None else float(np.mean(pixel))) / scale
    found = estimate_shifts(study.image, box, pixel_mm)
    shifts = SliceShifts(tuple((float(row), float(col)) for row, col in found))
    labels = study.labels
    if labels is not None:
        labels = replace(labels, array=shifts.apply(labels.array).astype(np.uint8))
    return replace(study, image=shifts.apply(study.image), labels=labels).with_notes(NOTE), shifts


def estimate_shifts(
    image: NDArray[np.generic], box: Box | None = None, pixel_mm: float = ASSUMED_PIXEL_MM
) -> NDArray[np.float64]:
    """Displacement of each slice against the ventricle's axis: float64 [slice, 2] as (row, col) in pixels.

    Args:
        image: [frame, slice, row, col].
        box: where to look; None for the whole plane.
        pixel_mm: distance between pixels, for a heart of human size.

    Raises:
        WrongDimensions: not four axes.
    """
    if image.ndim != 4:
        raise WrongDimensions("an image [frame, slice, row, col]", f"{image.ndim} axes", "give all frames and slices")
    low, high = (radius / pixel_mm for radius in RADII_MM)
    centres = follow_surroundings(image, find_centres(image, box, (low, high)), high)
    return off_the_axis(centres, LEAN_MM / pixel_mm, UNCONFIRMED_MM / pixel_mm)


def off_the_axis(centres: Centres, lean_px: float, unconfirmed_px: float) -> NDArray[np.float64]:
    """By how much each centre lies off the most probable straight axis: float64 [slice, 2] as (row, col) in pixels.

    Args:
        centres: of each slice, evenly spaced.
        lean_px: standard deviation of how far the axis is off the middle at the ends of the stack.
        unconfirmed_px: standard deviation of an unconfirmed centre; its displacement is drawn towards none by as much.
    """
    level = np.linspace(-1.0, 1.0, len(centres.px)) if len(centres.px) > 1 else np.zeros(1)
    line = np.stack([np.ones_like(level), level], axis=1)
    unsure = np.where(centres.confirmed, 0.0, unconfirmed_px**2)
    off, variance, far = centres.px - np.median(centres.px, axis=0), lean_px**2, np.zeros(len(level))
    trust = variance / (variance + unsure)
    for _ in range(LINE_ROUNDS):
        weights = trust / (1 + far**2)
        held = np.diag([0.0, variance / lean_px**2])
        weighted = line.T * weights
        off = centres.px - line @ np.linalg.solve(weighted @ line + held, weighted @ centres.px)
        scatter = max(1.4826 * float(np.median(np.abs(off))), LEAST_SCATTER_PX)
        far = np.hypot(off[:, 0], off[:, 1]) / (FAR * scatter)
        variance = max(float((weights @ off**2).mean() / weights.sum()), LEAST_SCATTER_PX**2)
        trust = variance / (variance + unsure)
    return off * trust[:, None]


def _overlap(length: int, step: int) -> tuple[slice, slice]:
    """Where pixels land and where they come from when `length` of them move by `step`."""
    step = max(-length, min(length, step))
    return slice(max(0, step), length + min(0, step)), slice(max(0, -step), length + min(0, -step))
