"""What a series shows: a cine or something else, and whether a stack of cines is a short axis.

Geometry and timing decide wherever they can. Words in SeriesDescription decide only what geometry cannot tell (a tagged
cine, a late-enhancement stack); ProtocolName is not asked, because on some scanners it names the whole examination.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from shortaxis.read.dicom.frames import Frame

MIN_PHASES = 8
"""Fewer images of a beat cannot place end-systole: with 8 over 800 ms they are 100 ms apart, as long as the ventricle
stays near its smallest. Localisers, late enhancement and most maps have fewer images at one position."""

MIN_SLICES = 3  # parallel; long-axis views come as one slice each, seldom two
MAX_BEAT_MS = 2500.0  # a beat at 24 a minute; images that span more are not one averaged beat
MAX_STEP_S = 0.35  # between neighbouring images; one image per heartbeat is slower than this, a cine's far quicker
MIN_CLOCKED = 0.5  # this share of the steps must be so long

TYPICAL_LV_AXIS = np.array([0.63, -0.62, -0.47])
"""From base to apex in LPS: leftwards, forwards, downwards. A short-axis plane has it for its normal."""
MAX_FROM_LV_AXIS_DEG = 60.0  # a long-axis plane contains the LV's axis, so its normal is about 90 degrees from it
MIN_OBLIQUE_DEG = 12.0  # a short axis is double-oblique: its normal is near none of the patient's three axes

# Words that settle what a series is, although its timing may look like a cine's. Whole words, lower case.
DECISIVE: Mapping[str, str] = {
    "localiser": r"locali[sz]ers?|loc|scout|survey|3 ?plane",
    "late enhancement": r"lge|psir|mde|late gad\w*|viability",
    "T1 map": r"t1 ?map\w*|sh?molli|molli|sasha|t1 mapping|look ?locker|ti ?scout",
    "T2 map": r"t2 ?map\w*|t2 ?star|t2 mapping",
    "perfusion": r"perf\w*|first ?pass",
    "phase contrast": r"flow|qflow|venc\w*|pc|velocity|phase contrast|4d ?flow",
    "tagged cine": r"tag|tagged|tagging|c?spamm",
}
# Words that only name what was set aside for another reason.
NAMING: Mapping[str, str] = {
    "late enhancement": r"de|delayed|late|ir",
    "long axis": r"[234] ?ch\w*|lax|la|hla|vla|lvot|rvot|long ?axis|[234] ?chamber",
    "short axis": r"sax|sa|short ?axis|short",
}
_PHASE_TYPES = frozenset({"P", "PHASE", "PHASE MAP", "VELOCITY", "VELOCITY MAP", "PHASE CONTRAST M", "PCA"})
_MAP_TYPES: Mapping[str, str] = {
    "T1 MAP": "T1 map",
    "T2 MAP": "T2 map",
    "T2_STAR MAP": "T2 map",
    "PERFUSION": "perfusion",
}
_COMPLEX_TYPES = frozenset({"R", "I", "REAL", "IMAGINARY"})


def named(description: str, words: Mapping[str, str]) -> str | None:
    """The first kind one of whose words stands in a series description, or None."""
    plain = f" {' '.join(re.split(r'[^a-z0-9]+', description.lower()))} "
    return next((kind for kind, pattern in words.items() if re.search(rf" (?:{pattern}) ", plain)), None)


def is_called_short_axis(frames: Sequence[Frame]) -> bool:
    """Whether every one of these series is described as short axis."""
    return {named(frame.series.description, {"sa": NAMING["short axis"]}) for frame in frames} == {"sa"}


def set_aside_by_tags(frames: Sequence[Frame]) -> str | None:
    """What one series is if its tags say it is no cine; None if they leave it open."""
    types = frozenset().union(*(frame.series.image_type for frame in frames))
    if types & _PHASE_TYPES:
        return "phase contrast"
    if types & _COMPLEX_TYPES:
        return "real or imaginary part"
    mapped = next((kind for word, kind in _MAP_TYPES.items() if word in types), None)
    return mapped or named(frames[0].series.description, DECISIVE)


def not_a_cine(frames: Sequence[Frame]) -> str | None:
    """Why the images at one position, in time order, are not a beat's phases; None if they are."""
    if len(frames) < MIN_PHASES:
        name = named(frames[0].series.description, NAMING) or "images"
        return name if len(frames) == 1 else f"{name} with only {len(frames)} phases"
    return not_one_beat(frames)


def not_one_beat(frames: Sequence[Frame]) -> str | None:
    """Why the images at one position, however few, cannot show one averaged beat; None if they can."""
    triggers = [frame.timing.trigger_ms for frame in frames if frame.timing.trigger_ms is not None]
    if triggers and max(triggers) - min(triggers) > MAX_BEAT_MS:
        return "images over several heartbeats"
    clock = np.array([frame.timing.acquired_s for frame in frames if frame.timing.acquired_s is not None])
    steps = np.diff(np.sort(clock))
    if len(steps) and np.mean(steps >= MAX_STEP_S) > MIN_CLOCKED:
        return "one image per heartbeat (perfusion or a map)"
    if len({frame.timing.inversion_ms for frame in frames} - {None}) > 1:
        return "T1 map"
    return None


def angle_to_lv_axis_deg(normal: NDArray[np.float64]) -> float:
    """Angle between a plane's normal (either sign) and the typical axis of the left ventricle."""
    axis = TYPICAL_LV_AXIS / np.linalg.norm(TYPICAL_LV_AXIS)
    return float(np.degrees(np.arccos(min(1.0, abs(float(normal @ axis))))))


def not_short_axis(frames: Sequence[Frame], normal: NDArray[np.float64]) -> str | None:
    """Why a stack of parallel cines is no short axis; None if it is or its description says so.

    A normal within 12 degrees of a patient axis is an axial, coronal or sagittal stack; one more than 60 degrees from
    the typical axis of the left ventricle is a long-axis stack. A description that says short axis overrules both, so
    that a heart on the right side or a phantom can be read.
    """
    if is_called_short_axis(frames):
        return None
    nearest = int(np.argmax(np.abs(normal)))
    if np.degrees(np.arccos(min(1.0, float(np.abs(normal[nearest]))))) < MIN_OBLIQUE_DEG:
        return f"{('sagittal', 'coronal', 'axial')[nearest]} cine stack"
    if angle_to_lv_axis_deg(normal) > MAX_FROM_LV_AXIS_DEG:
        return "long-axis cine stack"
    return None
