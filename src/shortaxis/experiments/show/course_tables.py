"""How the entries were trained: losses and accuracy, scores in the course of training, what each stage took."""

from __future__ import annotations

from collections.abc import Sequence

from shortaxis.experiments.compare.plan import Plan
from shortaxis.experiments.compare.results import Result, Row
from shortaxis.experiments.compare.values import cases_of, mean, misses, phases_of, picked, short, structures_of
from shortaxis.experiments.table import Cell, Table, columns


def learning_table(results: Sequence[Result], plan: Plan) -> Table:
    """Loss and accuracy on training, validation and test patients, as HALSR-Net's tables 4, 5 and 7."""
    rows = [_learning_row(result, plan) for result in results]
    notes = [
        "Losses are the last stage's own, from its record: training over varied samples at the end of training, validation"
        " over unvaried samples of the held-out patients. They differ in kind between methods and cannot be compared"
        " across rows.",
        "Accuracy is the share of pixels, background included, with the right label, on whole slices: mostly background,"
        " so that it is high whatever the method. DSC beside it says more.",
        *_test_notes(results, plan),
    ]
    measures = [name for name in columns(rows) if any(what in name for what in ("loss", "accuracy", "DSC"))]
    return Table("learning", "Loss and accuracy", rows, notes, dict.fromkeys(measures, 4))


def _test_notes(results: Sequence[Result], plan: Plan) -> list[str]:
    if not plan.tests:
        return [
            "There is no test set: the held-out patients are the validation set, and nothing was chosen on them here."
        ]
    said = [f"Test: another data set ({', '.join(name for name, _ in plan.tests)}), losses as in validation."]
    for dataset, _ in plan.tests:
        why = {loss["why_none"] for result in results for loss in _losses(result, dataset) if loss["why_none"]}
        said += [f"No loss on {dataset}: {reason}." for reason in sorted(why)]
    return said


def _losses(result: Result, dataset: str) -> list[Row]:
    """The losses of each fold's model on another data set; none where an earlier version scored it."""
    return [scores["loss"] for scores in result.elsewhere.get(dataset, {}).values() if "loss" in scores]


def _learning_row(result: Result, plan: Plan) -> dict[str, Cell]:
    last = [stage for _, stage in result.stages()]
    last = [stage for stage in last if stage["stage"] == last[-1]["stage"]]
    trained_on = [scores["trained_on"] for scores in result.folds.values()]
    seen = [row for scores in trained_on for row in scores["cases"]]
    row: dict[str, Cell] = {
        "entry": result.label,
        "training loss": mean([stage["training_loss"] for stage in last]),
        "validation loss": mean([stage["validation_loss"] for stage in last]),
        "training accuracy": mean([case["pixel_accuracy"] for case in seen]),
        "validation accuracy": mean([case["pixel_accuracy"] for case in result.every("cases")]),
        "training DSC": mean([row["dice"] for scores in trained_on for row in scores["rows"]]),
        "validation DSC": mean([row["dice"] for row in result.every("rows")]),
        "n trained on, checked": len(seen),
        "n held out": len(cases_of(result)),
    }
    for dataset, _ in plan.tests:
        row[f"test loss, {dataset}"] = mean([loss["loss"] for loss in _losses(result, dataset)])
        row[f"test accuracy, {dataset}"] = mean(
            [case["pixel_accuracy"] for case in result.everywhere("cases", dataset)]
        )
    return row


def epochs_table(results: Sequence[Result]) -> Table:
    """DSC and HD at ED and ES in the course of the training, as DADU's table 2."""
    rows: list[dict[str, Cell]] = []
    for result in results:
        at: dict[int, list[Row]] = {}
        for scores in result.folds.values():
            for held in scores["by_step"]:
                at.setdefault(held["step"], []).extend(held["rows"])
        if not at:
            continue
        steps = result.first["stages"][-1]["budget"]
        for step, held in [*sorted(at.items()), (None, result.every("rows"))]:
            row: dict[str, Cell] = {"entry": result.label, "step": f"{step}" if step else f"end ({steps})"}
            row |= {"n": len({line["case"] for line in held}), **misses(held)}
            rows.append({**row, **_by_phase(held, structures_of([result]), phases_of([result]))})
    notes = [
        "Held-out patients by the last stage's weights at that step, the locator's being its final ones. A structure that"
        " was missed or invented counts 0 in DSC and is left out of HD; over all patients, structures and phases there are"
        " so many."
    ]
    if not rows:
        notes = [
            "Nothing was kept on the way: --by-epoch N scores the held-out patients at N equal parts of a training that"
            " begins with it."
        ]
    return Table("by_step", "In the course of training", rows, notes, {n: 3 for n in columns(rows) if "DSC" in n})


def _by_phase(held: Sequence[Row], structures: Sequence[str], phases: Sequence[str]) -> dict[str, Cell]:
    return {
        f"{phase} {name} {short(structure)}": mean([row[key] for row in picked(held, structure, phase)])
        for phase in phases
        for name, key in (("DSC", "dice"), ("HD mm", "hd_mm"))
        for structure in structures
    }


def stages_table(results: Sequence[Result]) -> Table:
    """What was trained: parameters, seconds, budget; stages that entries share."""
    rows: list[dict[str, Cell]] = []
    users: dict[str, list[str]] = {}
    for result in results:
        for number, stage in result.stages():
            users.setdefault(stage["piece"], []).append(result.label)
            rows.append(
                {
                    "entry": result.label, "fold": number, "stage": stage["stage"],
                    "params M": result.folds[number]["cost"]["parameters"][stage["stage"]] / 1e6,
                    "budget": stage["budget"], "samples": stage["examples"], "s/step": stage["seconds_per_step"],
                    "s/epoch": stage["seconds_per_epoch"], "piece": stage["piece"],
                }
            )  # fmt: skip
    rows = [{**row, "shared by": len(set(users[str(row["piece"])]))} for row in rows]
    notes = ["A stage with the same settings, structures and patients is trained once for all entries that have it."]
    return Table("stages", "What was trained", rows, notes, {"s/step": 3, "s/epoch": 1})
