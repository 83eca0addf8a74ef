"""Rows of many cases in a few numbers that hide nothing: every mean with its denominator, its misses, and their price.

A missing structure counts as Dice 0 in every Dice mean. Distances of a missing structure are undefined: one mean leaves
them out and says how many, the other charges each the diagonal of its image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from shortaxis.core.labels import Structure
from shortaxis.measure.agreement import agreement
from shortaxis.measure.volumes import ejection

DISTANCES = ("hd_mm", "hd95_mm", "hd95_pooled_mm", "assd_mm")
VENTRICLES = {"lv": Structure.LV_CAVITY.value, "rv": Structure.RV_CAVITY.value}
DEFINITIONS = {
    "dice": "mean DSC where a missing structure counts 0, mean over patient x phase x structure",
    "distances": "mean over patient x phase x structure where both are present",
    "charged": "the same mean with a missed or an invented structure charged the diagonal of its image",
    "hd95_mm": "surface voxels in mm, larger of the two directed 95th percentiles",
    "agreement": "prediction minus reference over patients; a ventricle missed at a phase is left out and counted",
}

Row = Mapping[str, Any]


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """The summary of rows from `evaluate_case`, of any number of cases.

    Returns:
        `n_cases`, `n_rows`; `dice` and each distance over all rows; `by_structure` with the same per structure and
        phase; `agreement` of volumes and ejection fraction per ventricle (`lv.ef_percent` and so on), over the cases
        with both phases; `definitions`, what the numbers mean in words. A mean over nothing is None with `n` 0.
    """
    structures = list(dict.fromkeys(row["structure"] for row in rows))
    phases = list(dict.fromkeys(row["phase"] for row in rows))
    by_structure = {
        structure: {
            phase or "other": _means([r for r in rows if (r["structure"], r["phase"]) == (structure, phase)])
            for phase in phases
        }
        for structure in structures
    }
    return {
        "n_cases": len({row["case"] for row in rows}),
        "n_rows": len(rows),
        **_means(rows),
        "by_structure": by_structure,
        "agreement": {name: _agreement(rows, value) for name, value in VENTRICLES.items() if value in structures},
        "definitions": DEFINITIONS,
    }


def _means(rows: Sequence[Row]) -> dict[str, Any]:
    """Dice and distances over some rows."""
    return {"dice": _dice(rows)} | {key: _distance(rows, key) for key in DISTANCES}


def _dice(rows: Sequence[Row]) -> dict[str, Any]:
    """Mean Dice; rows where the structure is in neither have none and are counted apart."""
    scores = [row["dice"] for row in rows if row["dice"] is not None]
    return {
        "mean": _mean(scores),
        "n": len(scores),
        "n_missed": sum(row["outcome"] == "missed" for row in rows),
        "n_extra": sum(row["outcome"] == "extra" for row in rows),
        "n_in_neither": len(rows) - len(scores),
    }


def _distance(rows: Sequence[Row], key: str) -> dict[str, Any]:
    """Mean distance without and with a charge for what is missing; rows in neither and without spacing are out."""
    measured = [row[key] for row in rows if row[key] is not None]
    charges = [row["diagonal_mm"] for row in rows if row["outcome"] in {"missed", "extra"}]
    known = [charge for charge in charges if charge is not None]
    return {
        "mean": _mean(measured),
        "n": len(measured),
        "mean_charged": _mean([*measured, *known]),
        "n_charged": len(known),
    }


def _agreement(rows: Sequence[Row], structure: str) -> dict[str, Any]:
    """Agreement of EDV, ESV and EF over the cases whose rows hold both phases of the structure."""
    at = {(r["case"], r["phase"]): r for r in rows if r["structure"] == structure}
    cases = [case for case in dict.fromkeys(case for case, _ in at) if (case, "ED") in at and (case, "ES") in at]
    pairs: dict[str, list[tuple[float | None, float | None]]] = {"edv_ml": [], "esv_ml": [], "ef_percent": []}
    for case in cases:
        ed, es = at[case, "ED"], at[case, "ES"]
        ours, theirs = (ejection(ed[key], es[key], None).ef_percent for key in ("voxels", "reference_voxels"))
        pairs["edv_ml"].append(_volumes(ed))
        pairs["esv_ml"].append(_volumes(es))
        pairs["ef_percent"].append((ours, theirs))
    return {key: asdict(agreement(both)) for key, both in pairs.items()}


def _volumes(row: Row) -> tuple[float | None, float | None]:
    """Predicted and reference volume, None where the ventricle was missed."""
    return row["volume_ml"] if row["voxels"] else None, row["reference_volume_ml"] if row["reference_voxels"] else None


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return sum(values) / len(values) if values else None
