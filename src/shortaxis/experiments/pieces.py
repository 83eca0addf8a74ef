"""Trained stages, each trained once: entries whose stage, settings, scheme and patients are the same share it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save

from shortaxis.core.compute import Compute
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.files.names import slug
from shortaxis.files.tensors import load_tensors
from shortaxis.files.writer import write_bytes, write_json
from shortaxis.jobs.train_stage import RECORD, train_stage
from shortaxis.train.folds import Fold
from shortaxis.train.loop import FitRun
from shortaxis.train.run import Fitted, TrainingCase, stage_settings

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
    """A trained stage: its folder with `done.json`, and the weights by the step they were taken at, the last the result."""

    folder: Path
    examples: int
    steps: tuple[int, ...]

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
    folder = bench.out / "stages" / f"{slug(stage.name)}-{piece_key(stage, fold, bench.scheme)[:12]}"
    if (folder / DONE).is_file():
        held = json.loads((folder / DONE).read_text("utf-8"))
        return Piece(folder, held["examples"], tuple(held["kept_at_steps"]))
    marks = sorted({*(mark for mark in marks if 0 < mark < stage.fit.steps), stage.fit.steps})
    examples = 0
    for mark in marks:
        if mark < marks[-1] and (folder / _weights_name(mark)).is_file():
            continue  # kept before a stop; the run is further by now
        fitted = _trained_up_to(mark, stage, fold, bench, title, folder)
        if fitted is None:
            return None
        examples = fitted.examples
        write_bytes(folder / _weights_name(mark), save(_stored(fitted.weights)))
    write_json(folder / DONE, {"stage": stage.name, "examples": examples, "kept_at_steps": marks})
    return Piece(folder, examples, tuple(marks))


def _trained_up_to(mark: int, stage: Stage, fold: Fold, bench: Bench, title: str, folder: Path) -> Fitted | None:
    """The stage after `mark` steps; None where a signal came before. What follows is the same run, resumed."""
    done = 0

    def report(step: int, steps: int, loss: float) -> None:
        nonlocal done
        done = step
        bench.report(title, step, steps, loss)

    def stop() -> bool:
        return done >= mark or bench.stopped()

    run = FitRun(folder, bench.compute, {}, workers=bench.workers, stop=stop, report=report)
    fitted = train_stage(stage, bench.scheme, bench.cases, fold, run, title)
    return None if bench.stopped() and done < mark else fitted


def piece_key(stage: Stage, fold: Fold, scheme: LabelScheme) -> str:
    """A hash of all that a trained stage depends on: its kind, name, settings, fit, structures and patients."""
    facts = {
        "kind": f"{type(stage).__module__}.{type(stage).__qualname__}",
        "name": stage.name,
        "settings": stage_settings(stage),
        "scheme": {str(code): str(structure) for code, structure in scheme.codes.items()},
        "train": list(fold.train),
        "validation": list(fold.validation),
    }
    return hash_of(facts)


def hash_of(facts: Mapping[str, Any]) -> str:
    """SHA-256 of plain facts, the order of keys aside."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _weights_name(step: int) -> str:
    return f"weights-{step:07d}.safetensors"


def _stored(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}
