"""A training run's record as one page: losses, validation terms and learning rate against steps, as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from shortaxis.report.curve import Tick, nice_step, pieces_of
from shortaxis.report.page import render_page

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 26, 12, 36
MOST_POINTS = 100  # of a training line; each then stands for the mean of its steps

Series = Sequence[tuple[int, float | None]]  # (step, value); None where the value is not finite


@dataclass(frozen=True)
class Drawn:
    """One line of a panel.

    Attributes:
        look: the style sheet's class, `c0` to `c5`.
        pieces: SVG point lists, one per run of known values.
        dots: (x, y) of values that are marked one by one.
    """

    name: str
    look: str
    pieces: tuple[str, ...]
    dots: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Panel:
    """One picture: lines against steps, in its own coordinates.

    Attributes:
        band: SVG point list around the lowest and highest training losses, empty where there is none.
        scale: `logarithmic` or `linear`.
    """

    title: str
    lines: tuple[Drawn, ...]
    band: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    scale: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def render_training(title: str, lines: Sequence[Mapping[str, Any]]) -> str:
    """The page as the text of one HTML file that needs no network.

    Args:
        title: what was trained.
        lines: of `record.jsonl`, in order: `{"step", "loss", "learning_rate", "seconds"}` and
            `{"step", "validation": {"loss", ...}, "seconds"}`; a value may be None.
    """
    steps = [line for line in lines if "validation" not in line]
    validations = {name: _validation(lines, name) for name in _names(lines)}
    losses = _series(steps, "loss")
    held_out = validations.pop("loss", [])
    last = max((line["step"] for line in lines), default=1)
    size = _size(losses)
    smoothed = "training" if size == 1 else f"training (mean of {size} steps)"
    panels = (
        _panel(
            "Loss", {smoothed: binned(losses)}, {"validation": held_out}, last, losses if size > 1 else (), _logarithmic
        ),
        _panel("Validation terms", {}, validations, last),
        _panel("Learning rate", {"learning rate": binned(_series(steps, "learning_rate"))}, {}, last),
    )
    return render_page(
        "training.html.jinja",
        ("figures.css", "training.css"),
        title=title,
        figures=_figures(lines, losses, held_out),
        panels=[panel for panel in panels if panel is not None],
    )


def minutes_taken(lines: Sequence[Mapping[str, Any]]) -> float:
    """Minutes of training so far: `seconds` begins again at zero where a run was resumed, and each part counts."""
    seconds = [float(line["seconds"]) for line in lines]
    before = sum(a for a, b in pairwise(seconds) if b < a)
    return (before + (seconds[-1] if seconds else 0.0)) / 60


def binned(series: Series) -> list[tuple[int, float | None]]:
    """At most `MOST_POINTS` points, each the mean of the known values of equally many steps, at the middle one."""
    return [
        (group[len(group) // 2][0], sum(known) / len(known) if (known := _known(group)) else None)
        for group in _groups(series)
    ]


def _size(series: Series) -> int:
    """How many steps stand behind one point."""
    return math.ceil(len(series) / MOST_POINTS) or 1


def _groups(series: Series) -> Iterable[Series]:
    size = _size(series)
    return (series[start : start + size] for start in range(0, len(series), size))


def _known(series: Series) -> list[float]:
    return [value for _, value in series if value is not None]


def _series(lines: Iterable[Mapping[str, Any]], key: str) -> list[tuple[int, float | None]]:
    return [(int(line["step"]), _finite(line.get(key))) for line in lines]


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _names(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for line in lines for name in line.get("validation", {})))


def _validation(lines: Iterable[Mapping[str, Any]], name: str) -> list[tuple[int, float | None]]:
    return [(int(line["step"]), _finite(line["validation"].get(name))) for line in lines if "validation" in line]


def _figures(lines: Sequence[Mapping[str, Any]], losses: Series, held_out: Series) -> list[tuple[str, str, str]]:
    """(name, value, what stands beside it) of the numbers at the top; an en dash where there is none."""
    minutes = minutes_taken(lines)
    best = min(((value, step) for step, value in held_out if value is not None), default=None)
    latest = _known(losses)[-_size(losses) :]
    return [
        ("Step", str(max((line["step"] for line in lines), default=0)), ""),
        ("Minutes so far", f"{minutes:.1f}", ""),
        ("Steps per minute", f"{len(losses) / minutes:.1f}" if minutes > 0 else "–", "validation included"),
        ("Training loss", f"{sum(latest) / len(latest):.4g}" if latest else "–", _behind(len(latest))),
        ("Validation loss", f"{best[0]:.4g}" if best else "–", f"lowest, step {best[1]}" if best else "none recorded"),
    ]


def _behind(n_steps: int) -> str:
    return "none recorded" if n_steps == 0 else "last step" if n_steps == 1 else f"mean of the last {n_steps} steps"


@dataclass(frozen=True)
class _Linear:
    """Value -> y in the picture, from `low` at the bottom to `high` at the top."""

    low: float
    high: float
    name: str = "linear"

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share, 1)

    def ticks(self) -> tuple[Tick, ...]:
        step = nice_step((self.high - self.low) / 5)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(Tick(self(step * i), f"{step * i:g}") for i in range(first, last + 1))


@dataclass(frozen=True)
class _Logarithmic:
    """The same for values that are all positive and span decades."""

    low: float
    high: float
    name: str = "logarithmic"

    def __call__(self, value: float) -> float:
        return _Linear(math.log10(self.low), math.log10(self.high))(math.log10(value))

    def ticks(self) -> tuple[Tick, ...]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if len(decades) <= 4 else (1,)
        values = (factor * 10.0**decade for decade in decades for factor in factors)
        return tuple(Tick(self(value), f"{value:g}") for value in values if self.low <= value <= self.high)


def _linear(values: Sequence[float]) -> _Linear:
    """From the lowest to the highest value, and zero in any case."""
    low, high = min(*values, 0.0), max(*values, 0.0)
    return _Linear(low, high + 0.05 * (high - low) if high > low else 1.0)


def _logarithmic(values: Sequence[float]) -> _Linear | _Logarithmic:
    """Logarithmic where all values are positive and the highest is over ten times the lowest; else linear."""
    low, high = min(values), max(values)
    return _Logarithmic(low / 1.1, high * 1.1) if low > 0 and high > 10 * low else _linear(values)


def _panel(
    title: str,
    smooth: Mapping[str, Series],
    marked: Mapping[str, Series],
    last_step: int,
    spread: Series = (),
    scale: Callable[[Sequence[float]], _Linear | _Logarithmic] = _linear,
) -> Panel | None:
    """A panel of lines and of dotted lines; None where nothing is known to draw."""
    every = {**smooth, **marked}
    drawn = {name: series for name, series in every.items() if _known(series)}
    if not drawn:
        return None
    bands = [
        (group[len(group) // 2][0], min(known), max(known)) for group in _groups(spread) if (known := _known(group))
    ]
    values = [value for series in drawn.values() for value in _known(series)]
    y = scale([*values, *(edge for _, *edges in bands for edge in edges)])

    def x_of(step: float) -> float:
        return round(LEFT + (WIDTH - RIGHT - LEFT) * step / last_step, 1)

    lines = tuple(
        _drawn(name, f"c{list(every).index(name) % 6}", [(x_of(s), None if v is None else y(v)) for s, v in series],
               name in marked)
        for name, series in drawn.items()
    )  # fmt: skip
    edges = [(x_of(s), y(low)) for s, low, _ in bands] + [(x_of(s), y(high)) for s, _, high in reversed(bands)]
    gap = max(1, round(nice_step(last_step / 6)))
    ticks = tuple(Tick(x_of(step), f"{step:,}") for step in range(0, last_step + 1, gap))
    return Panel(title, lines, " ".join(f"{a},{b}" for a, b in edges), ticks, y.ticks(), y.name)


def _drawn(name: str, look: str, points: Sequence[tuple[float, float | None]], marks: bool) -> Drawn:
    known = tuple((x, y) for x, y in points if y is not None)
    return Drawn(name, look, pieces_of(points), known if marks or len(known) == 1 else ())
