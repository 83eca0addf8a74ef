"""The volume-time curve as plain geometry, which the page draws as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 560, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 34


@dataclass(frozen=True)
class Line:
    """One ventricle's curve.

    Attributes:
        pieces: SVG point lists, one per run of frames without a gap.
        y: of every frame of the study, None where it has no volume.
        volumes: likewise, in the curve's unit.
    """

    key: str
    title: str
    pieces: tuple[str, ...]
    y: tuple[float | None, ...]
    volumes: tuple[float | None, ...]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, at a position in the picture."""

    at: float
    text: str


@dataclass(frozen=True)
class Curve:
    """Everything the picture needs, in its own coordinates.

    Attributes:
        frame_x: x of every frame of the study, for the cursor and for clicks.
        lines: the ventricles that have a curve.
        phases: end-diastole and end-systole as (x, "ED").
        title: what a screen reader says.
        unit: of the volumes: ml, or µl of a mouse.
    """

    frame_x: tuple[float, ...]
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    phases: tuple[Tick, ...]
    x_name: str
    title: str
    times_ms: tuple[float, ...] | None
    unit: str = "ml"
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def curve_of(measures: Mapping[str, Any], n_frames: int) -> Curve | None:
    """The curve of `measures["curve"]`; None for a single frame or where no volume is known."""
    given = measures.get("curve") or {}
    volumes = {key: volumes_by_frame(given, key, n_frames) for key in ("lv", "rv")}
    known = [value for row in volumes.values() for value in row if value is not None]
    if n_frames < 2 or not known:
        return None
    unit = "µl" if any(f"{key}_ul" in given for key in volumes) else "ml"
    times = times_by_frame(given, n_frames)
    last = times[-1] if times else float(n_frames - 1)
    moments = times or [float(frame) for frame in range(n_frames)]
    frame_x = tuple(round(LEFT + (WIDTH - RIGHT - LEFT) * moment / last, 2) for moment in moments)
    step = nice_step(max(max(known), 1e-9) / 4)
    ceiling = step * math.ceil(max(known) / step * 1.001) or step
    y_of = _Scale(ceiling)
    return Curve(
        frame_x,
        tuple(_line(key, row, frame_x, y_of) for key, row in volumes.items() if any(v is not None for v in row)),
        _x_ticks(times, frame_x),
        tuple(Tick(y_of(step * i), f"{step * i:g}") for i in range(round(ceiling / step) + 1)),
        _phase_ticks(measures.get("phases") or {}, frame_x),
        "time (ms)" if times else "frame",
        f"Volume in {unit} against {'time' if times else 'frame'}, {n_frames} frames",
        tuple(times) if times else None,
        unit,
    )


def volumes_by_frame(curve: Mapping[str, Any], ventricle: str, n_frames: int) -> list[float | None]:
    """`curve["lv_ml"]` placed by `curve["frame"]` (0-based) on all frames; None where a frame has no finite volume.

    A mouse's curve is under `lv_ul`.
    """
    placed: list[float | None] = [None] * n_frames
    values = curve.get(f"{ventricle}_ml") or curve.get(f"{ventricle}_ul") or []
    for frame, value in zip(curve.get("frame") or range(len(values)), values, strict=False):
        if value is not None and math.isfinite(value) and 0 <= frame < n_frames:
            placed[frame] = float(value)
    return placed


def times_by_frame(curve: Mapping[str, Any], n_frames: int) -> list[float] | None:
    """Each frame's time in ms, from the first frame on; None unless every frame has one and they increase."""
    times = curve.get("time_ms")
    if not times or len(times) != n_frames or any(time is None or not math.isfinite(time) for time in times):
        return None
    shifted = [float(time - times[0]) for time in times]
    return shifted if all(a < b for a, b in pairwise(shifted)) else None


def pieces_of(points: Sequence[tuple[float, float | None]]) -> tuple[str, ...]:
    """SVG point lists, one per run of two or more points without a gap; a gap is a y of None."""
    pieces: list[list[str]] = [[]]
    for x, y in points:
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{x},{y}")
    return tuple(" ".join(piece) for piece in pieces if len(piece) > 1)


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is at least `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * 0.999)


class _Scale:
    """Volume -> y in the picture."""

    def __init__(self, ceiling: float) -> None:
        self.ceiling = ceiling

    def __call__(self, volume: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * volume / self.ceiling, 2)


def _line(key: str, row: Sequence[float | None], frame_x: Sequence[float], y_of: _Scale) -> Line:
    y = tuple(None if volume is None else y_of(volume) for volume in row)
    return Line(key, key.upper(), pieces_of(list(zip(frame_x, y, strict=True))), y, tuple(row))


def _x_ticks(times: list[float] | None, frame_x: Sequence[float]) -> tuple[Tick, ...]:
    if times:
        step = nice_step(times[-1] / 5)
        span = frame_x[-1] - frame_x[0]
        return tuple(
            Tick(round(frame_x[0] + span * step * i / times[-1], 2), f"{step * i:g}")
            for i in range(math.floor(times[-1] / step) + 1)
        )
    step = max(1, math.ceil(len(frame_x) / 8))
    return tuple(Tick(frame_x[index], str(index + 1)) for index in range(0, len(frame_x), step))


def _phase_ticks(phases: Mapping[str, Any], frame_x: Sequence[float]) -> tuple[Tick, ...]:
    found = ((phases.get("ed_index"), "ED"), (phases.get("es_index"), "ES"))
    return tuple(Tick(frame_x[i], text) for i, text in found if i is not None and 0 <= i < len(frame_x))
