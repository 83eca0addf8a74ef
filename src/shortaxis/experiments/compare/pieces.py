"""Trained stages, each trained once: entries whose stage, settings, scheme and patients are the same share it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadWeights, ShortaxisError
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.experiments.compare.cost import forget_high_water, memory_since
from shortaxis.experiments.compare.same_data import STAGES
from shortaxis.files.names import slug
from shortaxis.files.tensors import load_tensors
from shortaxis.files.writer import write_bytes, write_json
from shortaxis.jobs.train_stage import RECORD, train_stage
from shortaxis.train.folds import Fold
from shortaxis.train.identity import stage_identity
from shortaxis.train.loop import FitRun
from shortaxis.train.run import Fitted, TrainingCase
from shortaxis.train.state import CURRENT, PREVIOUS

if TYPE_CHECKING:
    from torch import Tensor

Report = Callable[[str, int, int, float], None]  # what, step, steps, loss
DONE = "done.json"


@dataclass(frozen=True)
class Bench:
    """What all training of a comparison shares.

    Attributes:
        stopped: true once a signal came; everything then ends with its state saved.
        report: told (what, step, steps, loss) after every step.
    """

    out: Path
    cases: Sequence[TrainingCase]
    scheme: LabelScheme
    compute: Compute
    stopped: Callable[[], bool] = lambda: False
    report: Report = lambda what, step, steps, loss: None
    workers: int = 1


@dataclass(frozen=True)
class Piece:
    """A trained stage: its folder with `done.json`, and the weights by the step they were taken at, the last the result.

    `memory` is what `cost.memory_since` said of the run that ended it; empty where an earlier version trained it.
    """

    folder: Path
    examples: int
    steps: tuple[int, ...]
    memory: Mapping[str, float | None] = field(default_factory=dict)

    def weights(self, step: int) -> dict[str, Tensor]:
        """The weights that were worth keeping after `step` steps."""
        return load_tensors(self.folder / _weights_name(step))

    @property
    def record(self) -> Path:
        """Every step's loss."""
        return self.folder / RECORD


def trained_piece(stage: Stage, fold: Fold, bench: Bench, title: str, marks: Sequence[int] = ()) -> Piece | None:
    """The stage trained on a fold: found finished, resumed, or trained now; None where a signal stopped it.

    Args:
        stage: with its fit.
        fold: its patients.
        bench: what all training shares.
        title: what the curves and the progress call it.
        marks: optimiser steps at which the weights are kept too.
    """
    folder = bench.out / STAGES / f"{slug(stage.name)}-{piece_key(stage, fold, bench.scheme)[:12]}"
    held = _found_finished(folder)
    if held is not None:
        return Piece(folder, held["examples"], tuple(held["kept_at_steps"]), held.get("memory", {}))
    marks = sorted({*(mark for mark in marks if 0 < mark < stage.fit.steps), stage.fit.steps})
    examples, forgotten = 0, forget_high_water(bench.compute)
    for mark in marks:
        if mark < marks[-1] and _is_weights(folder / _weights_name(mark)):
            continue  # kept before a stop; the run is further by now
        fitted = _trained_up_to(mark, stage, fold, bench, title, folder)
        if fitted is None:
            return None
        examples = fitted.examples
        write_bytes(folder / _weights_name(mark), save(storable(fitted.weights)))
    hashes = {str(mark): _hash(folder / _weights_name(mark)) for mark in marks}
    memory = memory_since(forgotten, bench.compute)
    done = {"stage": stage.name, "examples": examples, "kept_at_steps": marks, "weights_sha256": hashes}
    write_json(folder / DONE, {**done, "memory": memory})
    return Piece(folder, examples, tuple(marks), memory)


def _found_finished(folder: Path) -> dict[str, Any] | None:
    """What `done.json` says; None where it is not there, cannot be read, or weights are not those it was written for.

    Then the stage is trained again, from its last state where that is enough.
    """
    try:
        held = json.loads((folder / DONE).read_text("utf-8"))
        marks, hashes = held["kept_at_steps"], held["weights_sha256"]
        whole = all(_is_weights(folder / _weights_name(mark), hashes[str(mark)]) for mark in marks)
        return held if whole and isinstance(held["examples"], int) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_weights(path: Path, sha256: str | None = None) -> bool:
    """Whether the file holds whole weights, and those of that hash where one is known; another is removed."""
    try:
        if sha256 not in (None, _hash(path)):
            raise BadWeights("the weights that were kept", "others", "they are made again", path)
        load_tensors(path)
        return True
    except (ShortaxisError, OSError):
        path.unlink(missing_ok=True)
        return False


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _trained_up_to(mark: int, stage: Stage, fold: Fold, bench: Bench, title: str, folder: Path) -> Fitted | None:
    """The stage after `mark` steps; None where a signal came before. What follows is the same run, resumed."""
    run = FitRun(
        folder,
        bench.compute,
        {},
        workers=bench.workers,
        stop=bench.stopped,
        report=lambda step, steps, loss: bench.report(title, step, steps, loss),
        hurry=bench.stopped,
        until=mark,
    )
    fitted = train_stage(stage, bench.scheme, bench.cases, fold, run, title)
    if fitted.step > mark:  # the weights of an earlier step were lost: the same steps are taken again from the first
        for name in (CURRENT, PREVIOUS):
            (folder / name).unlink(missing_ok=True)
        fitted = train_stage(stage, bench.scheme, bench.cases, fold, run, title)
    return fitted if fitted.finished else None


def piece_key(stage: Stage, fold: Fold, scheme: LabelScheme) -> str:
    """A hash of all that a trained stage depends on: what it is made of, who was trained on and who was held out."""
    patients = {"train": list(fold.train), "validation": list(fold.validation)}
    return hash_of({**stage_identity(stage, scheme), **patients})


def hash_of(facts: Mapping[str, Any]) -> str:
    """SHA-256 of plain facts, the order of keys aside."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _weights_name(step: int) -> str:
    return f"weights-{step:07d}.safetensors"


def storable(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights as safetensors takes them: on the CPU, contiguous, sharing nothing."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}
