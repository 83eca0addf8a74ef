"""A whole method trained on one fold (or on everything): stage after stage, each in its folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.core.sample import Sample
from shortaxis.core.study import Study
from shortaxis.train.distributed import rank_and_world
from shortaxis.train.duplicates import Seen, refuse_duplicates, seen_as, seen_in
from shortaxis.train.folds import Fold, refuse_leaks
from shortaxis.train.identity import stage_identity
from shortaxis.train.loop import FitRun, fit, is_whole, result_weights


@dataclass(frozen=True)
class TrainingCase:
    """A labelled case that is read when it is needed.

    Attributes:
        name: the case's slug.
        patient: who it is of; folds never divide a patient.
        read: makes the labelled study.
        group: diagnosis group, to spread over the folds.
        scan: what cases share that are known to be one scan under several patients' names; empty where none is known.
    """

    name: str
    patient: str
    read: Callable[[], Study]
    group: str | None = None
    scan: str = ""


def without_known_copies(fold: Fold, cases: Sequence[TrainingCase]) -> Fold:
    """The fold with those of its training side left out whose scan is known to be a held-out patient's too."""
    held_out = {case.scan for case in cases if case.patient in fold.validation} - {""}
    copies = {case.patient for case in cases if case.scan in held_out}
    kept = tuple(patient for patient in fold.train if patient not in copies)
    return Fold(kept, fold.validation, tuple(sorted({*fold.left_out, *fold.train} - {*kept})))


@dataclass(frozen=True)
class Fitted:
    """One stage's result.

    Attributes:
        weights: what the stage is now worth keeping.
        finished: whether its budget was spent.
        examples: how many samples it was trained on, one epoch of them.
        step: optimiser steps done.
    """

    weights: Mapping[str, Tensor]
    finished: bool
    examples: int
    step: int


def fit_stage(
    stage: Stage,
    scheme: LabelScheme,
    cases: Sequence[TrainingCase],
    fold: Fold,
    run: FitRun,
    initial: Mapping[str, Tensor] | None = None,
) -> Fitted:
    """Train one stage on a fold's patients, validating on those held out; those left out are not read.

    Raises:
        LeakingSplit: the fold shares a patient, or a scan under two names (`without_known_copies` leaves out known ones).
        LabelsMissing: no training case gave a labelled sample, or one lacks a structure of `scheme`.
    """
    refuse_leaks(fold)
    seen: list[Seen] = []
    examples = list(_examples(stage, scheme, cases, fold.train, run, seen))
    validation = list(_examples(stage, scheme, cases, fold.validation, run, seen))
    if len(seen) < sum(case.patient in {*fold.train, *fold.validation} for case in cases):
        return Fitted({}, False, 0, 0)  # a signal came while they were read
    refuse_duplicates(fold, seen)
    if not examples:
        raise LabelsMissing("labelled slices to train on", "none in the training cases", "check --data and --dataset")
    identity = {
        **stage_identity(stage, scheme),
        "train": list(fold.train),
        "validation": list(fold.validation),
        "examples": len(examples),
        "data": seen_in(seen),
    }
    state = fit(stage, scheme, examples, validation, replace(run, identity=identity), initial)
    reached = state.step >= min(stage.fit.steps, run.until or stage.fit.steps)
    finished = is_whole(state, stage.fit, validation) and (reached or not run.stop())
    return Fitted(result_weights(state, stage.fit), finished, len(examples), state.step)


def _examples(
    stage: Stage, scheme: LabelScheme, cases: Sequence[TrainingCase], patients: Iterable[str], run: FitRun,
    seen: list[Seen],
) -> Iterator[Sample]:  # fmt: skip
    """The samples of some patients' cases, which are noted in `seen`; ends early where somebody is in a hurry."""
    wanted = set(patients)
    hurry = run.hurry if rank_and_world()[1] == 1 else (lambda: False)  # several processes would not all stop here
    for case in cases:
        if case.patient in wanted and not hurry():
            study = case.read()
            seen.append(seen_as(case.name, case.patient, study))
            yield from labelled_samples(stage, scheme, case.name, study)


def labelled_samples(stage: Stage, scheme: LabelScheme, case: str, study: Study) -> Iterable[Sample]:
    """A study's training samples under the name of its case. Raises LabelsMissing where it lacks a structure."""
    _refuse_undrawn(study, scheme)
    for sample in stage.examples(study, scheme, None):
        yield replace(sample, place=replace(sample.place, case=case))


def _refuse_undrawn(study: Study, scheme: LabelScheme) -> None:
    """Raises LabelsMissing where the labels cannot tell a structure: undrawn is not background."""
    known = study.labels.scheme if study.labels is not None else scheme
    lacking = [structure for structure in scheme.structures if not known.has(structure)]
    if lacking:
        raise LabelsMissing(
            f"labels of {', '.join(scheme.structures)}",
            f"{study.name}, whose labels ({known.name}) lack {', '.join(lacking)}",
            "choose a --label-scheme that all training cases have",
        )
