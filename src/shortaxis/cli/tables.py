"""Scores as tables in the terminal; `summary.json` has all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_scores(summary: Mapping[str, Any]) -> None:
    """Overlap and distances per structure and phase, then the ventricles' agreement, each mean with its count."""
    console = Console()
    console.print(_overlap(summary))
    console.print(_agreement(summary["agreement"]))
    if summary.get("phases"):
        console.print(f"phases: {summary['phases']}", markup=False, highlight=False)
    for case in summary["without_prediction"]:
        console.print(f"no prediction: {case}", style="red", markup=False)


def _overlap(summary: Mapping[str, Any]) -> Table:
    cases = "1 case" if summary["n_cases"] == 1 else f"{summary['n_cases']} cases"
    title = f"{cases}; DSC counts what was missed as 0, distances leave it out; – is not defined"
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("structure", no_wrap=True)
    table.add_column("phase", no_wrap=True)
    for heading in ("n", "DSC", "missed", "invented", "HD mm", "HD95 mm", "ASSD mm"):
        table.add_column(heading, justify="right")
    groups = [
        (structure, phase, means)
        for structure, phases in summary["by_structure"].items()
        for phase, means in phases.items()
    ]
    for structure, phase, means in [*groups, ("all", "", summary)]:
        dice = means["dice"]
        distances = (_shown(means[key]["mean"]) for key in ("hd_mm", "hd95_mm", "assd_mm"))
        counts = (str(dice[key]) for key in ("n_missed", "n_extra"))
        table.add_row(structure, phase, str(dice["n"]), _shown(dice["mean"], 3), *counts, *distances)
    return table


def _agreement(ventricles: Mapping[str, Any]) -> Table:
    title = "Agreement, prediction minus reference"
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("index", no_wrap=True)
    for heading in ("n", "left out", "bias", "limits of agreement", "MAE", "r"):
        table.add_column(heading, justify="right")
    for name, indices in ventricles.items():
        for index, found in indices.items():
            low, high = _shown(found["loa_low"]), _shown(found["loa_high"])
            limits = f"{low} to {high}" if found["sd"] is not None else low
            numbers = (_shown(found["bias"]), limits, _shown(found["mae"]), _shown(found["pearson"], 3))
            table.add_row(f"{name}.{index}", str(found["n"]), str(found["n_left_out"]), *numbers)
    return table


def _shown(value: float | None, places: int = 2) -> str:
    return "–" if value is None else f"{value:.{places}f}"
