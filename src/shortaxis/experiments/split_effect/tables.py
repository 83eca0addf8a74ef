"""What a split by slice makes of the same method's scores: the tables and the page of `shortaxis split-effect`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from shortaxis import __version__
from shortaxis.experiments.compare.plan import Plan
from shortaxis.experiments.compare.quick import NOTE
from shortaxis.experiments.compare.values import STRUCTURES, short
from shortaxis.experiments.show.publish import MARKDOWN, PAGE
from shortaxis.experiments.split_effect.run import SCORES, SPLIT
from shortaxis.experiments.split_effect.slice_split import BY_PATIENT, BY_SLICE
from shortaxis.experiments.statistics import DRAWS, Interval, clustered_interval, separate_difference
from shortaxis.experiments.table import Cell, Table
from shortaxis.files.json_file import read_json
from shortaxis.files.names import slug
from shortaxis.files.writer import write_text
from shortaxis.report.markdown import headed
from shortaxis.report.page import render_page

Row = Mapping[str, Any]
Arms = Mapping[str, Mapping[str, Any]]  # name of the arm -> its scores.json
MEASURES = {"DSC": "dice", "HD mm": "hd_mm", "HD px": "hd_px", "ASSD mm": "assd_mm"}
DRAWN = f"In brackets: 95 % interval, {DRAWS} bootstrap draws of patients with all their slices."


def publish_split(plan: Plan) -> Path:
    """Write `tables.md`, `tables/*.csv` and `index.html` into `OUT` of what is scored; the page's path."""
    arms = read_arms(plan.out)
    tables = split_tables(arms)
    about = _about(plan, arms)
    for table in tables:
        table.write_csv(plan.out / "tables")
    write_text(
        plan.out / MARKDOWN, "\n\n".join([headed("The split's effect"), *about, *(t.markdown() for t in tables)])
    )
    title = f"{plan.entries[0].label} on {plan.dataset}, split by patient and by slice"
    page = render_page("compare.html.jinja", "compare.css", title=title, about=about, tables=tables, figures=[])
    write_text(plan.out / PAGE, page)
    return plan.out / PAGE


def read_arms(out: Path) -> dict[str, dict[str, Any]]:
    """The scores of the arms that are done."""
    files = {name: out / slug(name) / SCORES for name in (BY_PATIENT, BY_SLICE)}
    return {name: read_json(path) for name, path in files.items() if path.is_file()}


def split_tables(arms: Arms) -> list[Table]:
    """The tables in the order of the page; without both arms only what was trained."""
    both = [same_slices_table(arms), own_slices_table(arms), stacks_table(arms)] if len(arms) == 2 else []
    return [*both, arms_table(arms)]


def same_slices_table(arms: Arms) -> Table:
    """Both models on the slices that neither was trained on: the difference is what knowing the patient is worth."""
    held = [{_key(row): row for row in arms[name]["slices"]} for name in (BY_PATIENT, BY_SLICE)]
    shared = sorted(set(held[0]) & set(held[1]))
    rows = [
        _same_row([[one[key] for key in shared if _is(key, structure)] for one in held], structure, measure)
        for measure in MEASURES
        for structure in _structures(arms)
    ]
    notes = [
        "Slices held out by both splits: the same images, of patients whom the model of the split by patient has never seen,"
        " and of whom the model of the split by slice has seen other slices. Difference: by slice minus by patient.",
        "Error explained: the difference as a share of what the split by patient lacks to a DSC of 1.",
        f"2D, per slice, nothing repaired; where the structure is in neither mask, or a distance is not defined under one"
        f" of the two, the slice is left out. {DRAWN}",
    ]
    return Table("same_slices", "The same slices", rows, notes, {"error explained %": 1, **_PLACES})


_PLACES: dict[str, int] = dict.fromkeys(("split by patient", "split by slice", "difference"), 3)


def own_slices_table(arms: Arms) -> Table:
    """Each model on all slices its own split held out, as a paper with that split would report it."""
    rows: list[dict[str, Cell]] = []
    for measure, key in MEASURES.items():
        for structure in _structures(arms):
            groups = [_values(_of(arms[name]["slices"], structure), key) for name in (BY_PATIENT, BY_SLICE)]
            row: dict[str, Cell] = {"measure": measure, "structure": _named(structure)}
            for name, held in zip((BY_PATIENT, BY_SLICE), groups, strict=True):
                row[f"n slices, {name}"] = sum(map(len, held.values()))
                row[f"split {name}"] = clustered_interval(held)
            rows.append({**row, "difference": separate_difference(groups[1], groups[0])})
    notes = [
        "What a paper with that split would print: each model on every slice that its own split held out. The slices differ,"
        f" so that patients are drawn apart for the difference, by slice minus by patient. {DRAWN}",
        "A structure that was missed on a slice has a DSC of 0 and no distance; one in neither mask has none.",
    ]
    return Table("own_slices", "Each split's own held-out slices", rows, notes, _PLACES)


def stacks_table(arms: Arms) -> Table:
    """3D per stack, where every drawn slice of a patient was held out."""
    rows: list[dict[str, Cell]] = []
    for name in (BY_PATIENT, BY_SLICE):
        held = arms[name]["stacks"]
        for structure in _structures(arms) if held else ():
            some = _of(held, structure)
            row: dict[str, Cell] = {"split": name, "structure": _named(structure), "n stacks": len(some)}
            rows.append({**row, **{m: clustered_interval(_values(some, MEASURES[m])) for m in ("DSC", "HD mm")}})
        if not held:
            rows.append({"split": name, "structure": "no patient was held out whole", "n stacks": 0})
    return Table("stacks", "Whole stacks, in 3D", rows, [f"3D per stack, nothing repaired. {DRAWN}"], {"DSC": 3})


def arms_table(arms: Arms) -> Table:
    """What each arm was trained on."""
    rows: list[dict[str, Cell]] = []
    for name, scores in arms.items():
        row: dict[str, Cell] = {
            "split": name,
            "slices trained on": scores["n_train"],
            "of patients": scores["n_train_patients"],
            "slices held out": scores["n_held_out"],
            "of patients, held out": scores["n_held_out_patients"],
            "held out, patient known": scores["n_held_out_of_known_patients"],
        }
        for stage in scores["stages"]:
            row[f"{stage['stage']}: samples"] = stage["examples"]
            row[f"{stage['stage']}: budget"] = stage["budget"]
        rows.append(row)
    notes = [
        "Slices on which every structure was drawn, with the heart in them or not. Held out, patient known: held-out slices"
        " of a patient of whom other slices were trained on.",
        "Samples: what a stage takes of the slices; a locator takes those with the heart in them.",
    ]
    return Table("arms", "What was trained", rows, notes)


def _about(plan: Plan, arms: Arms) -> list[str]:
    told = read_json(plan.out / SPLIT)
    lines = [
        f"Data: {plan.dataset}, fold {plan.which} ({plan.split or 'made by patient'}; folds.json), {told['method']},"
        f" recipe {told['recipe_name']}. shortaxis {__version__}.",
        "Two models of the same network, seed and optimiser steps, trained on as many of the same slices: parted by patient,"
        " and at random by slice (split.json). No early stopping; the last weights count. A split by slice shares patients"
        " and is refused everywhere else; here it is the experiment.",
    ]
    if told["locator"]:
        lines.append(
            "Both use the same locator, which has seen none of the patients that the split by patient holds out."
        )
    if len(arms) < 2:
        lines.append("Not finished. The same command goes on.")
    return [NOTE, *lines] if plan.dataset == "phantom" else lines


def _key(row: Row) -> tuple[str, int, int, str]:
    return row["case"], row["frame_index"], row["slice_number"], row["structure"]


def _is(key: tuple[str, int, int, str], structure: str | None) -> bool:
    return structure in (None, key[3])


def _same_row(sides: Sequence[Sequence[Row]], structure: str | None, measure: str) -> dict[str, Cell]:
    """One measure of one structure on the same slices; `sides` are the rows by patient and by slice, in one order."""
    key = MEASURES[measure]
    both = [pair for pair in zip(*sides, strict=True) if all(row[key] is not None for row in pair)]
    first, second, gaps = (
        _grouped(both, lambda pair: pair[0][key]),
        _grouped(both, lambda pair: pair[1][key]),
        _grouped(both, lambda pair: pair[1][key] - pair[0][key]),
    )
    before, gap = clustered_interval(first), clustered_interval(gaps)
    row: dict[str, Cell] = {"measure": measure, "structure": _named(structure), "n slices": len(both)}
    row |= {"n patients": before.n, "split by patient": before, "split by slice": clustered_interval(second)}
    return {**row, "difference": gap, "error explained %": _explained(before, gap) if key == "dice" else None}


def _grouped(pairs: Iterable[tuple[Row, ...]], value: Callable[[tuple[Row, ...]], float]) -> dict[str, list[float]]:
    groups: dict[str, list[float]] = {}
    for pair in pairs:
        groups.setdefault(pair[0]["patient"], []).append(value(pair))
    return groups


def _values(rows: Iterable[Row], key: str) -> dict[str, list[float]]:
    return _grouped(((row,) for row in rows if row[key] is not None), lambda pair: pair[0][key])


def _explained(before: Interval, gap: Interval) -> float | None:
    if before.mean is None or gap.mean is None or before.mean >= 1:
        return None
    return 100 * gap.mean / (1 - before.mean)


def _structures(arms: Arms) -> list[str | None]:
    """Every structure that was compared, then None for all together."""
    found = {row["structure"] for scores in arms.values() for row in scores["slices"]}
    known = sorted(found, key=lambda name: (STRUCTURES.index(name) if name in STRUCTURES else len(STRUCTURES), name))
    return [*known, None]


def _of(rows: Iterable[Row], structure: str | None) -> list[Row]:
    return [row for row in rows if structure in (None, row["structure"])]


def _named(structure: str | None) -> str:
    return "all" if structure is None else short(structure)
