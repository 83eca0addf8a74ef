"""A comparison from its plan to its scores: every entry on every fold, each finished piece kept, resumable anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shortaxis.core.compute import choose_compute
from shortaxis.core.differences import differences
from shortaxis.core.errors import CannotResume
from shortaxis.core.method import Sampler
from shortaxis.experiments.compare.contender import (
    Contender,
    contender,
    held_by,
    model_of_fold,
    train_contender,
    training_facts,
    write_model,
)
from shortaxis.experiments.compare.cost import parameters, peak_memory
from shortaxis.experiments.compare.elsewhere import score_elsewhere
from shortaxis.experiments.compare.folds import FOLDS, agreed_folds, chosen
from shortaxis.experiments.compare.nnunet_entry import nnunet_fold, score_nnunet
from shortaxis.experiments.compare.patients import drawn_frames_alone, plan_cases
from shortaxis.experiments.compare.pieces import Bench, Piece, Report
from shortaxis.experiments.compare.plan import Entry, Plan
from shortaxis.experiments.compare.same_data import STAGES, refuse_copies, refuse_other_data
from shortaxis.experiments.compare.score import SCORED, Scored, score_cases
from shortaxis.files.bundle import load_bundle
from shortaxis.files.json_file import read_json
from shortaxis.files.replace import refuse_to_replace
from shortaxis.files.writer import write_json
from shortaxis.jobs.models import Model, ready_model, sampling_model
from shortaxis.jobs.train_stage import stop_on_signal
from shortaxis.jobs.training_cases import training_cases
from shortaxis.train.folds import Fold

RESULTS, SCORES, MASKS, MODEL = "results", "scores.json", "masks", "model.safetensors"


@dataclass(frozen=True)
class Work:
    """What one entry on one fold is done with."""

    plan: Plan
    bench: Bench
    entry: Entry
    number: int
    fold: Fold

    @property
    def folder(self) -> Path:
        """Where its results are."""
        return fold_folder(self.plan.out, self.entry, self.number)


def fold_folder(out: Path, entry: Entry, number: int) -> Path:
    """Where an entry's results on a fold are."""
    return out / RESULTS / entry.folder / f"fold-{number}"


def compare(plan: Plan, report: Report = lambda what, step, steps, loss: None) -> bool:
    """Train and score what is not yet done; false where a signal stopped it, and the same call then goes on.

    Every entry on every fold leaves `OUT/results/<entry>/fold-K/scores.json`, its model and its masks; stages are in
    `OUT/stages`, the split in `OUT/folds.json`. `report.publish` makes the tables of it.

    Raises:
        OutputExists: `OUT` holds something else.
        CannotResume: `OUT` was begun with another split, other scans or another version, or holds an entry of this label
            with another recipe.
        LeakingSplit: a given model was not trained on this split, or a scan is on two sides of it under two names.
        BadConfiguration, UnknownName, NoStudy: a plan that cannot be run; before anything is trained.
    """
    if not (plan.out / FOLDS).is_file():
        refuse_to_replace(plan.out, ("index.html", RESULTS, STAGES), overwrite=False)
    compute = choose_compute(plan.device, plan.precision)
    cases, scheme = plan_cases(plan)
    for dataset, folder in plan.tests:
        training_cases(folder, dataset, scheme)  # refused now rather than after a day of training
    folds = agreed_folds(plan, cases)
    with stop_on_signal() as stopped:
        bench = Bench(plan.out, cases, scheme, compute, stopped, report, plan.workers)
        study = cases[0].read()
        who = {e.label: contender(e, plan.budget, study, bench) for e in plan.entries if not e.trained_elsewhere}
        which = chosen(folds, plan.which)
        refuse_other_data(plan.out, refuse_copies(cases, list(which.values()), scheme, plan.tests))
        works = [Work(plan, bench, entry, number, fold) for number, fold in which.items() for entry in plan.entries]
        for work in works:
            if work.entry.nnunet:
                nnunet_fold(work.entry, work.fold, scheme)  # refused now too
        files = {id(work): model_of_fold(work.entry, work.fold, bench) for work in works if work.entry.models}
        return all(_done(work, who.get(work.entry.label), files.get(id(work))) for work in works)


def _done(work: Work, who: Contender | None, given: Path | None) -> bool:
    """Train, if need be, and score one entry on one fold; false where a signal stopped it."""
    if work.entry.nnunet:
        return _nnunet_done(work)
    trained = who.identity if who is not None else {"model": load_bundle(given).sha256} if given else {}
    path = work.folder / SCORES
    held: dict[str, Any] = read_json(path) if path.is_file() else {}
    differing = differences(held["trained"], trained, inside="recipe") if held else ""
    if differing:
        way_out = "choose another --out, or give the entry another label"
        raise CannotResume(f"{work.entry.label!r} with the recipe it was trained by", differing, way_out, path)
    if held and held["evaluated"] == _evaluation(work.plan):
        return _elsewhere(work, given or work.folder / MODEL)
    pieces = None
    if who is not None:
        pieces = train_contender(who, work.number, work.fold, work.bench, work.plan.by_epoch)
        if pieces is None:
            return False
    model_file = given or work.folder / MODEL
    if who is not None and pieces is not None:
        write_model(model_file, who, pieces, work.fold, work.bench)
    scores = _scores(work, model_file)
    by_step = _by_step(work, who, pieces)
    if scores is None or by_step is None:
        return False
    facts = _facts(work, who, pieces, given)
    write_json(path, {"trained": trained, "evaluated": _evaluation(work.plan), **facts, **scores, "by_step": by_step})
    return _elsewhere(work, model_file)


def _nnunet_done(work: Work) -> bool:
    """Score nnU-Net's masks, each time anew: they are there already."""
    held_out = held_by(work.fold, work.bench)
    scores = score_nnunet(work.entry, work.fold, held_out, work.bench.scheme, work.folder / MASKS)
    facts = {"label": work.entry.label, "fold": work.number, "dataset": work.plan.dataset}
    write_json(work.folder / SCORES, {**facts, "n_trained_on": len(work.fold.train), **scores})
    return True


def _evaluation(plan: Plan) -> dict[str, Any]:
    """How the entries are scored; with another way they are scored again, not trained again."""
    how = {"mc_samples": plan.mc_samples, "by_epoch": plan.by_epoch, "checked": plan.checked_in_training}
    return {**how, "scored": SCORED}


def _scores(work: Work, model_file: Path) -> dict[str, Any] | None:
    """Scores of the held-out patients, pixel accuracy of some trained on, and costs; None where it was stopped."""
    bench, plan = work.bench, work.plan
    model = ready_for(plan, model_file, bench)
    say = bench.report
    say(f"{work.entry.label}, fold {work.number}: scoring", 0, 1, 0.0)
    held_out = score_cases(model, held_by(work.fold, bench), bench.compute, bench.stopped, work.folder / MASKS)
    trained_on: Scored | None = Scored()
    if plan.checked_in_training:
        some = held_by(work.fold, bench, plan.checked_in_training)
        trained_on = score_cases(model, some, bench.compute, bench.stopped)
    if held_out is None or trained_on is None:
        return None
    first = drawn_frames_alone(held_by(work.fold, bench)[0].read())
    cost = {"parameters": parameters(model), "memory": peak_memory(model_file, first, bench.compute)}
    codes = {str(code): structure.value for code, structure in model.bundle.scheme.codes.items()}
    return {
        **held_out.as_json(),
        "scheme": codes,
        "trained_on": trained_on.as_json(),
        "cost": {**cost, "device": bench.compute.device},
    }


def ready_for(plan: Plan, model_file: Path, bench: Bench) -> Model:
    """The model, sampling where the plan asks for it and the method can."""
    model = ready_model(model_file, bench.compute)
    samples = plan.mc_samples
    return model if samples is None or not isinstance(model.stages[-1], Sampler) else sampling_model(model, samples)


def _by_step(work: Work, who: Contender | None, pieces: Mapping[str, Piece] | None) -> list[dict[str, Any]] | None:
    """Scores of the held-out patients by the last stage's weights at earlier steps; None where it was stopped."""
    if who is None or pieces is None:
        return []
    found = []
    last = pieces[who.stages[-1].name]
    for step in last.steps[:-1] if work.plan.by_epoch else ():
        path = work.folder / f"step-{step}.safetensors"
        write_model(path, who, pieces, work.fold, work.bench, at_step=step)
        model = ready_for(work.plan, path, work.bench)
        scored = score_cases(model, held_by(work.fold, work.bench), work.bench.compute, work.bench.stopped)
        path.unlink()
        if scored is None:
            return None
        found.append({"step": step, "rows": scored.rows})
    return found


def _facts(work: Work, who: Contender | None, pieces: Mapping[str, Piece] | None, given: Path | None) -> dict[str, Any]:
    """Who it is and how it was trained."""
    facts: dict[str, Any] = {"label": work.entry.label, "fold": work.number, "dataset": work.plan.dataset}
    facts["n_trained_on"] = len(work.fold.train)
    if who is not None and pieces is not None:
        stages = training_facts(who, pieces)
        return {**facts, "method": who.method.name, "recipe": work.entry.recipe, "budget": who.spends, "stages": stages}
    bundle = load_bundle(given or Path())
    fits = {key: fit for key, fit in bundle.recipe.items() if key.endswith("_fit") and isinstance(fit, Mapping)}
    spends = "; ".join(f"{key[:-4]}: {fit['steps']} steps x {fit['batch']}" for key, fit in fits.items())
    budget = f"trained elsewhere ({spends}, as its file says)"
    told = {"method": bundle.method, "recipe": bundle.recipe_name, "settings": bundle.recipe}
    return {**facts, **told, "budget": budget, "stages": []}


def _elsewhere(work: Work, model_file: Path) -> bool:
    """The other data sets of the plan; false where a signal stopped it."""
    return all(
        score_elsewhere(dataset, folder, model_file, work.folder, work.bench) for dataset, folder in work.plan.tests
    )
