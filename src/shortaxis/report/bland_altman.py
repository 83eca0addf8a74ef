"""Bland-Altman plots as plain geometry, which the page draws as SVG: difference against mean, bias, limits of agreement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shortaxis.report.curve import Tick, nice_step
from shortaxis.report.indices import name_and_unit, shown, title_of

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 100, 12, 42
BETWEEN_TEXTS = 13  # pixels that texts beside the lines keep apart


@dataclass(frozen=True)
class Dot:
    """A patient: where, and what a pointer over it says."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Level:
    """A horizontal line with the band of its 95 % interval.

    Attributes:
        look: the style sheet's class, `bias` or `limit`.
        text_y: where the text stands, moved so that texts do not cover each other.
        band: (top, height) of the interval; None where it is not defined.
    """

    y: float
    text: str
    look: str
    text_y: float
    band: tuple[float, float] | None


@dataclass(frozen=True)
class Plot:
    """One index of all patients, in the picture's own coordinates."""

    title: str
    unit: str
    n: int
    dots: tuple[Dot, ...]
    levels: tuple[Level, ...]
    zero: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Axis:
    """A value's place between two ends of the picture."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + (self.end - self.start) * share, 1)

    def ticks(self, least: int) -> tuple[Tick, ...]:
        """Marks at round values, about `least` of them."""
        step = nice_step((self.high - self.low) / least)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(Tick(self(step * i), f"{step * i:g}".replace("-", "−")) for i in range(first, last + 1))


def bland_altman(
    key: str, pairs: Mapping[str, tuple[float | None, float | None]], found: Mapping[str, Any]
) -> Plot | None:
    """The plot of one index; None unless a patient has it in both readings.

    Args:
        key: dotted, as `lv.ef_percent`.
        pairs: (A, B) by case.
        found: the index's row of `jobs.agree.flat`.
    """
    known = {case: (a, b) for case, (a, b) in pairs.items() if a is not None and b is not None}
    if not known:
        return None
    section, _, leaf = key.partition(".")
    name, unit = name_and_unit(leaf)
    means = [(a + b) / 2 for a, b in known.values()]
    off = [a - b for a, b in known.values()]
    ends = [found[end] for end in ("bias", "loa_low", "loa_high", "loa_low_low", "loa_high_high")]
    reach = [0.0, *off, *(end for end in ends if end is not None)]
    x = Axis(*_widened(min(means), max(means)), LEFT, WIDTH - RIGHT)
    y = Axis(*_widened(min(reach), max(reach)), HEIGHT - BOTTOM, TOP)
    dots = tuple(
        Dot(
            x(mean), y(difference), f"{case}: A {shown(a)}, B {shown(b)}, difference {shown(difference)} {unit}".strip()
        )
        for (case, (a, b)), mean, difference in zip(known.items(), means, off, strict=True)
    )
    x_ticks, y_ticks = x.ticks(4), y.ticks(5)
    title = f"{title_of(section)}: {name[:1].lower()}{name[1:]}"
    return Plot(title, unit, len(known), dots, _levels(found, y), y(0.0), x_ticks, y_ticks)


def _levels(found: Mapping[str, Any], y: Axis) -> tuple[Level, ...]:
    """Upper limit, bias and lower limit, from top to bottom, those that are defined."""
    wanted = (("loa_high", "+1.96 SD", "limit"), ("bias", "bias", "bias"), ("loa_low", "−1.96 SD", "limit"))
    levels: list[Level] = []
    for key, name, look in wanted:
        if found[key] is None:
            continue
        place = y(found[key])
        text_y = place if not levels else max(place, levels[-1].text_y + BETWEEN_TEXTS)
        low, high = found[f"{key}_low"], found[f"{key}_high"]
        band = None if low is None else (max(y(high), TOP), round(min(y(low), HEIGHT - BOTTOM) - max(y(high), TOP), 1))
        levels.append(Level(place, f"{name} {shown(found[key])}".replace(" -", " −"), look, text_y, band))
    return tuple(levels)


def _widened(low: float, high: float) -> tuple[float, float]:
    """A little more than the span, so that no dot lies on the frame; a span of zero is given one."""
    beyond = 0.06 * (high - low) if high - low > 1e-9 * max(1.0, abs(high)) else max(1.0, 0.05 * abs(high))
    return low - beyond, high + beyond
