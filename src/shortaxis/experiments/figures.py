"""Box plots of the scores of every entry, per structure and phase, as PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shortaxis.experiments.results import Result
from shortaxis.experiments.values import by_patient, cases_of, phases_of, picked, short, structures_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#7f7f7f", "#8c510a")  # Okabe and Ito
DPI = 110


def box_plots(results: Sequence[Result], key: str, title: str, unit: str) -> bytes:
    """A panel per structure and phase, a box per entry: median, quartiles, whiskers of 1.5 IQR, a dot per outlier.

    Args:
        results: the entries.
        key: a column of the rows, as `dice` or `hd95_mm`; patients without a value are left out.
        title, unit: over the figure and along its axis.
    """
    structures, phases = structures_of(results), phases_of(results)
    figure = new_figure(3.1 * len(structures), 0.7 + (0.55 + 0.27 * len(results)) * len(phases) + 0.3)
    panels = figure.subplots(len(phases), len(structures), squeeze=False, sharex="col")
    for phase, line in zip(phases, panels, strict=True):
        for structure, axes in zip(structures, line, strict=True):
            _boxes(axes, results, key, structure, phase)
            if axes is not line[0]:
                axes.set_yticklabels([])
    for axes in panels[-1]:
        axes.set_xlabel(unit)
    figure.suptitle(title, fontsize=11)
    return as_png(figure)


def _boxes(axes: Axes, results: Sequence[Result], key: str, structure: str, phase: str) -> None:
    columns = [
        by_patient(picked(result.every("rows"), structure, phase), key, cases_of(result)) for result in results[::-1]
    ]
    known = [[value for value in column if value is not None] for column in columns]
    labels = [result.label for result in results[::-1]]
    boxes = axes.boxplot(known, orientation="horizontal", patch_artist=True, widths=0.62, tick_labels=labels,
                         flierprops={"marker": "o", "markersize": 3}, medianprops={"color": "#16202b"})  # fmt: skip
    for at, box in enumerate(boxes["boxes"]):
        box.set_facecolor(COLOURS[(len(results) - 1 - at) % len(COLOURS)])
        box.set_alpha(0.65)
    axes.set_title(f"{short(structure)}, {phase}", fontsize=9, loc="left")
    axes.tick_params(labelsize=8)
    axes.grid(axis="x", color="#dde2e8", linewidth=0.7)
    axes.set_axisbelow(True)


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty figure that is drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here: a figure is drawn at the very end
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def as_png(figure: Figure) -> bytes:
    """The figure as a PNG without the program's name or a date in it, so that the same scores give the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
