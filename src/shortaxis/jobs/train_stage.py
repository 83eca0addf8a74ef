"""One stage of a method trained in its folder, its curves drawn beside its record; a signal stops it safely."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.files.writer import write_text
from shortaxis.report.training import render_training
from shortaxis.train.distributed import rank_and_world
from shortaxis.train.folds import Fold
from shortaxis.train.loop import FitRun
from shortaxis.train.record import read_record
from shortaxis.train.run import Fitted, TrainingCase, fit_stage

if TYPE_CHECKING:
    from torch import Tensor

RECORD, CURVES = "record.jsonl", "curves.html"


def train_stage(
    stage: Stage,
    scheme: LabelScheme,
    cases: Sequence[TrainingCase],
    fold: Fold,
    run: FitRun,
    title: str,
    initial: Mapping[str, Tensor] | None = None,
) -> Fitted:
    """Train a stage on a fold as `train.run.fit_stage`, and draw `curves.html` under `title` whatever comes of it.

    Raises:
        LeakingSplit, LabelsMissing, LossNotFinite, CannotResume: as `fit_stage`.
    """
    try:
        return fit_stage(stage, scheme, cases, fold, run, initial)
    finally:  # also of a run that was stopped or diverged, where they are wanted most
        lines = read_record(run.folder / RECORD) if rank_and_world()[0] == 0 else []
        if lines:
            write_text(run.folder / CURVES, render_training(title, lines))


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """SIGTERM and SIGINT end training after the step that is running, with its state saved; a second one ends it at once.

    Ended at once it loses what came after the last saved state, as by a kill.
    """
    asked: list[int] = []
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    for kind in before:
        signal.signal(kind, note)
    try:
        yield lambda: bool(asked)
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
