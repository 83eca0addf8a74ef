"""Facts of a study from the tags of its frames: times, heart rate, sex, height, weight."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from shortaxis.core.study import Facts, Note
from shortaxis.read.dicom import notes
from shortaxis.read.dicom.frames import Person, Timing
from shortaxis.read.dicom.sort import Run
from shortaxis.read.dicom.stack import Stack

FRAME_TIME_MS = (5.0, 250.0)  # a human cine; 8 phases of a beat at 30 a minute are 250 ms apart
HEART_RATE_BPM = (20.0, 300.0)
HEIGHT_M = (0.3, 2.6)
WEIGHT_KG = (0.5, 400.0)


def facts_of(stack: Stack) -> tuple[Facts, list[Note]]:
    """Facts of a short-axis cine, and notes on values that were not usable."""
    timings = [frame.timing for run in stack.runs for frame in run.frames]
    beat_ms = _median(_beats(timings))
    heart_rate_bpm = _within(60_000 / beat_ms if beat_ms else None, HEART_RATE_BPM)
    frame_time_ms = _within(_frame_time(stack, beat_ms), FRAME_TIME_MS)
    said = [] if frame_time_ms is not None else [notes.FRAME_TIME_UNKNOWN]
    person, more = _person(stack.runs[0].frames[0].person)
    facts = Facts(
        modality="cine",
        frame_time_ms=frame_time_ms,
        heart_rate_bpm=heart_rate_bpm,
        sex={"F": "female", "M": "male"}.get(person.sex or ""),  # pyright: ignore[reportArgumentType]
        height_cm=None if person.height_m is None else round(person.height_m * 100, 1),
        weight_kg=person.weight_kg,
    )
    return facts, [*said, *more]


def _frame_time(stack: Stack, beat_ms: float | None) -> float | None:
    """From trigger times; else the stated frame time; else the beat divided by the phases."""
    stepped = _median(step for run in stack.runs for step in _steps(run))
    if stepped:
        return stepped
    stated = _median(frame.timing.frame_time_ms for run in stack.runs for frame in run.frames)
    return stated or (beat_ms / stack.n_phases if beat_ms else None)


def _steps(run: Run) -> list[float]:
    times = [frame.timing.trigger_ms for frame in run.frames if frame.timing.trigger_ms is not None]
    return [float(step) for step in np.diff(times) if step > 0]


def _beats(timings: Iterable[Timing]) -> Iterable[float | None]:
    """R-R intervals in ms: the heart rate where it is stated, else the nominal interval."""
    return ((60_000 / t.heart_rate_bpm) if t.heart_rate_bpm else t.beat_ms for t in timings)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and value > 0]
    return float(np.median(known)) if known else None


def _within(value: float | None, limits: tuple[float, float]) -> float | None:
    return value if value is not None and limits[0] <= value <= limits[1] else None


def _person(stated: Person) -> tuple[Person, list[Note]]:
    """The person with implausible values left out; zero stands for "not entered" and is not worth a note."""
    height_m, weight_kg = _within(stated.height_m, HEIGHT_M), _within(stated.weight_kg, WEIGHT_KG)
    said = [
        notes.fact_ignored(name)
        for name, before, after in (("height", stated.height_m, height_m), ("weight", stated.weight_kg, weight_kg))
        if before and after is None
    ]
    return Person(stated.sex, height_m, weight_kg), said
