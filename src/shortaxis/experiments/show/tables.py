"""The tables of scores: summary, per structure and phase, and how sure the differences are."""

from __future__ import annotations

import statistics as plain
from collections.abc import Sequence

from shortaxis.experiments.compare.cost import MEASURED
from shortaxis.experiments.compare.results import Result, shared_cases
from shortaxis.experiments.compare.values import (
    by_patient,
    cases_of,
    clinical_errors,
    mean,
    misses,
    phases_of,
    picked,
    short,
    structures_of,
)
from shortaxis.experiments.statistics import (
    DRAWS,
    Interval,
    bootstrap_interval,
    holm,
    paired_difference,
    rank_sum_p,
    wilcoxon_p,
)
from shortaxis.experiments.table import Cell, Table

BRACKETS = (
    f"In brackets: 95 % interval of the mean over patients, {DRAWS} bootstrap draws; (n 19): over so many of n alone."
)
DICE_SAYS = "DSC is 3D per case; a structure that was missed counts 0, one in neither mask has none."
DISTANCE_SAYS = (
    "Distances are in mm, 3D, between surface voxels; HD95 is the larger of the two directed percentiles. A structure that"
    " was missed or invented has none and is left out; charged means take the diagonal of the image for it."
)

CHARGED = "HD95 charged mm"


def summary_table(results: Sequence[Result]) -> Table:
    """A row per entry: overlap per structure and phase, errors of the clinical indices."""
    structures, phases = structures_of(results), phases_of(results)
    rows = [_summary_row(result, structures, phases) for result in results]
    if not any(row["missed"] or row["invented"] for row in rows):
        rows = [{key: cell for key, cell in row.items() if key != CHARGED} for row in rows]
    places = {"DSC": 4, **{f"{short(s)} {p}": 3 for s in structures for p in phases}}
    notes = [
        DICE_SAYS
        + " DSC: mean over patients of the mean over structures and phases; beside it per structure and phase. "
        + BRACKETS,
        "EF (in points) and mass: mean absolute error; volumes at the reference's ED and ES. RV: right, LV: left ventricle,"
        " MYO: myocardium. n: patients. –: not defined, as an ejection fraction of a ventricle that was missed.",
        f"missed, invented: over all patients, structures and phases. {DISTANCE_SAYS}",
    ]
    return Table("summary", "Summary", rows, notes, places)


def _summary_row(result: Result, structures: Sequence[str], phases: Sequence[str]) -> dict[str, Cell]:
    cases, rows = cases_of(result), result.every("rows")
    row: dict[str, Cell] = {"entry": result.label, "n": len(cases), **misses(rows)}
    row["DSC"] = bootstrap_interval(by_patient(rows, "dice", cases))
    for structure in structures:
        for phase in phases:
            row[f"{short(structure)} {phase}"] = mean(by_patient(picked(rows, structure, phase), "dice", cases))
    row["HD95 mm"] = bootstrap_interval(by_patient(rows, "hd95_mm", cases))
    row[CHARGED] = mean(by_patient(rows, "hd95_mm", cases, charge=True))
    row["ASSD mm"] = mean(by_patient(rows, "assd_mm", cases))
    for name, index in (
        ("LVEF error", "lv_ef_percent"),
        ("RVEF error", "rv_ef_percent"),
        ("mass error g", "lv_mass_g"),
    ):
        row[name] = bootstrap_interval(clinical_errors(result, index, cases))
    return row


def costs_table(results: Sequence[Result]) -> Table:
    """What each entry takes to train and to use, and what it was trained with."""
    notes = [
        "params M: trained numbers of all stages, in millions. s/epoch: of the last stage, median step times steps of an"
        " epoch; the budget is in steps, not in epochs. training MiB: highest memory of the process while the last stage was"
        f" trained, cached samples included. s/case: median of a patient's drawn frames, on {_devices(results)}. case MiB:"
        f" {MEASURED}. GPU: what torch held at most there.",
        "Budget: one for all that was trained here, laid over each recipe: early stopping off, last weights kept. In 3D a"
        " batch is slices / depth blocks, at least one, so that a step may see more slices than in 2D.",
    ]
    places = {"s/epoch": 1, **dict.fromkeys(("training MiB", "GPU training MiB", "case MiB", "GPU case MiB"), 0)}
    return Table("costs", "What it costs", [_cost_row(result) for result in results], notes, places)


def _cost_row(result: Result) -> dict[str, Cell]:
    row: dict[str, Cell] = {"entry": result.label}
    stages, cost = [facts for _, facts in result.stages()], result.first["cost"]
    epochs = [facts["seconds_per_epoch"] for facts in stages if facts["stage"] == stages[-1]["stage"]]
    row["params M"] = sum(cost["parameters"].values()) / 1e6 if cost["parameters"] else None
    row["s/epoch"] = mean(epochs)
    seconds = [case["seconds"] for case in result.every("cases") if case["seconds"] is not None]
    row["s/case"] = plain.median(seconds) if seconds else None
    memory = [facts.get("training_memory", {}) for facts in stages if facts["stage"] == stages[-1]["stage"]]
    row["training MiB"] = _most([held.get("peak_mib") for held in memory])
    row["case MiB"] = cost["memory"]["peak_mib"]
    if str(cost["device"]).startswith("cuda"):
        row["GPU training MiB"] = _most([held.get("gpu_peak_mib") for held in memory])
        row["GPU case MiB"] = cost["memory"]["gpu_peak_mib"]
    return {**row, "recipe": result.first["recipe"], "budget": result.first["budget"]}


def _most(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _devices(results: Sequence[Result]) -> str:
    known = (result.first["cost"]["device"] for result in results)
    return ", ".join(dict.fromkeys(device for device in known if device)) or "no device of ours"


def structures_table(results: Sequence[Result]) -> Table:
    """A row per entry, structure and phase."""
    rows: list[dict[str, Cell]] = []
    for structure in structures_of(results):
        for phase in phases_of(results):
            rows += [_structure_row(result, structure, phase) for result in results]
    notes = [DICE_SAYS, DISTANCE_SAYS, BRACKETS]
    return Table("structures", "Structures and phases", [row for row in rows if row["n"]], notes, {"DSC": 3})


def _structure_row(result: Result, structure: str, phase: str) -> dict[str, Cell]:
    rows, cases = picked(result.every("rows"), structure, phase), cases_of(result)
    patients = len({held["case"] for held in rows})
    row: dict[str, Cell] = {"structure": short(structure), "phase": phase, "entry": result.label, "n": patients}
    row["DSC"] = bootstrap_interval(by_patient(rows, "dice", cases))
    row |= misses(rows)
    row["HD mm"] = bootstrap_interval(by_patient(rows, "hd_mm", cases))
    row["HD charged mm"] = mean(by_patient(rows, "hd_mm", cases, charge=True))
    row["HD95 mm"] = bootstrap_interval(by_patient(rows, "hd95_mm", cases))
    row[CHARGED] = mean(by_patient(rows, "hd95_mm", cases, charge=True))
    row["ASSD mm"] = bootstrap_interval(by_patient(rows, "assd_mm", cases))
    return row


def differences_table(results: Sequence[Result], reference_label: str) -> Table:
    """Each entry against the reference entry: paired difference, signed-rank test with Holm's correction, rank sum."""
    reference = next((result for result in results if result.label == reference_label), None)
    title = f"Differences from {reference_label}"
    if reference is None or len(results) < 2:
        return Table(
            "tests", title, [], ["Nothing to compare with: the reference entry is not scored, or stands alone."]
        )
    cases = shared_cases(results)
    rows = [
        _test_row(result, reference, name, key, structure, cases)
        for name, key, structure in _tested(structures_of(results))
        for result in results
        if result is not reference
    ]
    unmade = any(row["why"] for row in rows)
    adjusted = holm([row["Wilcoxon p"] for row in rows])  # type: ignore[misc]
    rows = [
        {**{k: v for k, v in row.items() if k != "why"}, "Holm p": p, **({"why none": row["why"]} if unmade else {})}
        for row, p in zip(rows, adjusted, strict=True)
    ]
    notes = [
        f"Over the {len(cases)} patients that every entry was scored on, entry minus {reference_label}. {BRACKETS}",
        f"Wilcoxon: signed-rank test over the same patients. Holm: corrected for the"
        f" {sum(p is not None for p in adjusted)} tests of this table that could be made.",
        "Rank sum: M-net's test (Huang et al. 2021), which takes the two sets for different patients; for comparison with"
        " that paper alone.",
    ]
    places: dict[str, int] = dict.fromkeys(("difference", "Wilcoxon p", "Holm p", "rank sum p"), 4)
    return Table("tests", title, rows, notes, places)


def _tested(structures: Sequence[str]) -> list[tuple[str, str, str | None]]:
    overall: list[tuple[str, str, str | None]] = [("DSC", "dice", None), ("HD95 mm", "hd95_mm", None)]
    return overall + [(f"DSC {short(structure)}", "dice", structure) for structure in structures]


def _test_row(
    result: Result, reference: Result, name: str, key: str, structure: str | None, cases: Sequence[str]
) -> dict[str, Cell]:
    ours, theirs = (by_patient(picked(r.every("rows"), structure), key, cases) for r in (result, reference))
    p, why = wilcoxon_p(ours, theirs)
    difference: Interval = paired_difference(ours, theirs)
    return {
        "measure": name, "entry": result.label, "n": difference.n, "difference": difference, "Wilcoxon p": p,
        "Holm p": None, "rank sum p": rank_sum_p(ours, theirs)[0], "why": why,
    }  # fmt: skip
