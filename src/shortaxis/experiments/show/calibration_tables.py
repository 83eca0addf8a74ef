"""Whether each entry's probabilities mean what they say: Brier score, calibration error and the reliability figure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from shortaxis.experiments.compare.ablations import WITHOUT_ROI
from shortaxis.experiments.compare.probabilities import ALL, BINS, ROOM_MM, curve_of
from shortaxis.experiments.compare.results import Result, Row
from shortaxis.experiments.compare.values import STRUCTURES, cases_of, mean, short
from shortaxis.experiments.show.figures import as_png, colours_of, new_figure
from shortaxis.experiments.show.tables import BRACKETS
from shortaxis.experiments.statistics import bootstrap_interval
from shortaxis.experiments.table import Cell, Table, columns
from shortaxis.measure.calibration import ReliabilityCurve, maximum_calibration_error, pooled_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NONE_KEPT = (
    "No probabilities were kept: these are scores of masks, or of an earlier version; the same command scores anew."
)
FEW_VOXELS = 100  # a bin of fewer says nothing


def calibration_table(results: Sequence[Result]) -> Table:
    """Brier score and calibration error of each entry, per structure and of all classes at once."""
    rows: list[dict[str, Cell]] = []
    for structure in judged_structures(results):
        for result in results:
            held = _of(result, structure)
            if held:
                rows.append({"structure": _named(structure), "entry": result.label, **_figures(result, held)})
    notes = [
        "Of the probabilities before any repair, over drawn slices. Brier: mean squared difference of probability and"
        " reference, 0 is perfect; over whole images it is mostly certain background. Heart: the box around the"
        f" reference with {ROOM_MM:g} mm of room, the same for every entry. All classes: mean over classes, background"
        " included.",
        f"ECE: mean gap of predicted and observed frequency over {BINS} equal bins, weighted by their voxels, near the"
        " heart; mean over patients. MCE: the largest gap of a bin, over all patients' voxels together. Of all classes both"
        f" are of the likeliest class. {BRACKETS}",
    ]
    return Table("calibration", "Calibration", rows, notes if rows else [NONE_KEPT], dict.fromkeys(columns(rows), 4))


def judged_structures(results: Sequence[Result]) -> list[str]:
    """Every structure whose probabilities were judged, the ventricles first, all classes last."""
    found = {row["structure"] for result in results for row in result.every("calibration")}
    order = [*STRUCTURES, ALL]
    return sorted(found, key=lambda name: (order.index(name) if name in order else len(STRUCTURES) - 0.5, name))


def _figures(result: Result, held: Sequence[Row]) -> dict[str, Cell]:
    cases = [case for case in cases_of(result) if any(row["case"] == case for row in held)]

    def per_patient(key: str) -> list[float | None]:
        return [mean([row[key] for row in held if row["case"] == case]) for case in cases]

    curve = _pooled(held)
    return {
        "n": len(cases),
        "Brier": bootstrap_interval(per_patient("brier")),
        "Brier heart": bootstrap_interval(per_patient("brier_heart")),
        "ECE": bootstrap_interval(per_patient("ece")),
        "MCE": None if curve is None else maximum_calibration_error(curve),
    }


def reliability_figure(results: Sequence[Result]) -> bytes:
    """A panel per structure: how often a probability came true, a line per entry, above the share of voxels in each bin.

    An entry without the ROI stage that stands before the others is dashed.
    """
    structures, colours = judged_structures(results), colours_of([result.label for result in results])
    figure = new_figure(2.9 * len(structures), 3.9)
    panels = figure.subplots(2, len(structures), squeeze=False, sharex=True, height_ratios=(3, 1))
    for structure, above, below in zip(structures, *panels, strict=True):
        for result in results:
            curve = _pooled(_of(result, structure))
            if curve is not None:
                _draw(above, below, curve, result.label, colours[result.label])
        above.plot([0, 1], [0, 1], color="#7f8a96", linewidth=0.8, linestyle="--", zorder=0)
        above.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        above.set_title(_named(structure), fontsize=9, loc="left")
        below.set(yscale="log", ylim=(1e-4, 1.3), yticks=(1e-4, 1e-2, 1))
        below.minorticks_off()
        below.set_xlabel("predicted probability", fontsize=8)
        for axes in (above, below):
            axes.tick_params(labelsize=7.5)
            axes.grid(color="#dde2e8", linewidth=0.6)
            axes.set_axisbelow(True)
    panels[0][0].set_ylabel("came true", fontsize=8)
    panels[1][0].set_ylabel("share of voxels", fontsize=8)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6), fontsize=8, frameon=False)
    return as_png(figure)


def _draw(above: Axes, below: Axes, curve: ReliabilityCurve, label: str, colour: str) -> None:
    bins = zip(curve.counts, curve.confidence, curve.frequency, strict=True)
    known = [
        (said, came) for count, said, came in bins if said is not None and came is not None and count >= FEW_VOXELS
    ]
    style: dict[str, Any] = {
        "color": colour,
        "linestyle": "--" if label.endswith(WITHOUT_ROI) else "-",
        "linewidth": 1.2,
    }
    above.plot(*zip(*known, strict=True), **style, marker="o", markersize=3.5, label=label, clip_on=False)
    middles = [(low + high) / 2 for low, high in pairwise(curve.edges)]
    held = [(middle, n / sum(curve.counts)) for middle, n in zip(middles, curve.counts, strict=True) if n]
    below.plot(*zip(*held, strict=True), **style, marker=".", markersize=4)


def _pooled(held: Sequence[Row]) -> ReliabilityCurve | None:
    return pooled_curve([curve_of(row) for row in held])


def _of(result: Result, structure: str) -> list[Row]:
    return [row for row in result.every("calibration") if row["structure"] == structure]


def _named(structure: str) -> str:
    return "all classes" if structure == ALL else short(structure)
