"""The split shown: one method under a split by patient and under a random split by slice, everything else the same.

Both arms have the same slices to choose from, train on as many of them, with the same network, seed and optimiser steps,
and are asked about slices they were not trained on. Neither is validated: the last weights count, so that held-out slices
choose nothing. No model file is written: the arm by slice has seen every patient and is of no other use.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save

from shortaxis.core.compute import choose_compute
from shortaxis.core.differences import differences
from shortaxis.core.errors import BadConfiguration, BadWeights, CannotResume, LabelsMissing, LeakingSplit
from shortaxis.core.method import Stage
from shortaxis.core.study import Study
from shortaxis.experiments.compare.budget import told
from shortaxis.experiments.compare.contender import Contender, contender
from shortaxis.experiments.compare.cost import step_seconds
from shortaxis.experiments.compare.folds import FOLDS, agreed_folds, chosen
from shortaxis.experiments.compare.patients import drawn_frames_alone, plan_cases
from shortaxis.experiments.compare.pieces import DONE, Bench, Report, storable
from shortaxis.experiments.compare.plan import Plan
from shortaxis.experiments.split_effect.slice_split import (
    Arm,
    SliceKey,
    arm_by_patient,
    arm_by_slice,
    drawn_slices,
    restricted,
)
from shortaxis.files.bundle import Bundle, load_bundle
from shortaxis.files.json_file import read_json
from shortaxis.files.names import slug
from shortaxis.files.replace import refuse_to_replace
from shortaxis.files.tensors import load_tensors
from shortaxis.files.writer import write_bytes, write_json
from shortaxis.jobs.models import Model, ready_bundle
from shortaxis.jobs.train_method import image_hashes
from shortaxis.jobs.train_stage import RECORD, stop_on_signal
from shortaxis.measure.evaluate import evaluate_case, evaluate_slices
from shortaxis.predict.cine import segment_cine
from shortaxis.repair.components import leave_as_is
from shortaxis.train.duplicates import Seen, refuse_duplicates, seen_as
from shortaxis.train.folds import Fold
from shortaxis.train.identity import stage_identity
from shortaxis.train.loop import FitRun, fit, result_weights
from shortaxis.train.record import read_record
from shortaxis.train.run import TrainingCase, labelled_samples

if TYPE_CHECKING:
    from torch import Tensor

SPLIT, SCORES, WEIGHTS = "split.json", "scores.json", "weights.safetensors"
SEED = 0
LOCATE = "locate"


@dataclass(frozen=True)
class Work:
    """What both arms share."""

    who: Contender
    bench: Bench
    fold: Fold
    initial: Mapping[str, Mapping[str, Tensor]]  # weights of locators taken as they are, by stage


def split_effect(plan: Plan, init: Path | None = None, report: Report = lambda what, step, steps, loss: None) -> bool:
    """Train and score the plan's one entry in both arms, what is done kept; false where a signal stopped it.

    Leaves `OUT/split.json` (the slices on each side) and `OUT/<arm>/scores.json`; `split_tables.publish_split` makes the
    tables. The fold by patient is that of `compare` and `train`; the arm by slice holds out as many slices of the same.

    Args:
        plan: of one entry and one fold.
        init: a model whose locator both arms use as it is; None: each arm trains one on its own slices.

    Raises:
        BadConfiguration: not one entry, all folds, or a method whose samples are blocks of slices.
        BadWeights: `init` has no locator.
        LeakingSplit: `init` was trained on patients the fold holds out, or a scan has two names.
        OutputExists, CannotResume: `OUT` holds something else, or was begun otherwise.
    """
    if len(plan.entries) != 1 or plan.entries[0].trained_elsewhere or plan.which == "all":
        raise BadConfiguration("one method to train, on one fold", f"{len(plan.entries)} entries, fold {plan.which}",
                               "name one METHOD, and one --fold")  # fmt: skip
    if not (plan.out / FOLDS).is_file():
        refuse_to_replace(plan.out, ("index.html", SPLIT), overwrite=False)
    compute = choose_compute(plan.device, plan.precision)
    every, scheme = plan_cases(plan)
    cases = [_drawn_alone(case) for case in every]
    fold = next(iter(chosen(agreed_folds(plan, cases), plan.which).values()))
    with stop_on_signal() as stopped:
        bench = Bench(plan.out, cases, scheme, compute, stopped, report, plan.workers)
        work = _work(plan, bench, fold, init)
        arms = both_arms(cases, fold)
        _agree_on(plan.out / SPLIT, work, arms, init)
        return all(_done(arm, work, plan.out / slug(arm.name)) for arm in arms)


def both_arms(cases: Sequence[TrainingCase], fold: Fold) -> tuple[Arm, Arm]:
    """The fold's slices parted by patient, and as many parted at random.

    Raises:
        LabelsMissing: nothing was drawn on one side of the fold.
        LeakingSplit: a scan is on both sides of the fold under two names: then that split is none by patient.
    """
    named = {*fold.train, *fold.validation}
    slices: list[SliceKey] = []
    seen: list[Seen] = []
    for case in (case for case in cases if case.patient in named):
        study = case.read()
        slices += drawn_slices(study, case.patient)
        seen.append(seen_as(case.name, case.patient, study))
    refuse_duplicates(fold, seen)
    first = arm_by_patient(slices, fold)
    if not (first.train and first.held_out):
        found = f"{len(first.train)} and {len(first.held_out)}"
        raise LabelsMissing("drawn slices on both sides of the fold", found, "check --data and --fold")
    return first, arm_by_slice(first, SEED)


def _drawn_alone(case: TrainingCase) -> TrainingCase:
    """The case with the frames alone in which something was drawn: a slice's frame is counted among these."""

    def read() -> Study:
        return drawn_frames_alone(replace(case.read(), name=case.name))

    return replace(case, read=read)


def _work(plan: Plan, bench: Bench, fold: Fold, init: Path | None) -> Work:
    """The contender, refused in 3D, and what of it is taken from `init`."""
    entry, study = plan.entries[0], bench.cases[0].read()
    who, initial = contender(entry, plan.budget, study, bench), {}
    if init is not None:
        bundle = _with_locator(init, who, bench, fold)
        entry = replace(entry, changes={**entry.changes, LOCATE: bundle.recipe[LOCATE]})
        who = contender(entry, plan.budget, study, bench)
        initial = {LOCATE: bundle.members[0][LOCATE]}
    depth = who.depths[who.stages[-1].name]
    if depth > 1:
        raise BadConfiguration(
            "a 2D method", f"{who.method.name}, whose samples are blocks of {depth} slices",
            "choose a 2D method: a block holds slices of both sides of a split by slice",
        )  # fmt: skip
    return Work(who, bench, fold, initial)


def _with_locator(path: Path, who: Contender, bench: Bench, fold: Fold) -> Bundle:
    """A model file whose locator `who` may use on this fold."""
    bundle = load_bundle(path)
    if LOCATE not in bundle.members[0]:
        found = f"{bundle.method} without one"
        raise BadWeights("a model with a locator", found, "leave out --init, or give another model", path)
    if LOCATE not in who.depths:
        raise BadConfiguration(
            "a recipe with a locator, for --init", f"{who.method.name}'s without one", "leave out --init"
        )
    shared = set(bundle.card.get("training_cases_sha256", ())) & set(image_hashes(bench.cases, fold.validation))
    if shared:
        raise LeakingSplit(
            "a locator that has not seen the held-out patients", f"{len(shared)} of their scans in its card",
            "take one that was trained on this fold, or leave out --init", path,
        )  # fmt: skip
    return bundle


def _agree_on(path: Path, work: Work, arms: Sequence[Arm], init: Path | None) -> None:
    """Write which slices are where, or see that it is the same as before. Raises CannotResume."""
    agreed = {
        **work.who.identity,
        "locator": None if init is None else load_bundle(init).sha256,
        "structures": [str(structure) for structure in work.bench.scheme.structures],
        "arms": {arm.name: {"train": _listed(arm.train), "held_out": _listed(arm.held_out)} for arm in arms},
    }
    differing = differences(read_json(path), agreed, inside="recipe") if path.is_file() else ""
    if differing:
        expected = "the method, budget and slices this folder was begun with"
        raise CannotResume(expected, differing, "choose another --out", path)
    write_json(path, agreed)


def _listed(slices: Iterable[SliceKey]) -> list[list[str | int]]:
    return [list(key) for key in sorted(slices)]


def _done(arm: Arm, work: Work, folder: Path) -> bool:
    """Train and score one arm, unless it is done; false where a signal stopped it."""
    if (folder / SCORES).is_file():
        return True
    member: dict[str, Mapping[str, Tensor]] = dict(work.initial)
    stages = []
    for stage in work.who.stages:
        if stage.name in work.initial:
            continue
        trained = _trained(stage, arm, work, folder / stage.name)
        if trained is None:
            return False
        member[stage.name], examples = trained
        stages.append(_facts(stage, work.who, examples, folder / stage.name / RECORD))
    scores = _scores(_model(work, member, folder), arm, work.bench)
    if scores is None:
        return False
    write_json(folder / SCORES, {"arm": arm.name, **_sizes(arm), "stages": stages, **scores})
    return True


def _trained(stage: Stage, arm: Arm, work: Work, folder: Path) -> tuple[dict[str, Tensor], int] | None:
    """A stage's weights after its steps on the arm's slices, and how many samples these gave; None where stopped."""
    if (folder / DONE).is_file():
        return load_tensors(folder / WEIGHTS), read_json(folder / DONE)["examples"]
    bench = work.bench
    samples = [
        sample
        for case in bench.cases
        if (study := restricted(case.read(), arm.train)) is not None
        for sample in labelled_samples(stage, bench.scheme, case.name, study)
    ]
    identity = {**stage_identity(stage, bench.scheme), "split": arm.name, "examples": len(samples)}
    title = f"split {arm.name}, stage {stage.name}"

    def report(step: int, steps: int, loss: float) -> None:
        bench.report(title, step, steps, loss)

    run = FitRun(folder, bench.compute, identity, workers=bench.workers, stop=bench.stopped, report=report)
    state = fit(stage, bench.scheme, samples, (), run)
    if state.step < stage.fit.steps:
        return None
    weights = result_weights(state, stage.fit)
    write_bytes(folder / WEIGHTS, save(storable(weights)))
    write_json(folder / DONE, {"examples": len(samples)})
    return weights, len(samples)


def _model(work: Work, member: Mapping[str, Mapping[str, Tensor]], path: Path) -> Model:
    """The arm's model, held in memory alone."""
    recipe = json.loads(work.who.recipe.model_dump_json())
    bundle = Bundle(work.who.method.name, work.who.entry.recipe, recipe, work.bench.scheme, [dict(member)], {})
    return ready_bundle(bundle, work.bench.compute, path)


def _scores(model: Model, arm: Arm, bench: Bench) -> dict[str, Any] | None:
    """Rows per held-out slice in 2D, and per stack in 3D where every drawn slice was held out; None where stopped.

    Nothing is repaired: a repair looks at the whole stack, most of which an arm by slice was trained on.
    """
    slices: list[dict[str, Any]] = []
    stacks: list[dict[str, Any]] = []
    held_out = Counter(key.case for key in arm.held_out)
    chosen_cases = [case for case in bench.cases if held_out[case.name]]
    for number, case in enumerate(chosen_cases):
        if bench.stopped():
            return None
        bench.report(f"split {arm.name}: scoring", number + 1, len(chosen_cases), 0.0)
        study = case.read()
        labels = segment_cine(model.stages, model.nets, study, bench.scheme, leave_as_is, bench.compute).labels
        part = restricted(study, arm.held_out)
        if part is not None:
            slices += [{"patient": case.patient, **row} for row in evaluate_slices(part, labels, bench.scheme)]
        if held_out[case.name] == len(drawn_slices(study, case.patient)):
            stacks += [{"patient": case.patient, **row} for row in evaluate_case(study, labels, bench.scheme)]
    return {"slices": slices, "stacks": stacks}


def _sizes(arm: Arm) -> dict[str, int]:
    def patients(keys: frozenset[SliceKey]) -> int:
        return len({key.patient for key in keys})

    return {
        "n_train": len(arm.train), "n_held_out": len(arm.held_out),
        "n_train_patients": patients(arm.train), "n_held_out_patients": patients(arm.held_out),
        "n_held_out_of_known_patients": arm.held_out_of_known_patients,
    }  # fmt: skip


def _facts(stage: Stage, who: Contender, examples: int, record: Path) -> dict[str, Any]:
    return {
        "stage": stage.name, "budget": told(stage, who.depths[stage.name]), "examples": examples,
        "seconds_per_step": step_seconds(read_record(record)),
    }  # fmt: skip
