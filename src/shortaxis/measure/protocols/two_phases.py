"""What ACDC and M&Ms share: three structures scored over the stack at end-diastole and at end-systole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shortaxis.core.errors import BadPatientFacts
from shortaxis.core.labels import Structure
from shortaxis.measure.evaluate import evaluate_case
from shortaxis.measure.protocols.protocol import Judged, Row, grouped, mean_of, sd_of

HEART = (Structure.LV_CAVITY, Structure.RV_CAVITY, Structure.MYOCARDIUM)
PHASES = ("ED", "ES")
PLACE_COLUMNS = {
    "case": "patient",
    "phase": "ED end-diastole, ES end-systole, as the reference states them",
    "structure": "what is compared",
    "outcome": "both: in both masks; missed: in the reference alone; extra: in the prediction alone; neither",
}
SCORE_COLUMNS = {
    "dice": "Dice similarity coefficient over the stack (3D); 0 where missed or invented, empty where in neither mask",
    "hd_mm": "Hausdorff distance between surface voxels over the stack, mm; empty unless in both masks",
}
GROUP_COLUMNS = {
    "structure": "what is compared",
    "phase": "ED end-diastole, ES end-systole",
    "n": "patients",
    "n_missed": "patients whose structure the prediction lacks",
    "n_extra": "patients with the structure in the prediction alone",
    "n_in_neither": "patients with the structure in neither mask",
}
MEAN_COLUMNS = {
    "dice_mean": "mean of dice; a missed or invented structure counts 0, one in neither mask is left out",
    "dice_sd": "standard deviation of dice over n - 1",
    "hd_mm_mean": "mean of hd_mm over patients with the structure in both masks",
    "hd_mm_sd": "standard deviation of hd_mm over n - 1",
    "n_hd": "patients in hd_mm_mean",
}


def rows_at_phases(case: Judged) -> list[dict[str, Any]]:
    """The rows of `evaluate_case` at end-diastole and end-systole, for the three structures of the heart.

    Raises BadPatientFacts where no drawn frame is known to be either.
    """
    rows = [
        row
        for row in evaluate_case(case.study, case.prediction, case.scheme)
        if row["phase"] in PHASES and row["structure"] in HEART
    ]
    if not rows:
        raise BadPatientFacts(
            "a reference drawn at end-diastole and end-systole, and which frame is which",
            f"no such frame known of {case.study.name}",
            "give ACDC's or M&Ms' own folders, or name the masks ..._ED_gt and ..._ES_gt",
        )
    return rows


def chosen(row: Row, columns: Iterable[str]) -> dict[str, Any]:
    """Some columns of a row."""
    return {key: row[key] for key in columns}


def structure_rows(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Counts and means per structure and phase, with the columns `GROUP_COLUMNS` and `MEAN_COLUMNS`."""
    found = []
    for (structure, phase), group in sorted(grouped(rows, "structure", "phase").items(), key=_in_order):
        outcomes = [row["outcome"] for row in group]
        counts = {"n": len(group), "n_missed": outcomes.count("missed"), "n_extra": outcomes.count("extra")}
        means = {
            "dice_mean": mean_of(group, "dice"),
            "dice_sd": sd_of(group, "dice"),
            "hd_mm_mean": mean_of(group, "hd_mm"),
            "hd_mm_sd": sd_of(group, "hd_mm"),
            "n_hd": sum(row["hd_mm"] is not None for row in group),
        }
        neither = {"n_in_neither": outcomes.count("neither")}
        found.append({"structure": structure, "phase": phase, **counts, **neither, **means})
    return tuple(found)


def _in_order(item: tuple[tuple[Any, ...], list[Row]]) -> tuple[int, int]:
    structure, phase = item[0]
    return HEART.index(Structure(structure)), PHASES.index(phase)
