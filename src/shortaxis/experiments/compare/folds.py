"""One split for all entries, written once and read again: `folds.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shortaxis.core.errors import BadConfiguration, CannotResume, LeakingSplit, MissingFile
from shortaxis.experiments.compare.plan import Plan, WhichFolds
from shortaxis.files.writer import write_json
from shortaxis.train.folds import Fold, refuse_leaks, split_by_patient
from shortaxis.train.run import TrainingCase, without_known_copies

FOLDS = "folds.json"
SHIPPED = Path(__file__).parent / "splits"
SEED = 0


def agreed_folds(plan: Plan, cases: Sequence[TrainingCase]) -> list[Fold]:
    """The plan's folds, the same as those in `OUT/folds.json` where it is there; written there otherwise.

    The file holds the split as it was drawn; known copies of held-out scans are left out of what is returned.

    Raises:
        CannotResume: `OUT` was begun with another split.
        LeakingSplit: a fold shares a patient between its sides, or a patient is held out twice.
        BadConfiguration: a given split names patients that are not among the cases.
    """
    folds = read_split(plan.split) if plan.split else made_folds(cases, plan.folds)
    refuse_strangers(folds, cases, plan.split)
    path = plan.out / FOLDS
    if path.is_file():
        if read_split(str(path)) != folds:
            raise CannotResume("the split this folder was begun with", "another", "choose another --out", path)
    else:
        write_json(path, {"made": plan.split or f"by patient, seed {SEED}", **as_json(folds)})
    return [without_known_copies(fold, cases) for fold in folds]


def made_folds(cases: Sequence[TrainingCase], count: int) -> list[Fold]:
    """`count` folds by patient, diagnosis groups spread evenly: those of `shortaxis train`."""
    groups = {case.patient: case.group for case in cases}
    return split_by_patient(sorted(groups), groups, count, seed=SEED)


def chosen(folds: Sequence[Fold], which: WhichFolds) -> dict[int, Fold]:
    """The folds to run by their number from 0. Raises BadConfiguration for one that is not there."""
    if which == "all":
        return dict(enumerate(folds))
    if not 0 <= which < len(folds):
        raise BadConfiguration(f"a fold from 0 to {len(folds) - 1}, or all", str(which), "correct --fold")
    return {which: folds[which]}


def as_json(folds: Sequence[Fold]) -> dict[str, Any]:
    """Folds as they are written."""
    return {"folds": [{"train": list(fold.train), "validation": list(fold.validation)} for fold in folds]}


def read_split(name: str) -> list[Fold]:
    """Folds from a file, or by the name of a split that comes along (`acdc-5`).

    Raises:
        MissingFile: neither such a file nor such a name.
        BadConfiguration: not a split.
        LeakingSplit: a patient on both sides of a fold, or held out of two.
    """
    path = Path(name) if Path(name).is_file() else SHIPPED / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.json")))
        raise MissingFile(f"a split's file, or one of {known}", "no such file", "correct --split", name)
    try:
        folds = [_fold(held) for held in json.loads(path.read_text("utf-8"))["folds"]]
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as problem:
        raise BadConfiguration(
            '{"folds": [{"train": [...], "validation": [...]}]}', repr(problem)[:200], "mend it", path
        ) from problem
    held_out = [patient for fold in folds for patient in fold.validation]
    twice = sorted({patient for patient in held_out if held_out.count(patient) > 1})
    if twice:
        raise LeakingSplit(
            "each patient held out once", f"{', '.join(twice)} more than once", "make the folds anew", path
        )
    try:
        return [refuse_leaks(fold) for fold in folds]
    except LeakingSplit as leak:
        raise LeakingSplit(leak.expected, leak.found, leak.way_out, path) from leak


def refuse_strangers(folds: Sequence[Fold], cases: Sequence[TrainingCase], source: str | None) -> None:
    """Raises BadConfiguration where the folds name patients of whom there is no case."""
    named = {patient for fold in folds for patient in (*fold.train, *fold.validation)}
    missing = sorted(named - {case.patient for case in cases})
    if missing:
        listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise BadConfiguration("a split of the patients in --data", f"no case of {listed}", "correct --split", source)


def _fold(held: Mapping[str, Any]) -> Fold:
    return Fold(tuple(sorted(map(str, held["train"]))), tuple(sorted(map(str, held["validation"]))))
