"""Two readings of the same patients on one page: agreement, Bland-Altman plots, overlap, categories that change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shortaxis.core.labels import Structure
from shortaxis.measure.ef_categories import CATEGORIES
from shortaxis.report.bland_altman import bland_altman
from shortaxis.report.indices import name_and_unit, shown, title_of
from shortaxis.report.page import render_page
from shortaxis.report.palette import LOOKS

PLOTTED = ("lv.ef", "lv.edv", "lv.esv", "lv.mass", "rv.ef", "rv.edv", "rv.esv", "infarct.infarct_volume")
Pairs = Mapping[str, Mapping[str, tuple[float | None, float | None]]]


def render_agreement(summary: Mapping[str, Any], pairs: Pairs) -> str:
    """The page as the text of one HTML file that needs no network.

    Args:
        summary: as `jobs.agree.agree_folders` gives it.
        pairs: (A, B) by dotted index and case.
    """
    plots = [bland_altman(key, pairs[key], summary["indices"][key]) for key in _plotted(pairs)]
    return render_page(
        "agreement.html.jinja",
        ("figures.css", "agreement.css"),
        a=summary["name_a"],
        b=summary["name_b"],
        n_cases=summary["n_cases"],
        only={"a": summary["only_in_a"], "b": summary["only_in_b"]},
        figures=list(_figures(summary)),
        rows=list(_index_rows(summary["indices"])),
        plots=[plot for plot in plots if plot is not None],
        overlap=list(_overlap_rows(summary["overlap"])),
        n_on_one_grid=summary["n_on_one_grid"],
        off_grid=summary["off_grid"],
        categories=_categories(summary["ef_categories"]),
        definitions=summary["definitions"],
    )


def _plotted(pairs: Pairs) -> list[str]:
    """The keys that get a picture, in the order of `PLOTTED`; a mouse's differ in their unit."""
    return [key for base in PLOTTED for key in pairs if key.rpartition("_")[0] == base]


def _figures(summary: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(name, value, what stands beside it) of the numbers at the top."""
    yield "Patients", str(summary["n_cases"]), "in both readings"
    found = summary["indices"].get("lv.ef_percent")
    if found:
        limits = f"limits {_number(found['loa_low'])} to {_number(found['loa_high'])}"
        yield "LV ejection fraction, bias", f"{_number(found['bias'])} points", limits
        yield "LV EF, ICC(2,1)", _number(found["icc_2_1"], 3), _interval(found, "icc_2_1", 3)
    table = summary["ef_categories"]
    if table["n"]:
        yield "EF category changes", str(table["n_changed"]), f"of {table['n']} patients"


def _index_rows(indices: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for key, row in indices.items():
        section, _, leaf = key.partition(".")
        name, unit = name_and_unit(leaf)
        spread = [(_number(row[key]), _interval(row, key)) for key in ("bias", "loa_low", "loa_high")]
        shares = [(_number(row[key], 3), _interval(row, key, 3)) for key in ("pearson", "icc_2_1", "icc_3_1")]
        yield {
            "title": f"{title_of(section)}: {name[:1].lower()}{name[1:]}",
            "unit": unit,
            "n": row["n"],
            "left_out": row["n_left_out"],
            "cells": [
                (shown(row["mean_a"]) or "–", ""),
                (shown(row["mean_b"]) or "–", ""),
                *spread,
                *shares,
                (_number(row["cv_percent"], 1), ""),
            ],
        }


def _overlap_rows(overlap: Mapping[str, Any]) -> Iterator[list[str]]:
    """Structure, phase, counts and means; from `measure.summary`, in which A is the prediction."""
    for structure, phases in overlap.items():
        look = LOOKS.get(Structure(structure))
        for phase, means in phases.items():
            dice, hd = means["dice"], means["hd_mm"]
            counts = [str(dice[key]) for key in ("n", "n_extra", "n_missed")]
            values = [_number(dice["mean"], 3), _number(hd["mean"]), str(hd["n"]), _number(means["hd95_mm"]["mean"])]
            title = structure.replace("_", " ") if look is None else look.title
            yield [title, "" if phase == "other" else phase, *counts, *values, _number(means["assd_mm"]["mean"])]


def _categories(table: Mapping[str, Any]) -> dict[str, Any] | None:
    """The counts with their sums; None where no patient has an ejection fraction in both."""
    if not table["n"]:
        return None
    return {
        "names": [_in_print(name) for name in CATEGORIES],
        "rows": [list(row) for row in table["counts"]],
        "n": table["n"],
        "n_changed": table["n_changed"],
        "percent": f"{100 * table['n_changed'] / table['n']:.1f}",
        "kappa": _number(table["kappa"]),
        "changed": [(case, *map(_in_print, both)) for case, both in table["changed"].items()],
    }


def _in_print(category: str) -> str:
    return category.replace("-", "–").replace(">=", "≥")


def _number(value: float | None, places: int = 2) -> str:
    return "–" if value is None else f"{value:z.{places}f}".replace("-", "−")


def _interval(row: Mapping[str, Any], key: str, places: int = 2) -> str:
    low, high = row[f"{key}_low"], row[f"{key}_high"]
    return "" if low is None or high is None else f"{_number(low, places)} to {_number(high, places)}"
