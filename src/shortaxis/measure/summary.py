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

DISTANCES = ("hd_mm", "hd95_mm", "hd95_pooled_mm", "assd_mm", "hd_one_sided_mm")
DISTANCES_2D = (*DISTANCES, "hd_px", "hd95_px", "assd_px")
OVERLAPS = ("dice", "jaccard", "bdc", "surface_dice")
OTHERS = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "volume_error_ml", "volume_error_percent")
VENTRICLES = {"lv": Structure.LV_CAVITY.value, "rv": Structure.RV_CAVITY.value}
DEFINITIONS = {
    "dice": "mean DSC where a missing structure counts 0, mean over patient x phase x structure",
    "distances": "mean over patient x phase x structure where both are present",
    "charged": "the same mean with a missed or an invented structure charged the diagonal of its image",
    "bdc": "boundary Dice: DSC of the outlines one pixel wide, each plane's mask XOR its erosion",
    "surface_dice": "share of surface voxels within surface_tolerance_mm of the other surface",
    "hd_one_sided_mm": "largest distance from the reference's surface to the prediction's alone",
    "hd95_mm": "surface voxels in mm, larger of the two directed 95th percentiles",
    "rates": "sensitivity, specificity, ppv, npv and accuracy over the drawn slices' whole images; a mean is over the rows "
    "where it is defined: a miss has a sensitivity of 0 and no ppv",
    "volume_error_ml": "mean of prediction minus reference; a miss errs by minus the whole volume",
    "by_slice": "overlap and distances in the plane, over every slice that was drawn; in pixels too",
    "agreement": "prediction minus reference over patients; a ventricle missed at a phase is left out and counted",
}

Row = Mapping[str, Any]


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """The summary of rows from `evaluate_case`, of any number of cases.

    Returns:
        `n_cases`, `n_rows`; each overlap, distance and column of `OTHERS` over all rows; `by_structure` with the same per
        structure and phase; `agreement` of volumes and ejection fraction per ventricle (`lv.ef_percent` and so on), over
        the cases with both phases; `definitions`, what the numbers mean in words. A mean over nothing is None with `n` 0.
    """
    structures = {row["structure"] for row in rows}
    measured = DISTANCES, OTHERS
    return {
        "n_cases": len({row["case"] for row in rows}),
        "n_rows": len(rows),
        **_means(rows, *measured),
        "by_structure": _by_structure(rows, *measured),
        "agreement": {name: _agreement(rows, value) for name, value in VENTRICLES.items() if value in structures},
        "definitions": DEFINITIONS,
    }


def summarise_slices(rows: Sequence[Row]) -> dict[str, Any]:
    """The summary of rows from `evaluate_slices`: `n_rows`, overlap and distances over all, and `by_structure`."""
    return {
        "n_rows": len(rows),
        **_means(rows, DISTANCES_2D),
        "by_structure": _by_structure(rows, DISTANCES_2D),
    }


def _by_structure(rows: Sequence[Row], distances: Sequence[str], others: Sequence[str] = ()) -> dict[str, Any]:
    """Means per structure and phase; a frame that is neither ED nor ES is `other`."""
    groups: dict[tuple[str, str | None], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["structure"], row["phase"]), []).append(row)
    structures, phases = dict.fromkeys(key for key, _ in groups), dict.fromkeys(key for _, key in groups)
    return {
        structure: {phase or "other": _means(groups.get((structure, phase), []), distances, others) for phase in phases}
        for structure in structures
    }


def _means(rows: Sequence[Row], distances: Sequence[str], others: Sequence[str] = ()) -> dict[str, Any]:
    """Overlap, distances and other columns over some rows."""
    means = {key: _overlap(rows, key) for key in OVERLAPS} | {key: _distance(rows, key) for key in distances}
    return means | {key: _plain(rows, key) for key in others}


def _plain(rows: Sequence[Row], key: str) -> dict[str, Any]:
    """Mean over the rows in which the column is defined."""
    values = [row[key] for row in rows if row.get(key) is not None]
    return {"mean": _mean(values), "n": len(values)}


def _overlap(rows: Sequence[Row], key: str) -> dict[str, Any]:
    """Mean overlap; rows where the structure is in neither have none and are counted apart."""
    scores = [row[key] for row in rows if row.get(key) is not None]
    return {
        "mean": _mean(scores),
        "n": len(scores),
        "n_missed": sum(row["outcome"] == "missed" for row in rows),
        "n_extra": sum(row["outcome"] == "extra" for row in rows),
        "n_in_neither": sum(row["outcome"] == "neither" for row in rows),
    }


def _distance(rows: Sequence[Row], key: str) -> dict[str, Any]:
    """Mean distance without and with a charge for what is missing; rows in neither and without spacing are out."""
    measured = [row[key] for row in rows if row.get(key) is not None]
    diagonal = f"diagonal_{key.rpartition('_')[2]}"  # in the distance's own unit
    charges = [row[diagonal] for row in rows if row["outcome"] in {"missed", "extra"}]
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
