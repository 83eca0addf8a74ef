"""Per patient: the value of each measure that a table averages or tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shortaxis.experiments.compare.results import Result, Row

STRUCTURES = ("lv_cavity", "rv_cavity", "myocardium", "infarct", "no_reflow", "healthy_myocardium")
SHORT = {"lv_cavity": "LV", "rv_cavity": "RV", "myocardium": "MYO", "infarct": "infarct", "no_reflow": "no-reflow"}
PHASES = ("ED", "ES")


def structures_of(results: Sequence[Result]) -> list[str]:
    """Every structure that was compared, the ventricles first."""
    return in_order(row["structure"] for result in results for row in result.every("rows"))


def in_order(names: Iterable[str]) -> list[str]:
    """Structures, each once, the ventricles first."""
    return sorted(set(names), key=lambda name: (STRUCTURES.index(name) if name in STRUCTURES else 99, name))


def short(structure: str) -> str:
    """A structure as the tables' headings call it."""
    return SHORT.get(structure, structure.replace("_", " "))


def phases_of(results: Sequence[Result]) -> list[str]:
    """The phases that were compared; `other` for frames that are neither ED nor ES."""
    found = {row["phase"] or "other" for result in results for row in result.every("rows")}
    return [phase for phase in (*PHASES, "other") if phase in found]


def picked(rows: Sequence[Row], structure: str | None = None, phase: str | None = None) -> list[Row]:
    """Rows of one structure and phase; None takes all."""
    return [
        row for row in rows
        if structure in (None, row["structure"]) and phase in (None, row["phase"] or "other")
    ]  # fmt: skip


def by_patient(rows: Sequence[Row], key: str, cases: Sequence[str], charge: bool = False) -> list[float | None]:
    """A value for each of `cases`: the mean over its rows; None where none is defined.

    With `charge`, a distance of a structure that was missed or invented is the diagonal of its image.
    """
    held: dict[str, list[float]] = {case: [] for case in cases}
    for row in rows:
        value = row[key]
        if value is None and charge and row["outcome"] in {"missed", "extra"}:
            value = row["diagonal_mm"]
        if value is not None and row["case"] in held:
            held[row["case"]].append(value)
    return [sum(values) / len(values) if values else None for values in held.values()]


def cases_of(result: Result) -> list[str]:
    """The entry's held-out patients in order."""
    return list(dict.fromkeys(row["case"] for row in result.every("rows")))


def clinical_errors(result: Result, index: str, cases: Sequence[str]) -> list[float | None]:
    """|prediction - reference| of a clinical index for each of `cases`; None where one is not defined."""
    rows = {row["case"]: row for row in result.every("clinical") if row["index"] == index}
    found: list[float | None] = []
    for case in cases:
        ours, theirs = (rows.get(case, {}).get(key) for key in ("predicted", "reference"))
        found.append(None if ours is None or theirs is None else abs(ours - theirs))
    return found


def misses(rows: Sequence[Row]) -> dict[str, int]:
    """How often a structure was `missed`, and how often `invented`, in rows of scores."""
    outcomes = [row["outcome"] for row in rows]
    return {"missed": outcomes.count("missed"), "invented": outcomes.count("extra")}


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are defined; None over nothing."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
