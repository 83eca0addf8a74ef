"""Frames into runs: all images of one series at one position, in time order, one run per breath-hold.

Time is a rank. A study of 7 slices and 20 phases may state 140 distinct trigger times, because each breath-hold has its
own heart rate; within one slice their order is what counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from shortaxis.read.dicom.frames import Frame, Plane
from shortaxis.read.dicom.pixels import fingerprints
from shortaxis.read.dicom.views import MIN_PHASES

SAME_COSINE = 0.005  # of each of the six; scanners repeat them to 1e-6, and a replanned stack turns by more
SAME_PLACE_MM = 0.2  # mouse slices are 0.5 to 1 mm apart
SAME_PIXEL_MM = 0.001


@dataclass(frozen=True, eq=False)
class Run:
    """One slice through the beat: frames of one series at one position, in time order."""

    frames: tuple[Frame, ...]
    plane: Plane

    @property
    def series_number(self) -> int:
        """As the scanner numbers it; 0 where it does not."""
        return self.frames[0].series.number or 0

    @property
    def acquired(self) -> tuple[float, ...]:
        """Sorts runs by when they were taken: series number, then time of day, then acquisition and image number."""
        timings = [frame.timing for frame in self.frames]
        clock = min((t.acquired_s for t in timings if t.acquired_s is not None), default=0.0)
        number = min((t.acquisition for t in timings if t.acquisition is not None), default=0)
        image = min((t.instance for t in timings if t.instance is not None), default=0)
        return (self.series_number, clock, number, image)


def by_patient_and_study(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Frames that belong to one examination of one person; different people are never mixed."""
    return _grouped(frames, lambda frame: (frame.series.patient, frame.series.study))


def by_series(frames: Iterable[Frame]) -> list[list[Frame]]:
    """Frames by series, in the order of the series' numbers."""
    groups = _grouped(frames, lambda frame: (frame.series.uid, frame.series.number))
    return sorted(groups, key=lambda group: group[0].series.number or 0)


def runs_of(frames: Sequence[Frame]) -> tuple[list[Run], int]:
    """The runs of one series whose frames all have a plane, and how many duplicate images were dropped."""
    runs: list[Run] = []
    n_dropped = 0
    for at_place in _by_place(frames):
        for breath_hold in _breath_holds(at_place):
            parts, dropped = _without_duplicates(_by_occurrence(breath_hold))
            n_dropped += dropped
            runs += [Run(tuple(part), _plane(part[0])) for part in parts]
    return runs, n_dropped


def are_parallel(one: Plane, other: Plane) -> bool:
    """Whether two planes can belong to one stack: same size, spacing and orientation."""
    if one.shape != other.shape or np.abs(one.axes - other.axes).max() > SAME_COSINE:
        return False
    if one.pixel_mm is None or other.pixel_mm is None:
        return one.pixel_mm is other.pixel_mm
    return max(abs(a - b) for a, b in zip(one.pixel_mm, other.pixel_mm, strict=True)) <= SAME_PIXEL_MM


def _plane(frame: Frame) -> Plane:
    if frame.plane is None:
        raise ValueError("a frame without a plane cannot be sorted into a run")
    return frame.plane


def _grouped(frames: Iterable[Frame], key: Callable[[Frame], Hashable]) -> list[list[Frame]]:
    groups: dict[Hashable, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return list(groups.values())


def _by_place(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames whose planes agree within the tolerances above."""
    groups: list[list[Frame]] = []
    known: dict[bytes, list[Frame]] = {}  # planes are mostly equal to the bit; only a new one is compared with all
    for frame in frames:
        plane = _plane(frame)
        key = plane.axes.tobytes() + plane.position.tobytes() + repr((plane.shape, plane.pixel_mm)).encode()
        if key not in known:
            known[key] = next((group for group in groups if _is_same_place(plane, _plane(group[0]))), [])
            if not known[key]:
                groups.append(known[key])
        known[key].append(frame)
    return groups


def _is_same_place(one: Plane, other: Plane) -> bool:
    return are_parallel(one, other) and float(np.linalg.norm(one.position - other.position)) < SAME_PLACE_MM


def _breath_holds(frames: list[Frame]) -> list[list[Frame]]:
    """Frames at one position apart by acquisition, where each part has enough phases to be a cine of its own."""
    candidates = (
        _grouped(frames, lambda frame: frame.timing.acquisition),
        _grouped(frames, lambda frame: frame.timing.acquired_s),
        _where_time_restarts(frames),
    )
    for parts in candidates:
        if len(parts) > 1 and min(map(len, parts)) >= MIN_PHASES:
            return parts
    return [frames]


def _where_time_restarts(frames: list[Frame]) -> list[list[Frame]]:
    """Frames in the order of their numbers, cut where the trigger time falls back."""
    parts: list[list[Frame]] = [[]]
    last = -np.inf
    for frame in sorted(frames, key=lambda frame: frame.timing.instance or 0):
        trigger = last if frame.timing.trigger_ms is None else frame.timing.trigger_ms
        if trigger < last:
            parts.append([])
        parts[-1].append(frame)
        last = trigger
    return parts


def _by_occurrence(frames: list[Frame]) -> list[list[Frame]]:
    """Frames in time order; where a time occurs again, the second ones apart, then the third ones."""
    times = _times(frames)
    parts: list[list[Frame]] = []
    seen: dict[float, int] = defaultdict(int)
    order = sorted(range(len(frames)), key=lambda i: (times[i], frames[i].timing.instance or 0, frames[i].source.name))
    for i in order:
        again = seen[times[i]]
        seen[times[i]] += 1
        if again == len(parts):
            parts.append([])
        parts[again].append(frames[i])
    return parts


def _times(frames: list[Frame]) -> list[float]:
    """What ranks the frames: trigger times or temporal positions, whichever tells more apart, else image numbers."""
    columns = [
        [frame.timing.trigger_ms for frame in frames],
        [frame.timing.temporal_index for frame in frames],
    ]
    known = [[float(v) for v in column if v is not None] for column in columns]
    best = max((column for column in known if len(column) == len(frames)), key=lambda c: len(set(c)), default=[])
    if len(set(best)) > 1:
        return best
    return [float(frame.timing.instance or 0) for frame in frames]


def _without_duplicates(parts: list[list[Frame]]) -> tuple[list[list[Frame]], int]:
    """Parts without frames that repeat the first part's pixels at the same time, and how many went."""
    first = parts[0]
    if len(parts) == 1 or len(first) < MIN_PHASES:
        return parts, 0
    flat = [frame for part in parts for frame in part]
    times = dict(zip(flat, _times(flat), strict=True))
    prints = dict(zip(flat, fingerprints(flat), strict=True))
    known = {(times[frame], prints[frame]) for frame in first}
    kept = [[frame for frame in part if (times[frame], prints[frame]) not in known] for part in parts[1:]]
    return [first, *(part for part in kept if part)], len(flat) - len(first) - sum(map(len, kept))
