"""Where the scores come from: outliers and misses, slice position, other data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shortaxis.experiments.compare.plan import Plan
from shortaxis.experiments.compare.results import Result, Row
from shortaxis.experiments.compare.thirds import THIRDS
from shortaxis.experiments.compare.values import (
    by_patient,
    cases_of,
    in_order,
    mean,
    misses,
    picked,
    short,
    structures_of,
)
from shortaxis.experiments.show.tables import BRACKETS, CHARGED, DISTANCE_SAYS
from shortaxis.experiments.statistics import bootstrap_interval, outliers
from shortaxis.experiments.table import Cell, Table, columns

NOT_AVAILABLE = "data not available"
OTHER_SETS = ("acdc", "sunnybrook", "mnms", "emidec", "lvquan", "in-house")  # the last: HALSR-Net's own, in its table 8


def outliers_table(results: Sequence[Result]) -> Table:
    """Share of outliers beyond the box plot's whisker and of structures that were missed."""
    rows: list[dict[str, Cell]] = []
    for structure in structures_of(results):
        for result in results:
            held = picked(result.every("rows"), structure)
            low = outliers([row["dice"] for row in held if row["dice"] is not None], "low")
            far = outliers([row["hd_mm"] for row in held if row["hd_mm"] is not None], "high")
            there = [row for row in held if row["reference_voxels"]]
            missed = sum(row["outcome"] == "missed" for row in there)
            rows.append(
                {
                    "structure": short(structure),
                    "entry": result.label,
                    "n": len(held),
                    "outliers DSC %": _percent(sum(low), len(low)),
                    "outliers HD %": _percent(sum(far), len(far)),
                    "empty %": _percent(missed, len(there)),
                }
            )
    notes = [
        "Over patient x phase. An outlier lies beyond the whisker on the worse side: 1.5 IQR below the first quartile of"
        " DSC, above the third of HD, each entry's own. Empty: the reference has the structure, the prediction not a voxel."
    ]
    return Table("outliers", "Outliers and empty segmentations", rows, notes, dict.fromkeys(_SHARES, 1))


_SHARES = ("outliers DSC %", "outliers HD %", "empty %")


def positions_table(results: Sequence[Result]) -> Table:
    """DSC, and certainty where there is any, at base, middle and apex (Arega et al. 2021, figure 2)."""
    rows: list[dict[str, Cell]] = []
    sampled = any(row["certainty"] is not None for result in results for row in result.every("thirds"))
    for structure in structures_of(results):
        for result in results:
            row: dict[str, Cell] = {"structure": short(structure), "entry": result.label, "n": len(cases_of(result))}
            for third in THIRDS:
                held = [r for r in picked(result.every("thirds"), structure) if r["third"] == third]
                row[f"DSC {third}"] = bootstrap_interval(by_patient(held, "dice", cases_of(result)))
                if sampled:
                    row[f"certainty {third}"] = mean([r["certainty"] for r in held])
            if sampled:
                whole = picked(result.every("rows"), structure)
                row["certainty whole"] = mean([r.get("dice_within_samples") for r in whole])
            rows.append(row)
    notes = [
        "Thirds of the slices that hold reference myocardium, the middle one rounded outward; the apex is the end with the"
        f" smaller heart. DSC of each third as one block, mean over patients. {BRACKETS}",
        "Certainty: mean DSC of the prediction and each Monte-Carlo sample; of methods that sample, with --mc-samples N."
        " Whole: of the whole stack (Arega et al. 2021, eq. 6).",
    ]
    return Table("positions", "By slice position", rows, notes, dict.fromkeys(columns(rows), 3))


def elsewhere_table(results: Sequence[Result], plan: Plan) -> Table:
    """Trained here, tested on other data sets, as HALSR-Net's table 8; what was not given says so."""
    given = [name for name, _ in plan.tests]
    rows: list[dict[str, Cell]] = []
    for result in results:
        rows += _elsewhere_rows(result, "held out", result.every("rows"), ())
        for dataset in dict.fromkeys((*given, *result.elsewhere)):
            held = result.elsewhere.get(dataset, {})
            kinds = sorted({kind for scores in held.values() for kind in scores["modalities"]} & {"lge"})
            rows += _elsewhere_rows(result, dataset, result.everywhere("rows", dataset), kinds)
            if not held:
                rows.append({"entry": result.label, "tested on": dataset, "structure": NOT_AVAILABLE})
    tested = {plan.dataset, *given, *(dataset for result in results for dataset in result.elsewhere)}
    absent = [name for name in OTHER_SETS if name not in tested]
    for name in absent:
        rows.append({"entry": "every entry", "tested on": name, "structure": NOT_AVAILABLE})
    notes = [
        f"Trained on {plan.dataset}. n: patients; only structures and frames that a data set's readers drew. {BRACKETS}",
        DISTANCE_SAYS,
        "A modality beside the data set's name: scans of it were shown to a model of cines as they are.",
    ]
    return Table("elsewhere", "Other data sets", rows, notes, {"DSC": 3})


def _elsewhere_rows(result: Result, dataset: str, held: Sequence[Row], kinds: Sequence[str]) -> list[dict[str, Cell]]:
    name = f"{dataset} ({', '.join(kinds)})" if kinds else dataset
    found: list[dict[str, Cell]] = []
    for structure in in_order(row["structure"] for row in held):
        rows = picked(held, structure)
        cases = list(dict.fromkeys(row["case"] for row in rows))
        place: Mapping[str, Cell] = {"entry": result.label, "tested on": name, "structure": short(structure)}
        values: dict[str, Cell] = {"n": len(cases), "DSC": bootstrap_interval(by_patient(rows, "dice", cases))}
        for column, key in (("HD mm", "hd_mm"), ("HD95 mm", "hd95_mm"), ("ASSD mm", "assd_mm")):
            values[column] = mean(by_patient(rows, key, cases))
        values[CHARGED] = mean(by_patient(rows, "hd95_mm", cases, charge=True))
        found.append({**place, **values, **misses(rows)})
    return found


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
