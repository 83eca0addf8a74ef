"""What a comparison is made on: no scan on two sides of it, and the same scans whenever it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shortaxis import __version__
from shortaxis.core.errors import CannotResume
from shortaxis.core.labels import LabelScheme
from shortaxis.files.writer import write_json
from shortaxis.jobs.training_cases import training_cases
from shortaxis.train.duplicates import Seen, refuse_duplicates, seen_as, seen_in
from shortaxis.train.folds import Fold
from shortaxis.train.run import TrainingCase

DATA, STAGES = "data.json", "stages"


def refuse_copies(
    cases: Sequence[TrainingCase],
    folds: Sequence[Fold],
    scheme: LabelScheme,
    tests: Sequence[tuple[str, Path]] = (),
) -> list[Seen]:
    """Read every case of the folds once; what was seen of them. Who is left out of a fold is on no side of it.

    Args:
        cases: the patients'.
        folds: those that are run.
        scheme: the labels' of the other data sets.
        tests: other data sets as (layout, folder), whose cases must not be trained on.

    Raises:
        LeakingSplit: a scan under two names, on both sides of a fold or trained on and in another data set.
    """
    wanted = {patient for fold in folds for patient in (*fold.train, *fold.validation)}
    seen = [seen_as(case.name, case.patient, case.read()) for case in cases if case.patient in wanted]
    for fold in folds:
        refuse_duplicates(fold, seen)
    for dataset, folder in tests:
        others = [_of(dataset, case) for case in training_cases(folder, dataset, scheme)]
        for fold in folds:
            both = Fold(fold.train, tuple(other.patient for other in others))
            refuse_duplicates(both, [*seen, *others], f"tested on in {dataset}")
    return seen


def refuse_other_data(out: Path, seen: Sequence[Seen]) -> None:
    """Note in `OUT/data.json` which scans, labels and program a comparison is made with, or see that they are the same.

    What is kept in `OUT` was made with them and is taken without a look at them: trained stages, models, scores.

    Raises CannotResume where they are others, or where stages are kept and nothing says what they were trained on.
    """
    path = out / DATA
    held = _held(path)
    facts = {"program": __version__, "cases": {case.case: seen_in([case]) for case in seen}}
    cases = {**held.get("cases", {}), **facts["cases"]} if held else facts["cases"]
    other = sorted(name for name, digest in held.get("cases", {}).items() if cases[name] != digest)
    if other or held.get("program", __version__) != __version__:
        found = f"other scans or labels of {', '.join(other[:5])}" if other else f"version {__version__}"
        expected = f"the data and the version {held.get('program')} that this folder was begun with"
        raise CannotResume(expected, found, "choose another --out; what is in this one stays as it is", path)
    if held != {**facts, "cases": cases}:
        write_json(path, {**facts, "cases": cases})


def _of(dataset: str, case: TrainingCase) -> Seen:
    return seen_as(case.name, f"{dataset}: {case.patient}", case.read())  # another data set's p1 is not ours


def _held(path: Path) -> Mapping[str, Any]:
    """What was noted, nothing where nothing is kept yet. Raises CannotResume where it is lost or cannot be read."""
    if not path.exists() and not path.with_name(STAGES).exists():
        return {}
    try:
        held = json.loads(path.read_text("utf-8"))
        return {
            "program": str(held["program"]),
            "cases": {str(key): str(value) for key, value in held["cases"].items()},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise CannotResume("a note of the data this folder was begun with", repr(problem)[:200],
                           "restore it, or choose another --out", path) from problem  # fmt: skip
