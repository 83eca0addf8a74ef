"""Scores as tables in the terminal; `summary.json` has all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shortaxis.measure.ef_categories import CATEGORIES


def print_scores(summary: Mapping[str, Any]) -> None:
    """Overlap, distances and rates per structure and phase, by slice where scored, then the ventricles' agreement."""
    console = Console()
    console.print(_overlap(summary))
    console.print(_surfaces(summary))
    console.print(_rates(summary))
    if "by_slice" in summary:
        console.print(_slices(summary["by_slice"]))
    console.print(_agreement(summary["agreement"]))
    if summary.get("phases"):
        console.print(f"phases: {summary['phases']}", markup=False, highlight=False)
    for case in summary["without_prediction"]:
        console.print(f"no prediction: {case}", style="red", markup=False)


def print_agreement(summary: Mapping[str, Any]) -> None:
    """Two readings of the same patients: the indices' agreement, overlap, and who changes category."""
    console = Console()
    cases = "1 case" if summary["n_cases"] == 1 else f"{summary['n_cases']} cases"
    title = f"{cases} in both; differences are {summary['name_a']} minus {summary['name_b']}"
    table = _empty(escape(title), ("index",), ("n", "bias", "limits of agreement", "r", "ICC(2,1)", "ICC(3,1)", "CV %"))
    for index, found in summary["indices"].items():
        limits = f"{_shown(found['loa_low'])} to {_shown(found['loa_high'])}" if found["sd"] is not None else "–"
        shares = (_shown(found[key], 3) for key in ("pearson", "icc_2_1", "icc_3_1"))
        table.add_row(index, str(found["n"]), _shown(found["bias"]), limits, *shares, _shown(found["cv_percent"], 1))
    console.print(table)
    for structure, phases in summary["overlap"].items():
        for phase, means in phases.items():
            dice, hd = _shown(means["dice"]["mean"], 3), _shown(means["hd_mm"]["mean"])
            console.print(f"{structure} {phase}: DSC {dice} (n {means['dice']['n']}), HD {hd} mm", highlight=False)
    categories = summary["ef_categories"]
    if categories["n"]:
        console.print(f"EF category changes: {categories['n_changed']} of {categories['n']}", highlight=False)
        console.print(_categories(summary))
    for name, key in ((summary["name_a"], "only_in_a"), (summary["name_b"], "only_in_b")):
        for case in summary[key]:
            console.print(f"only in {name}: {case}", style="red", markup=False)


def _categories(summary: Mapping[str, Any]) -> Table:
    """Patients by the categories of both readings, A's down and B's across."""
    table = Table(box=None, header_style="bold")
    table.add_column(escape(f"LVEF %: {summary['name_a']} / {summary['name_b']}"), no_wrap=True)
    for name in CATEGORIES:
        table.add_column(name, justify="right")
    for name, row in zip(CATEGORIES, summary["ef_categories"]["counts"], strict=True):
        table.add_row(name, *map(str, row))
    return table


def _overlap(summary: Mapping[str, Any]) -> Table:
    cases = "1 case" if summary["n_cases"] == 1 else f"{summary['n_cases']} cases"
    title = f"{cases}; DSC counts what was missed as 0, distances leave it out; – is not defined"
    table = _empty(title, ("structure", "phase"), ("n", "DSC", "missed", "invented", "HD mm", "HD95 mm", "ASSD mm"))
    for structure, phase, means in _groups(summary):
        dice = means["dice"]
        distances = (_shown(means[key]["mean"]) for key in ("hd_mm", "hd95_mm", "assd_mm"))
        counts = (str(dice[key]) for key in ("n_missed", "n_extra"))
        table.add_row(structure, phase, str(dice["n"]), _shown(dice["mean"], 3), *counts, *distances)
    return table


def _surfaces(summary: Mapping[str, Any]) -> Table:
    """What else is known of the outlines: boundary and surface Dice, and the distances' other forms."""
    title = (
        "Outlines; charged: HD with what was missed or invented at the image's diagonal, and how many; others in --out"
    )
    table = _empty(title, ("structure", "phase"), ("BDC", "surface DSC", "HD charged", "charged", "one-sided HD"))
    for structure, phase, means in _groups(summary):
        overlaps = (_shown(means[key]["mean"], 3) for key in ("bdc", "surface_dice"))
        charged = _shown(means["hd_mm"]["mean_charged"]), str(means["hd_mm"]["n_charged"])
        table.add_row(structure, phase, *overlaps, *charged, _shown(means["hd_one_sided_mm"]["mean"]))
    return table


def _rates(summary: Mapping[str, Any]) -> Table:
    """Jaccard, the five rates and the volume, a mean over fewer rows than the first with its n."""
    title = "Rates over the drawn slices' whole images; 0.9/19: over 19 rows alone; ml: volume error"
    table = _empty(title, ("structure", "phase"), ("n", "Jaccard", "sens.", "spec.", "PPV", "NPV", "accuracy", "ml"))
    for structure, phase, means in _groups(summary):
        n = means["jaccard"]["n"]
        cells = [(means[key], 3) for key in ("jaccard", "sensitivity", "specificity", "ppv", "npv", "accuracy")]
        cells.append((means["volume_error_ml"], 2))
        table.add_row(structure, phase, str(n), *(_counted(found, n, places) for found, places in cells))
    return table


def _slices(summary: Mapping[str, Any]) -> Table:
    """The plane: means over every drawn slice, distances in mm and in pixels."""
    title = "Slice by slice (2D), HD95 and ASSD in px; distances leave out missed and invented"
    table = _empty(title, ("structure", "phase"), ("n", "DSC", "missed", "invented", "HD mm", "HD px", "HD95", "ASSD"))
    for structure, phase, means in _groups(summary):
        dice = means["dice"]
        counts = (str(dice["n"]), _shown(dice["mean"], 3), str(dice["n_missed"]), str(dice["n_extra"]))
        keys = ("hd_mm", "hd_px", "hd95_px", "assd_px")
        table.add_row(structure, phase, *counts, *(_shown(means[key]["mean"]) for key in keys))
    return table


def _counted(found: Mapping[str, Any], n: int, places: int) -> str:
    return _shown(found["mean"], places) + (f"/{found['n']}" if found["n"] != n else "")


def _groups(summary: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Structure, phase and their means; all together last."""
    groups = [
        (structure, phase, means)
        for structure, phases in summary["by_structure"].items()
        for phase, means in phases.items()
    ]
    return [*groups, ("all", "", summary)]


def _agreement(ventricles: Mapping[str, Any]) -> Table:
    title = "Agreement, prediction minus reference"
    table = _empty(title, ("index",), ("n", "left out", "bias", "limits of agreement", "MAE", "r"))
    for name, indices in ventricles.items():
        for index, found in indices.items():
            low, high = _shown(found["loa_low"]), _shown(found["loa_high"])
            limits = f"{low} to {high}" if found["sd"] is not None else low
            numbers = (_shown(found["bias"]), limits, _shown(found["mae"]), _shown(found["pearson"], 3))
            table.add_row(f"{name}.{index}", str(found["n"]), str(found["n_left_out"]), *numbers)
    return table


def _empty(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    """A table without rows: columns of names, unwrapped, then columns of numbers, set right."""
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    for heading in names:
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _shown(value: float | None, places: int = 2) -> str:
    return "–" if value is None else f"{value:z.{places}f}"  # z: no -0.00
