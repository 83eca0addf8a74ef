"""The bull's-eye of the heart association's segments as plain geometry, which the page draws as SVG.

Basal segments outside, apical ones inside, the anterior wall above and the septum on the left, as on the images. The
colour scales are fixed, so that two cases can be laid side by side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from shortaxis.report.indices import missing_reason, shown

SIDE, CENTRE = 260, 130
RADII = (122, 88, 54, 20)  # outer edge of the basal, mid and apical ring, and the hole that stands for the apex
_SIX = ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral")
SEGMENT_NAMES = (
    *(f"basal {wall}" for wall in _SIX),
    *(f"mid {wall}" for wall in _SIX),
    *(f"apical {wall}" for wall in ("anterior", "septal", "inferior", "lateral")),
)
_BLUES = ("#f7fbff", "#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#3182bd", "#08519c")  # ColorBrewer, colour-blind safe
_BROWN_TO_BLUE = ("#8c510a", "#d8b365", "#f5f5f5", "#c7eae5", "#80cdc1", "#35978f", "#01665e")
_MISSING = "#8a94a0"


@dataclass(frozen=True)
class Scale:
    """Colours of equal steps from `low` upward; values beyond the ends take the end's colour."""

    low: float
    step: float
    colours: tuple[str, ...]

    def colour(self, value: float) -> str:
        place = math.floor((value - self.low) / self.step)
        return self.colours[min(max(place, 0), len(self.colours) - 1)]

    def legend(self) -> tuple[tuple[str, str], ...]:
        """(colour, words) of each step."""
        last = len(self.colours) - 1
        bounds = [self.low + self.step * place for place in range(last + 2)]
        words = [f"{low:g}–{high:g}" for low, high in pairwise(bounds)]
        words[0], words[last] = f"< {bounds[1]:g}", f"≥ {bounds[last]:g}"
        return tuple(zip(self.colours, words, strict=True))


@dataclass(frozen=True)
class Cell:
    """One segment: the SVG path, where its text stands, what it says, and its two colours."""

    path: str
    x: float
    y: float
    text: str
    name: str
    fill: str
    ink: str


@dataclass(frozen=True)
class Bullseye:
    """One figure.

    Attributes:
        reason: why no segment has a value; the figure is then not drawn.
    """

    title: str
    unit: str
    cells: tuple[Cell, ...]
    legend: tuple[tuple[str, str], ...]
    reason: str | None
    side: int = SIDE

    @property
    def description(self) -> str:
        """What a screen reader says."""
        return f"{self.title} in {self.unit}: " + ", ".join(f"{cell.name} {cell.text}" for cell in self.cells)


def bullseyes_of(measures: Mapping[str, Any]) -> tuple[Bullseye, ...]:
    """Thickness at end-diastole and thickening, from `lv.wall.aha`; none where the measures do not hold it."""
    segments = ((measures.get("lv") or {}).get("wall") or {}).get("aha")
    if not segments:
        return ()
    is_mouse = (measures.get("patient") or {}).get("species") == "mouse"
    thickness = Scale(0.4, 0.2, _BLUES) if is_mouse else Scale(4, 2, _BLUES)
    figures = (
        ("Wall thickness at end-diastole", "mm", "ed_mm", thickness),
        ("Wall thickening to end-systole", "%", "thickening_percent", Scale(-40, 20, _BROWN_TO_BLUE)),
    )
    return tuple(_bullseye(measures, segments, *figure) for figure in figures)


def _bullseye(
    measures: Mapping[str, Any], segments: Mapping[str, Any], title: str, unit: str, key: str, scale: Scale
) -> Bullseye:
    values = [(segments.get(str(number)) or {}).get(key) for number in range(1, 17)]
    reason = None
    if all(value is None for value in values):
        reason = missing_reason(measures, f"lv.wall.aha.1.{key}")
    cells = tuple(_cell(number, value, scale) for number, value in enumerate(values, 1))
    return Bullseye(title, unit, cells, scale.legend(), reason)


def _cell(number: int, value: float | None, scale: Scale) -> Cell:
    ring = (number - 1) // 6
    outer, inner = RADII[ring], RADII[ring + 1]
    width = 90 if ring == 2 else 60
    middle = 90 + width * ((number - 1) % 6)  # degrees, anticlockwise from the right; the anterior segment is above
    path = _sector(outer, inner, middle - width / 2, middle + width / 2)
    x, y = _at((outer + inner) / 2, middle)
    fill = _MISSING if value is None else scale.colour(value)
    return Cell(path, x, y, shown(value) or "–", SEGMENT_NAMES[number - 1], fill, _ink(fill))


def _sector(outer: float, inner: float, start: float, end: float) -> str:
    """A part of a ring between two angles."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = (
        _at(radius, angle) for radius, angle in ((outer, start), (outer, end), (inner, end), (inner, start))
    )
    return f"M{ax} {ay}A{outer} {outer} 0 0 0 {bx} {by}L{cx} {cy}A{inner} {inner} 0 0 1 {dx} {dy}Z"


def _at(radius: float, degrees: float) -> tuple[float, float]:
    turn = math.radians(degrees)
    return round(CENTRE + radius * math.cos(turn), 2), round(CENTRE - radius * math.sin(turn), 2)


def _ink(fill: str) -> str:
    """Black or white, whichever stands out on the colour."""
    channels: Sequence[int] = [int(fill[place : place + 2], 16) for place in (1, 3, 5)]
    return "#000000" if 0.299 * channels[0] + 0.587 * channels[1] + 0.114 * channels[2] > 130 else "#ffffff"
