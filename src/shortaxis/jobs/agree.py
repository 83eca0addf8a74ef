"""`agree`: two readings of the same patients beside each other, by two readers, two methods or in two scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shortaxis.core.errors import NoStudy
from shortaxis.core.labels import scheme_named
from shortaxis.files.replace import refuse_to_replace
from shortaxis.files.writer import write_csv, write_json, write_text
from shortaxis.jobs.reading_masks import FRAMES, compare_masks
from shortaxis.jobs.readings import Reading, readings_of
from shortaxis.measure.ef_categories import CATEGORIES, Reclassified, reclassified
from shortaxis.measure.reliability import DEFINITIONS, Interval, Reliability, reliability
from shortaxis.measure.summary import summarise
from shortaxis.report.agreement import render_agreement

OUTPUTS = ("agreement.html", "agreement.json", "agreement.csv", "cases.csv", "overlap.csv", "ef_categories.csv")
EF = "lv.ef_percent"
OVERLAP = ("dice", "jaccard", "surface_dice", "hd_mm", "hd95_mm", "assd_mm", "reason")
IN_WHICH = {"both": "both", "missed": "B alone", "extra": "A alone", "neither": "neither"}
Pairs = Mapping[str, Mapping[str, tuple[float | None, float | None]]]


def agree_folders(
    a: Path,
    b: Path,
    out: Path,
    scheme_a: str = "acdc",
    scheme_b: str = "acdc",
    name_a: str = "A",
    name_b: str = "B",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Compare two readings case by case, by name, and write the report, its numbers and the cases' into `out`.

    Args:
        a, b: folders of masks, or of cases that `segment` or `measure` wrote.
        scheme_a, scheme_b: what the masks' numbers mean.
        name_a, name_b: how the report calls the readings.

    Returns:
        `n_cases` in both, `only_in_a`, `only_in_b`, `indices` (a flat row each, see `measure.reliability`), `overlap` (of
        masks on one grid; see `measure.summary`), `n_on_one_grid`, `off_grid` (cases whose grids differ or that have no
        masks), `ef_categories` (of patients; a mouse has none) and `definitions`.

    Raises:
        NoStudy: the folders have no case in common.
        OutputExists: `out` holds such a report and `overwrite` is off.
        ShortaxisError: what `readings_of` raises.
    """
    refuse_to_replace(out, OUTPUTS, overwrite)
    schemes = scheme_named(scheme_a), scheme_named(scheme_b)
    ours, theirs = readings_of(a, schemes[0]), readings_of(b, schemes[1])
    cases = [case for case in ours if case in theirs]
    if not cases:
        found = f"none: {_some(list(ours))} against {_some(list(theirs))}"
        raise NoStudy("cases of the same name in both folders", found, "name the same patient the same way", b)
    pairs = _pairs({case: (ours[case], theirs[case]) for case in cases})
    overlap, off_grid = compare_masks({case: (ours[case], theirs[case]) for case in cases})
    patients = {case for case in cases if {ours[case].species, theirs[case].species} == {"human"}}
    categories = reclassified({case: both for case, both in pairs.get(EF, {}).items() if case in patients})
    summary = {
        "name_a": name_a,
        "name_b": name_b,
        "n_cases": len(cases),
        "only_in_a": [case for case in ours if case not in theirs],
        "only_in_b": [case for case in theirs if case not in ours],
        "indices": {key: flat(reliability(list(values.values()))) for key, values in pairs.items()},
        "overlap": summarise(overlap)["by_structure"],
        "n_on_one_grid": len(cases) - len(off_grid),
        "off_grid": off_grid,
        "ef_categories": asdict(categories),
        "definitions": DEFINITIONS | {f"frames, {key}": text for key, text in FRAMES.items()},
    }
    _write(out, summary, pairs, overlap, categories)
    return summary


def _write(
    out: Path,
    summary: Mapping[str, Any],
    pairs: Pairs,
    overlap: Sequence[Mapping[str, Any]],
    categories: Reclassified,
) -> None:
    write_csv(out / "cases.csv", _case_rows(pairs), ["case", "index", "a", "b", "difference", "mean"])
    places = ["case", "frames", "phase", "structure", "in"]
    rows = [{**row, "in": IN_WHICH[row["outcome"]]} for row in overlap]
    write_csv(out / "overlap.csv", rows, [*places, *OVERLAP])
    write_csv(out / "agreement.csv", [{"index": key, **row} for key, row in summary["indices"].items()])
    table = [
        {"a": one, **{f"b {two}": n for two, n in zip(CATEGORIES, row, strict=True)}}
        for one, row in zip(CATEGORIES, categories.counts, strict=True)
        if categories.n
    ]
    write_csv(out / "ef_categories.csv", table, ["a", *(f"b {two}" for two in CATEGORIES)] if table else ["a"])
    write_json(out / "agreement.json", summary)
    write_text(out / "agreement.html", render_agreement(summary, pairs))


def flat(found: Reliability) -> dict[str, Any]:
    """A reliability as one row, intervals as `..._low` and `..._high`."""
    agreed = found.agreement
    row: dict[str, Any] = {
        "n": agreed.n,
        "n_left_out": agreed.n_left_out,
        "mean_a": found.mean_a,
        "mean_b": found.mean_b,
    }
    row |= {"bias": agreed.bias, **_ends("bias", found.bias), "sd": agreed.sd, "mae": agreed.mae}
    for name in ("loa_low", "loa_high"):
        row |= {name: getattr(agreed, name), **_ends(name, getattr(found, name))}
    row |= {"pearson": agreed.pearson, **_ends("pearson", found.pearson)}
    for name in ("icc_2_1", "icc_3_1"):
        held = getattr(found, name)
        interval = None if held is None else Interval(held.value, held.low, held.high)
        row |= {name: None if held is None else held.value, **_ends(name, interval)}
    return row | {"cv_percent": found.cv_percent}


def _ends(name: str, interval: Interval | None) -> dict[str, float | None]:
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return {f"{name}_low": low, f"{name}_high": high}


def _pairs(readings: Mapping[str, tuple[Reading, Reading]]) -> Pairs:
    """(A, B) by index and case; an index that no case has in both readings is left out."""
    keys = dict.fromkeys(key for one, other in readings.values() for key in (*one.indices, *other.indices))
    pairs = {
        key: {case: (one.indices.get(key), other.indices.get(key)) for case, (one, other) in readings.items()}
        for key in keys
    }
    return {key: held for key, held in pairs.items() if any(None not in pair for pair in held.values())}


def _case_rows(pairs: Pairs) -> list[dict[str, Any]]:
    rows = []
    for key, held in pairs.items():
        for case, (a, b) in held.items():
            both = None if a is None or b is None else (a - b, (a + b) / 2)
            difference, mean = both or (None, None)
            rows.append({"case": case, "index": key, "a": a, "b": b, "difference": difference, "mean": mean})
    return rows


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
