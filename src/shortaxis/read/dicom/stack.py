"""Runs into a stack: parallel, evenly spaced, complete; or a refusal that says which slice is at fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadAffine, BadSpacing, IncompleteStudy, ShortaxisError, UnevenSlices
from shortaxis.core.study import Grid, Note
from shortaxis.read.dicom import notes
from shortaxis.read.dicom.sort import SAME_PLACE_MM, Run, are_parallel
from shortaxis.read.dicom.views import MIN_SLICES

EVEN_SHARE = 0.03  # of the slice distance; scanners state positions to a few micrometres
LINE_MM = 0.5  # first pixels may leave the stack's line by so much in the plane
DRIFT_NOTED_MM = 0.05  # over the whole stack; below it are the few decimals that positions are stated with
SPACING_RANGE_MM = (1e-3, 1e3)
TIME_GAP = 1.7  # a step between phases of so many usual steps holds a missing one
MIN_SHORT = 4  # phases that make a run of another series a broken cine rather than something else


@dataclass(frozen=True, eq=False)
class Stack:
    """A complete short-axis cine: one run per slice, ordered by position along the normal."""

    runs: tuple[Run, ...]
    n_phases: int
    notes: tuple[Note, ...]

    @property
    def series_numbers(self) -> tuple[int, ...]:
        return tuple(sorted({run.series_number for run in self.runs}))


def parallel_groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that could form one stack, over all series: same size, spacing and orientation."""
    groups: list[list[Run]] = []
    for run in runs:
        group = next((group for group in groups if are_parallel(group[0].plane, run.plane)), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    return groups


def count_slices(runs: Sequence[Run]) -> int:
    """How many positions parallel runs have."""
    return len(_by_depth(runs))


def build_stack(runs: Sequence[Run], short: Sequence[Run], path: Path) -> Stack:
    """A stack from parallel cine runs.

    Where the runs of several series together are uneven but one series alone is a whole stack, that series is taken.

    Args:
        runs: parallel runs of enough phases, breath-holds perhaps repeated.
        short: runs of the same study with too few phases; one that lies in the stack is a slice with frames missing.
        path: for the refusal.

    Raises IncompleteStudy, UnevenSlices, BadSpacing or BadAffine.
    """
    try:
        return _build(runs, short, path)
    except (UnevenSlices, IncompleteStudy) as problem:
        by_series = Counter(run.series_number for run in runs)
        for number, _ in by_series.most_common():
            own = [run for run in runs if run.series_number == number]
            if len(own) < len(runs) and count_slices(own) >= max(MIN_SLICES, count_slices(runs) // 2 + 1):
                others = sorted(set(by_series) - {number})
                try:
                    stack = _build(own, short, path)
                except ShortaxisError:
                    continue
                return Stack(stack.runs, stack.n_phases, (*stack.notes, notes.one_series_taken(number, others)))
        raise problem from None


def grid_of(stack: Stack) -> Grid:
    """The stack's grid: DICOM's LPS millimetres turned to RAS+, slices as they are ordered.

    DICOM PS3.3 C.7.6.2.1.1; the slice distance is that of ImagePositionPatient along the normal.
    """
    plane = stack.runs[0].plane
    step = plane.normal * float(_step(stack.runs) @ plane.normal)  # what drift remains was noted
    row_mm, col_mm = plane.pixel_mm or (1.0, 1.0)  # unit columns where unknown; spacing_mm then says so
    affine = np.eye(4)
    affine[:3, 0] = plane.axes[0] * col_mm
    affine[:3, 1] = plane.axes[1] * row_mm
    affine[:3, 2] = step
    affine[:3, 3] = plane.position
    affine[:2] *= -1
    spacing = None if plane.pixel_mm is None else (abs(float(step @ plane.normal)), row_mm, col_mm)
    return Grid((len(stack.runs), *plane.shape), affine, spacing)


def _build(runs: Sequence[Run], short: Sequence[Run], path: Path) -> Stack:
    _check_pixels(runs[0], path)
    slots = _by_depth(runs)
    counts = Counter(len(run.frames) for run in runs)
    usual = max(counts, key=lambda count: (counts[count], count))
    _check_even(slots, path)
    _check_short(slots, short, path)
    chosen = tuple(_last_complete(slot, number, usual, path) for number, slot in enumerate(slots, 1))
    said = _check_line(chosen, path)
    repeated = [number for number, slot in enumerate(slots, 1) if len(slot) > 1]
    if repeated:
        said.append(notes.repeated_breath_holds(repeated, [run.series_number for run in chosen]))
    other_counts = {number: len(run.frames) for number, run in enumerate(chosen, 1) if len(run.frames) != usual}
    if other_counts:
        said.append(notes.resampled_in_time(other_counts, usual))
    return Stack(chosen, usual, tuple(said))


def _by_depth(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs by position along the first one's normal, ascending."""
    normal = runs[0].plane.normal
    depths = {id(run): float(run.plane.position @ normal) for run in runs}
    slots: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: depths[id(run)]):
        if slots and depths[id(run)] - depths[id(slots[-1][0])] < SAME_PLACE_MM:
            slots[-1].append(run)
        else:
            slots.append([run])
    return slots


def _check_even(slots: Sequence[Sequence[Run]], path: Path) -> None:
    normal = slots[0][0].plane.normal
    gaps = np.diff([float(slot[0].plane.position @ normal) for slot in slots])
    unit = float(np.median(gaps[gaps <= gaps.min() * (1 + 2 * EVEN_SHARE)]))
    ratios = gaps / unit
    off = np.abs(ratios - np.rint(ratios)) > EVEN_SHARE * np.rint(ratios)
    if off.any():
        where = ", ".join(f"{gaps[i]:.2f} mm between slices {i + 1} and {i + 2}" for i in np.flatnonzero(off)[:5])
        way_out = "leave out the series or slice that does not belong to the stack"
        raise UnevenSlices(f"slices {unit:.2f} mm apart", where, way_out, path)
    if (np.rint(ratios) > 1).any():
        holes = [f"{round(ratios[i]) - 1} between slices {i + 1} and {i + 2}" for i in np.flatnonzero(ratios > 1.5)]
        expected = f"a slice every {unit:.2f} mm"
        raise IncompleteStudy(expected, f"missing slices: {', '.join(holes)}", "export the whole study again", path)


def _check_short(slots: Sequence[Sequence[Run]], short: Sequence[Run], path: Path) -> None:
    """Raises IncompleteStudy where a run with too few phases stands where the evenly spaced stack has, or lacks, a slice."""
    first = slots[0][0].plane
    start, *_, end = [float(slot[0].plane.position @ first.normal) for slot in slots]
    unit = (end - start) / (len(slots) - 1)
    series = {run.series_number for slot in slots for run in slot}
    for run in short:
        place = (float(run.plane.position @ first.normal) - start) / unit
        is_slice = abs(place - round(place)) <= EVEN_SHARE and round(place) in (-1, len(slots))
        belongs = run.series_number in series or len({frame.timing.trigger_ms for frame in run.frames}) >= MIN_SHORT
        if is_slice and belongs and are_parallel(first, run.plane):
            where = "before slice 1" if place < 0 else f"after slice {len(slots)}"
            found = f"{len(run.frames)} phases of the slice {where} (series {run.series_number})"
            raise IncompleteStudy("all phases of every slice", found, "export the whole study again", path)


def _last_complete(slot: Sequence[Run], number: int, usual: int, path: Path) -> Run:
    whole = [run for run in slot if not _lacks_frames(run, usual)]
    if not whole:
        found = f"slice {number} (series {slot[-1].series_number}) has {len(slot[-1].frames)} of {usual}"
        raise IncompleteStudy(f"{usual} phases of every slice", found, "export the whole study again", path)
    full = [run for run in whole if len(run.frames) >= usual]
    return max(full or whole, key=lambda run: run.acquired)


def _lacks_frames(run: Run, usual: int) -> bool:
    """Whether a run with fewer phases than usual lost some, rather than having been acquired so."""
    if len(run.frames) >= usual:
        return False
    timings = [frame.timing for frame in run.frames]
    if any(timing.n_phases == usual for timing in timings):
        return True
    for times in ([t.trigger_ms for t in timings], [t.temporal_index for t in timings]):
        known = np.array([time for time in times if time is not None], float)
        steps = np.diff(known)
        if len(known) == len(timings) and steps.max() >= TIME_GAP * np.median(steps) > 0:
            return True
    return False


def _step(runs: Sequence[Run]) -> NDArray[np.float64]:
    return (runs[-1].plane.position - runs[0].plane.position) / (len(runs) - 1)


def _check_pixels(run: Run, path: Path) -> None:
    low, high = SPACING_RANGE_MM
    stated = run.plane.pixel_mm
    if stated is not None and not low <= min(stated) <= max(stated) <= high:
        found = f"{stated[0]:g} and {stated[1]:g} mm" if any(stated) else "zero, or no pair of numbers"
        way_out = "export it again; without any PixelSpacing it is read, but nothing can be stated in millimetres"
        raise BadSpacing(
            f"PixelSpacing between {low:g} and {high:g} mm", f"{found} (series {run.series_number})", way_out, path
        )


def _check_line(runs: Sequence[Run], path: Path) -> list[Note]:
    """Raises where slices do not lie straight behind one another; a note on a drift too small to matter."""
    first = runs[0].plane
    beside = np.array([first.axes @ (run.plane.position - first.position) for run in runs])  # [slice, 2] mm
    tilt = np.median(np.diff(beside, axis=0), axis=0)
    drift_mm = float(np.linalg.norm(tilt)) * (len(runs) - 1)
    if drift_mm > LINE_MM:
        angle_deg = np.degrees(np.arctan2(np.linalg.norm(tilt), abs(float(_step(runs) @ first.normal))))
        found = f"each slice shifted by {np.linalg.norm(tilt):.2f} mm in its plane, a gantry tilt of {angle_deg:.1f} degrees"
        way_out = "resample the stack to slices straight behind one another"
        raise BadAffine("slices straight behind one another", found, way_out, path)
    for number, in_plane in enumerate(np.linalg.norm(beside - tilt * np.arange(len(runs))[:, None], axis=1), 1):
        if in_plane > LINE_MM:
            found = f"slice {number} is shifted by {in_plane:.1f} mm within its plane"
            way_out = "leave out the repeated or shifted slice, or resample the stack"
            raise UnevenSlices("slices straight behind one another", found, way_out, path)
    return [notes.slices_drift(drift_mm)] if drift_mm > DRIFT_NOTED_MM else []
