"""Slice by slice, as papers on images score: medians of 2D scores in pixels and mm, and the boxes of a locator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shortaxis.experiments.compare.located import SLICE, STUDY
from shortaxis.experiments.compare.results import Result
from shortaxis.experiments.compare.values import picked, short, structures_of
from shortaxis.experiments.statistics import Interval
from shortaxis.experiments.table import Cell, Table, columns
from shortaxis.measure.roi import roi_errors

MEASURES = (("DSC", "dice"), ("HD px", "hd_px"), ("HD mm", "hd_mm"), ("ASSD px", "assd_px"), ("ASSD mm", "assd_mm"))


def slices_table(results: Sequence[Result]) -> Table:
    """Medians and quartiles over slices, per structure."""
    rows: list[dict[str, Cell]] = []
    for structure in structures_of(results):
        for result in results:
            held = [row for row in picked(result.every("slices"), structure) if row["outcome"] != "neither"]
            if held:
                row: dict[str, Cell] = {"structure": short(structure), "entry": result.label, "slices": len(held)}
                row["missed"] = sum(line["outcome"] == "missed" for line in held)
                row["invented"] = sum(line["outcome"] == "extra" for line in held)
                for name, key in MEASURES:
                    row[name] = quartiles([line[key] for line in held])
                rows.append(row)
    notes = [
        "Median [quartiles] over the drawn slices of every held-out patient, ED and ES together, each scored in 2D. DSC of a"
        " slice on which the structure was missed or invented is 0, and its distances are not defined and left out. Pixels"
        " are the scan's own; their size differs between patients.",
    ]
    if not rows:
        notes = ["These scores are of an earlier version, without slices; the same command scores anew."]
    return Table("slices", "Slice by slice (2D)", rows, notes, {"DSC": 3})


def located_table(results: Sequence[Result]) -> Table:
    """Corner error of the regressed region of interest, as HALSR-Net's table 3."""
    rows: list[dict[str, Cell]] = []
    for result in results:
        for per in (SLICE, STUDY):
            errors = [row["error_mm"] for row in result.every("located") if row["per"] == per]
            if errors:
                found = roi_errors(errors)
                row: dict[str, Cell] = {"entry": result.label, "box": f"per {per}", "n": found.count}
                row |= {"RMSE mm": found.rmse_mm, "SD mm": found.sd_mm, "outliers %": found.outlier_percent}
                rows.append(row)
    notes = [
        "Held-out patients; the box around all that the reference shows. RMSE: over the four coordinates of both corners of"
        " all boxes. SD: of the boxes' own root mean squared errors. Outliers: beyond the box plot's upper whisker. Entries"
        " that share a locator have the same figures. Per study: the median box that the tuned recipes cut at.",
    ]
    if not rows:
        notes = ["No entry regresses a region of interest, or an earlier version scored them."]
    return Table("located", "Region of interest", rows, notes, dict.fromkeys(columns(rows), 1))


def quartiles(values: Sequence[float | None]) -> Interval:
    """The median in the place of the mean, first and third quartile in the place of the interval."""
    known = [value for value in values if value is not None]
    if not known:
        return Interval(0, None, None, None, "defined nowhere")
    first, middle, third = np.quantile(known, [0.25, 0.5, 0.75])
    return Interval(len(known), float(middle), float(first), float(third))
