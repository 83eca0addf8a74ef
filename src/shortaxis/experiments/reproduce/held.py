"""Results of ours to set beside a paper's: read from the folders that `compare` and `evaluate` wrote."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from shortaxis.core.errors import BadConfiguration, MissingFile
from shortaxis.experiments.compare.folds import FOLDS
from shortaxis.experiments.compare.plan import Entry
from shortaxis.experiments.compare.results import Result, result_of
from shortaxis.experiments.compare.run import SCORES
from shortaxis.files.json_file import read_json

Source = Literal["compare", "evaluate", "emidec"]
EVALUATED, SLICES, EMIDEC = "scores.csv", "slices.csv", "emidec_cases.csv"
NOT_STATED = "not stated"
TEXTS = ("case", "phase", "structure", "outcome", "reason")
FROM_EMIDEC = {"dice": "dice_code", "hd_mm": "hd_page_mm", "volume_error_ml": "volume_difference_ml"}


@dataclass(frozen=True, eq=False)
class Held:
    """What one method reached here.

    Attributes:
        folder: where it was read.
        source: which command wrote it; `emidec` is `evaluate --protocol emidec`.
        dataset: the layout of the data it was scored on; None where nothing says so.
        split: the folds, in words.
        row: the row that the user says it is; None: told by method and recipe.
    """

    result: Result
    folder: Path
    source: Source
    dataset: str | None
    split: str
    row: str | None = None

    @property
    def method(self) -> str:
        """Our name of the method; empty where nobody says it."""
        return str(self.result.first.get("method", ""))

    @property
    def recipe(self) -> Mapping[str, Any] | None:
        """The resolved recipe it was trained by; None where the results do not have it."""
        first = self.result.first
        return first.get("trained", {}).get("recipe") or first.get("settings")

    @property
    def recipe_name(self) -> str:
        """`paper`, `tuned`, or empty."""
        return str(self.result.first.get("recipe", ""))

    @property
    def budget(self) -> str:
        """What it was trained with, in words."""
        return str(self.result.first.get("budget", NOT_STATED))


def read_held(given: Sequence[str], dataset: str | None = None) -> list[Held]:
    """Everything scored below the folders given.

    Args:
        given: `DIR`, or `ROW=DIR` for the scores of masks, which do not say what made them.
        dataset: what results are of that do not say it.

    Raises:
        MissingFile: no such folder, or nothing scored in it.
        BadConfiguration: scores of masks without the row they are.
    """
    found: list[Held] = []
    for text in given:
        row, folder = _named(text)
        held = [*_compared(folder, row, dataset), *_evaluated(folder, row, dataset)]
        if not held:
            expected = f"results of `compare` ({SCORES}) or of `evaluate` ({EVALUATED}, {EMIDEC})"
            way_out = "correct --results; a model of `train` is scored by --run --model ROW=FILE"
            raise MissingFile(expected, "none" if folder.is_dir() else "no such folder", way_out, folder)
        found += held
    return found


def _named(text: str) -> tuple[str | None, Path]:
    row, equals, folder = text.partition("=")
    return (row, Path(folder)) if equals and not Path(text).exists() else (None, Path(text))


def _compared(folder: Path, row: str | None, dataset: str | None) -> Iterator[Held]:
    entries = sorted({path.parents[1] for path in folder.rglob(f"fold-*/{SCORES}") if path.parent.name[5:].isdecimal()})
    for entry in entries:
        folds = {int(path.name[5:]): path for path in sorted(entry.glob("fold-*")) if path.name[5:].isdecimal()}
        result = result_of(Entry(entry.name), folds)
        result = result_of(Entry(str(result.first["label"])), folds)
        stated = result.first.get("dataset", dataset)
        yield Held(result, entry, "compare", stated, _split_of(entry, sorted(result.folds)), row)


def _split_of(entry: Path, numbers: Sequence[int]) -> str:
    path = entry.parents[1] / FOLDS
    if not path.is_file():
        return f"fold {', '.join(map(str, numbers))} of a split {NOT_STATED}"
    split = read_json(path)
    return f"fold {', '.join(map(str, numbers))} of {len(split['folds'])}, {split.get('made', NOT_STATED)}"


def _evaluated(folder: Path, row: str | None, dataset: str | None) -> Iterator[Held]:
    for name in (EVALUATED, EMIDEC):
        path = folder / name
        if not path.is_file():
            continue
        if row is None:
            expected, found = "the row that scored masks are, --results ROW=DIR", f"{name} alone"
            raise BadConfiguration(expected, found, 'such as --results "nnU-Net=scores/"', path)
        rows = _rows_of(path)
        scores: dict[str, Any] = {"label": row, "rows": [_as_ours(held) for held in rows] if name == EMIDEC else rows}
        if name == EVALUATED and (folder / SLICES).is_file():
            scores["slices"] = _rows_of(folder / SLICES)
        source: Source = "evaluate" if name == EVALUATED else "emidec"
        stated = dataset or ("emidec" if source == "emidec" else None)
        yield Held(Result(Entry(row), {0: scores}, {}, {0: folder}), folder, source, stated, NOT_STATED, row)


def _rows_of(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{key: _value(key, text) for key, text in line.items()} for line in csv.DictReader(file)]


def _value(key: str, text: str) -> str | float | None:
    if text == "":
        return None
    return text if key in TEXTS else _number(text)


def _number(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _as_ours(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of EMIDEC's protocol under our names; its definitions are its own (`quantities.EMIDEC_SAYS`)."""
    return {**row, "phase": None, **{ours: row[theirs] for ours, theirs in FROM_EMIDEC.items()}}
