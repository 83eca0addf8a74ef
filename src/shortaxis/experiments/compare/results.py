"""What has been scored so far, read back from a comparison's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shortaxis.experiments.compare.elsewhere import elsewhere_file, scored_elsewhere
from shortaxis.experiments.compare.plan import Entry, Plan
from shortaxis.experiments.compare.run import SCORES, fold_folder
from shortaxis.files.json_file import read_json

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """One entry over all folds that are done.

    Attributes:
        folds: number of a fold -> its `scores.json`.
        elsewhere: name of another data set -> its scores by fold.
        folder: of the entry's folds, by number.
    """

    entry: Entry
    folds: Mapping[int, Mapping[str, Any]]
    elsewhere: Mapping[str, Mapping[int, Mapping[str, Any]]]
    folder: Mapping[int, Path]

    @property
    def label(self) -> str:
        """How the tables call it."""
        return self.entry.label

    def every(self, key: str) -> list[Row]:
        """The rows `key` (a field of `score.Scored`, or `clinical`) of all folds: each patient was held out once.

        What an earlier version did not score is not there.
        """
        return [row for scores in self.folds.values() for row in scores.get(key, ())]

    def everywhere(self, key: str, dataset: str) -> list[Row]:
        """The rows `key` on another data set, by the models of all folds."""
        return [row for scores in self.elsewhere.get(dataset, {}).values() for row in scores.get(key, ())]

    def stages(self) -> list[tuple[int, Row]]:
        """(fold, facts) of each trained stage."""
        return [(number, stage) for number, scores in self.folds.items() for stage in scores["stages"]]

    @property
    def first(self) -> Mapping[str, Any]:
        """The scores of the first fold: what is the same in all of them is read here."""
        return next(iter(self.folds.values()))


def read_results(plan: Plan) -> list[Result]:
    """Every entry of the plan of which a fold is done, in the plan's order."""
    return [result for entry in plan.entries if (result := _result(plan, entry)).folds]


def _result(plan: Plan, entry: Entry) -> Result:
    every = fold_folder(plan.out, entry, 0).parent.glob("fold-*")
    numbers = sorted(int(path.name[5:]) for path in every if path.name[5:].isdecimal())
    chosen = [number for number in numbers if plan.which in ("all", number)]
    folders = {number: fold_folder(plan.out, entry, number) for number in chosen}
    return result_of(entry, folders)


def result_of(entry: Entry, folders: Mapping[int, Path]) -> Result:
    """An entry's scores in the folders of its folds, of those that are done."""
    done = {number: folder for number, folder in folders.items() if (folder / SCORES).is_file()}
    elsewhere = {
        dataset: dict(_read_where_there(done, lambda folder, name=dataset: elsewhere_file(folder, name)))
        for dataset in sorted({name for folder in done.values() for name in scored_elsewhere(folder)})
    }
    return Result(entry, dict(_read_where_there(done, lambda folder: folder / SCORES)), elsewhere, done)


def _read_where_there(
    folders: Mapping[int, Path], file_of: Callable[[Path], Path]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, folder in folders.items():
        path = file_of(folder)
        if path.is_file():
            yield number, read_json(path)


def shared_cases(results: Sequence[Result]) -> list[str]:
    """Patients that every entry was scored on, in the first one's order."""
    held = [{row["case"] for row in result.every("rows")} for result in results]
    return [
        case for case in dict.fromkeys(row["case"] for row in results[0].every("rows")) if all(case in h for h in held)
    ]
