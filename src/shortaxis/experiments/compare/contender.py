"""An entry made ready for a fold: its stages trained into a model file, or a file trained elsewhere on that very split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shortaxis.core.errors import LeakingSplit
from shortaxis.core.method import Method, Stage
from shortaxis.core.recipe import Recipe
from shortaxis.core.species import species_of
from shortaxis.core.study import Study
from shortaxis.experiments.compare.budget import budgeted, slices_in_sample, told
from shortaxis.experiments.compare.cost import epoch_seconds, step_seconds
from shortaxis.experiments.compare.pieces import Bench, Piece, trained_piece
from shortaxis.experiments.compare.plan import Budget, Entry
from shortaxis.files.bundle import load_bundle, save_bundle
from shortaxis.jobs.train_method import image_hashes, trained_bundle
from shortaxis.methods import method_named
from shortaxis.report.training import binned
from shortaxis.train.folds import Fold
from shortaxis.train.record import read_record


@dataclass(frozen=True, eq=False)
class Contender:
    """A method with its resolved recipe.

    Attributes:
        depths: slices in one sample of each stage, by stage name.
    """

    entry: Entry
    method: Method
    recipe: Recipe
    stages: tuple[Stage, ...]
    depths: Mapping[str, int]

    @property
    def spends(self) -> str:
        """Its budget in words."""
        return "; ".join(f"{stage.name}: {told(stage, self.depths[stage.name])}" for stage in self.stages)

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it another contender if it changes."""
        recipe = json.loads(self.recipe.model_dump_json())
        return {"method": self.method.name, "recipe_name": self.entry.recipe, "recipe": recipe}

    def marks(self, parts: int) -> list[int]:
        """Steps of the last stage at the ends of so many equal parts of its training, its end included."""
        steps = self.stages[-1].fit.steps
        return sorted({max(1, steps * part // parts) for part in range(1, parts + 1)}) if parts else []


def contender(entry: Entry, budget: Budget, study: Study, bench: Bench) -> Contender:
    """The entry's method with its changes and the budget. Raises BadConfiguration or UnknownName."""
    method = method_named(entry.method)
    wanted = method.recipe_for(entry.recipe, species_of(study)).overlaid(entry.changes)
    recipe = budgeted(method, wanted, budget, study, bench.scheme)
    stages = method.stages(recipe)
    depths = {stage.name: slices_in_sample(stage, study, bench.scheme) for stage in stages}
    return Contender(entry, method, recipe, stages, depths)


def train_contender(who: Contender, number: int, fold: Fold, bench: Bench, parts: int) -> dict[str, Piece] | None:
    """Every stage's trained piece by name; None where a signal stopped it."""
    pieces: dict[str, Piece] = {}
    for stage in who.stages:
        marks = who.marks(parts) if stage is who.stages[-1] else ()
        title = f"{who.entry.label}, fold {number}, stage {stage.name}"
        piece = trained_piece(stage, fold, bench, title, marks)
        if piece is None:
            return None
        pieces[stage.name] = piece
    return pieces


def write_model(
    path: Path, who: Contender, pieces: Mapping[str, Piece], fold: Fold, bench: Bench, at_step: int | None = None
) -> None:
    """The model file of trained pieces; with `at_step` its last stage as it was after that many steps."""
    last = who.stages[-1].name
    member = {
        name: piece.weights(at_step if at_step is not None and name == last else piece.steps[-1])
        for name, piece in pieces.items()
    }
    save_bundle(
        path, trained_bundle(who.method, who.entry.recipe, who.recipe, bench.scheme, [member], bench.cases, fold)
    )


def training_facts(who: Contender, pieces: Mapping[str, Piece]) -> list[dict[str, Any]]:
    """A row per stage: its folder, budget, examples, seconds a step and an epoch, and its losses."""
    return [_facts(stage, pieces[stage.name], who) for stage in who.stages]


def _facts(stage: Stage, piece: Piece, who: Contender) -> dict[str, Any]:
    record = read_record(piece.record)
    per_step = step_seconds(record)
    losses = [(line["step"], line["loss"]) for line in record if "loss" in line]
    held_out = [line["validation"]["loss"] for line in record if "validation" in line]
    return {
        "stage": stage.name,
        "piece": piece.folder.name,
        "budget": told(stage, who.depths[stage.name]),
        "examples": piece.examples,
        "seconds_per_step": per_step,
        "seconds_per_epoch": epoch_seconds(per_step, piece.examples, stage.fit.batch),
        "training_loss": binned(losses)[-1][1] if losses else None,
        "validation_loss": held_out[-1] if held_out else None,
        "training_memory": dict(piece.memory),
    }


def model_of_fold(entry: Entry, fold: Fold, bench: Bench) -> Path:
    """The entry's model file whose card names exactly the fold's patients as held out.

    Raises LeakingSplit where none does: it may have been trained on patients it would be judged on.
    """
    wanted, seen = image_hashes(bench.cases, fold.validation), []
    for path in entry.models:
        card = load_bundle(path).card
        held_out = sorted(card.get("held_out_sha256", []))
        overlap = set(wanted) & set(card.get("training_cases_sha256", ()))
        if held_out == wanted and not overlap:
            return path
        seen.append(f"{path.name}: {len(held_out)} held out, {len(overlap)} of the fold's trained on")
    raise LeakingSplit(
        f"a model that held out the fold's {len(wanted)} patients and no others", "; ".join(seen),
        "train it on this split (folds.json), or compare on the split it was trained on (--split)", entry.models[0],
    )  # fmt: skip


def held_by(fold: Fold, bench: Bench, count: int | None = None) -> Sequence[Any]:
    """The cases of the fold's held-out patients; with `count` so many of its training patients', spread evenly."""
    if count is None:
        return [case for case in bench.cases if case.patient in set(fold.validation)]
    side = fold.training_side
    count = min(count, len(side))
    some = {side[at * len(side) // count] for at in range(count)} - {*fold.left_out}
    return [case for case in bench.cases if case.patient in some]
