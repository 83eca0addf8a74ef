"""Box plots of the scores of every entry, per structure and phase, as PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shortaxis.experiments.compare.ablations import WITH_ROI, WITHOUT_ROI
from shortaxis.experiments.compare.results import Result
from shortaxis.experiments.compare.values import by_patient, cases_of, phases_of, picked, short, structures_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#7f7f7f", "#8c510a")  # Okabe and Ito
DPI = 110


def box_plots(results: Sequence[Result], key: str, title: str, unit: str) -> bytes:
    """A panel per structure and phase, a box per entry: median, quartiles, whiskers of 1.5 IQR, a dot per outlier.

    An entry without the ROI stage that stands before the others (`ablations.WITHOUT_ROI`) is hatched.

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
        if key == "dice":
            axes.set_xlim(right=1.0)
    figure.suptitle(title, fontsize=11)
    return as_png(figure)


def _boxes(axes: Axes, results: Sequence[Result], key: str, structure: str, phase: str) -> None:
    columns = [
        by_patient(picked(result.every("rows"), structure, phase), key, cases_of(result)) for result in results[::-1]
    ]
    known = [[value for value in column if value is not None] for column in columns]
    labels = [result.label for result in results[::-1]]
    if not any(known):
        axes.text(0.5, 0.5, "defined for no patient", transform=axes.transAxes, ha="center", va="center", fontsize=8)
    boxes = axes.boxplot(known, orientation="horizontal", patch_artist=True, widths=0.62, tick_labels=labels,
                         flierprops={"marker": "o", "markersize": 3}, medianprops={"color": "#16202b"})  # fmt: skip
    colours = colours_of([result.label for result in results])
    for label, box in zip(labels, boxes["boxes"], strict=True):
        box.set_facecolor(colours[label])
        box.set_alpha(0.65)
        if label.endswith(WITHOUT_ROI):
            box.set_hatch("////")
    axes.set_title(f"{short(structure)}, {phase}", fontsize=9, loc="left")
    axes.tick_params(labelsize=8)
    axes.grid(axis="x", color="#dde2e8", linewidth=0.7)
    axes.set_axisbelow(True)


def colours_of(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each entry; with and without ROI are of one colour."""
    whole = {label: label.removesuffix(WITHOUT_ROI).removesuffix(WITH_ROI) for label in labels}
    order = list(dict.fromkeys(whole.values()))
    return {label: COLOURS[order.index(name) % len(COLOURS)] for label, name in whole.items()}


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
