"""`train`: a method on a folder of labelled cases, by folds, resumable, ending in one model file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from shortaxis import __version__
from shortaxis.core.compute import Precision, choose_compute
from shortaxis.core.differences import differences
from shortaxis.core.errors import CannotResume, LeakingSplit, OutputExists, UnknownName
from shortaxis.core.labels import LabelScheme, Structure, scheme_named
from shortaxis.core.method import Method, RecipeName, Stage
from shortaxis.core.recipe import Recipe
from shortaxis.core.study import Modality, Species
from shortaxis.files.bundle import Bundle, load_bundle, save_bundle
from shortaxis.files.json_file import read_json
from shortaxis.files.tensors import load_tensors
from shortaxis.files.writer import write_json
from shortaxis.jobs.myocardial_volume import myocardial_volumes_ml
from shortaxis.jobs.train_stage import stop_on_signal, train_stage
from shortaxis.jobs.training_cases import Naming, of_one_modality, of_one_species, species_of_all, training_cases
from shortaxis.methods import method_named
from shortaxis.train.balance import split_balanced
from shortaxis.train.distributed import process_group, rank_and_world
from shortaxis.train.encoder import starts_from_encoder
from shortaxis.train.folds import Fold, split_by_patient
from shortaxis.train.loop import FitRun
from shortaxis.train.run import TrainingCase, without_known_copies

Report = Callable[[str, int, int, float], None]  # stage, step, steps, loss
WhichFold = int | Literal["all", "none"]
Balance = Literal["groups", "myocardium"]


@dataclass(frozen=True)
class TrainOptions:
    """How to train; see `shortaxis train --help`."""

    fold: WhichFold = 0
    folds: int = 5
    recipe: RecipeName = "paper"
    changes: Mapping[str, Any] | None = None
    resume: bool = False
    init: Path | None = None
    encoder_weights: Path | None = None  # safetensors, for stages that take an encoder
    stage: str | None = None
    device: str = "auto"
    precision: Precision = "auto"
    label_scheme: str | None = None
    species: Species | None = None  # of the scans that do not say
    modality: Modality | None = None  # of the scans that do not say
    balance: Balance = "groups"  # what the folds are to have alike: diagnosis groups, or the myocardium's volume
    naming: Naming = Naming()  # of a labelled folder's files
    workers: int = 1  # threads that prepare batches; the result does not depend on how many
    save_every: int = 100  # optimiser steps between saved states: what a kill can cost


def train_method(
    name: str,
    data: Path,
    dataset: str,
    out: Path,
    options: TrainOptions,
    report: Report = lambda stage, step, steps, loss: None,
) -> list[Path]:
    """Train a method and write its model files; the folds, the recipe and every step's record stand beside them.

    `out/folds.json`, `out/recipe.json`, `out/fold-K/<stage>/`, `out/fold-K/model.safetensors`; with all folds also
    `out/model.safetensors`, an ensemble of them.

    Returns:
        The model files; empty where training was stopped by a signal (it can be resumed).

    Raises:
        OutputExists: `out` holds a run and `resume` was not asked for.
        CannotResume: it holds another run.
        LeakingSplit: the weights to start from were trained on a scan that is to be held out.
        WrongKindOfScan: the cases are of two species or modalities, or of one the method is not made for.
    """
    method = method_named(name)
    scheme = scheme_named(options.label_scheme) if options.label_scheme else method.default_scheme
    cases = of_one_species(training_cases(data, dataset, scheme, options.naming), options.species, method)
    cases = of_one_modality(cases, options.modality, method)
    recipe = method.recipe_for(options.recipe, species_of_all(cases)).overlaid(options.changes or {})
    folds = chosen_folds(cases, options)
    with process_group(), stop_on_signal() as stopped:
        if rank_and_world()[0] == 0:
            _begin(out, options, recipe, folds, cases)
        models = []
        for label, fold in folds.items():
            model = _train_fold(method, recipe, scheme, cases, fold, out / label, options, report, stopped)
            if model is None:
                return models
            models.append(model)
        if options.fold == "all":
            models.append(out / "model.safetensors")
            if rank_and_world()[0] == 0:
                _write_ensemble(models[-1], models[:-1])
    return models


def chosen_folds(cases: Sequence[TrainingCase], options: TrainOptions) -> dict[str, Fold]:
    """The folds to train, by folder name: one, all of them, or everything with nobody held out (`none`).

    Known copies of held-out scans are left out of them.
    """
    patients = sorted({case.patient for case in cases})
    if options.fold == "none":
        return {"all-patients": Fold(tuple(patients), ())}
    if options.balance == "myocardium":
        parts = split_balanced(myocardial_volumes_ml(cases), options.folds)
    else:
        groups = {case.patient: case.group for case in cases}
        parts = split_by_patient(patients, groups, options.folds, seed=0)
    folds = {f"fold-{k}": without_known_copies(fold, cases) for k, fold in enumerate(parts)}
    return folds if options.fold == "all" else {f"fold-{options.fold}": folds[f"fold-{options.fold}"]}


def _train_fold(
    method: Method,
    recipe: Recipe,
    scheme: LabelScheme,
    cases: Sequence[TrainingCase],
    fold: Fold,
    folder: Path,
    options: TrainOptions,
    report: Report,
    stopped: Callable[[], bool],
) -> Path | None:
    """Train one fold's stages; the model file, or None where it was stopped."""
    before = None if options.init is None else _not_seen(load_bundle(options.init), cases, fold, options.init)
    initial = {} if before is None else before.members[0]
    wanted = _wanted(method.stages(recipe), options.stage)
    starts = initial
    if options.encoder_weights:
        starts = starts_from_encoder(wanted, scheme, load_tensors(options.encoder_weights), initial)
    compute = choose_compute(options.device, options.precision)
    member: dict[str, Mapping[str, Any]] = {}
    for stage in wanted:
        run = FitRun(
            folder / stage.name,
            compute,
            {},
            save_every=options.save_every,
            workers=options.workers,
            stop=stopped,
            hurry=stopped,
            report=lambda step, steps, loss, name=stage.name: report(name, step, steps, loss),
        )
        title = f"{method.name}, {folder.name}, stage {stage.name}"
        fitted = train_stage(stage, scheme, cases, fold, run, title, starts.get(stage.name))
        if not fitted.finished:
            return None
        member[stage.name] = fitted.weights
    for stage in method.stages(recipe):
        if stage.name not in member and stage.name in initial:
            member[stage.name] = initial[stage.name]  # `--stage` with `--init`: the others are taken as they are
    path = folder / "model.safetensors"
    if rank_and_world()[0] == 0:
        save_bundle(path, trained_bundle(method, options.recipe, recipe, scheme, [member], cases, fold, before))
    return path


def _not_seen(before: Bundle, cases: Sequence[TrainingCase], fold: Fold, path: Path) -> Bundle:
    """The model to start from. Raises LeakingSplit where its card lists a scan that is now to be held out."""
    held_out = image_hashes(cases, fold.validation)
    seen = set(held_out) & set(before.card.get("training_cases_sha256", ()))
    if seen:
        found = f"{len(seen)} of {len(held_out)} held-out scans among those it was trained on"
        raise LeakingSplit(
            "initial weights that have seen no held-out scan",
            found,
            "start from other weights, or use --fold none",
            path,
        )
    return before


def trained_bundle(
    method: Method,
    recipe_name: RecipeName,
    recipe: Recipe,
    scheme: LabelScheme,
    members: Sequence[Mapping[str, Mapping[str, Any]]],
    cases: Sequence[TrainingCase],
    fold: Fold,
    before: Bundle | None = None,
) -> Bundle:
    """What a fold's training comes to, with a card that says which scans it has seen and which were held out.

    Who was left out of the fold is in neither list. What the weights that training started from (`before`) have seen, it
    has seen too, and their terms go on.
    """
    earlier = {} if before is None else before.card
    started = "" if before is None else f", from weights trained on {earlier.get('trained_on', 'what they do not say')}"
    terms = (
        "" if before is None else f", and those of the weights it began from: {earlier.get('licence', 'not stated')}"
    )
    card = {
        "trained_on": f"{len(fold.train)} patients{started}",
        "held_out_sha256": image_hashes(cases, fold.validation),
        "training_cases_sha256": sorted({*image_hashes(cases, fold.train), *earlier.get("training_cases_sha256", ())}),
        "species": species_of_all(cases),
        "modality": cases[0].read().facts.modality or ("lge" if scheme.has(Structure.INFARCT) else "cine"),
        "licence": f"the terms of the training data{terms}",
        "program": f"shortaxis {__version__}",
    }
    return Bundle(method.name, recipe_name, json.loads(recipe.model_dump_json()), scheme, members, card)


def image_hashes(cases: Sequence[TrainingCase], patients: Sequence[str]) -> list[str]:
    """The hashes of some patients' images: a card says which scans a model has seen without naming anyone."""
    return sorted(case.read().sha256 for case in cases if case.patient in set(patients))


def _write_ensemble(path: Path, models: Sequence[Path]) -> None:
    """All folds' members in one file; their answers are averaged. Every patient was seen by all members but one."""
    bundles = [load_bundle(model) for model in models]
    first = bundles[0]
    members = [member for bundle in bundles for member in bundle.members]
    seen = sorted({case for bundle in bundles for case in bundle.card["training_cases_sha256"]})
    trained_on = f"{len(bundles)} folds, each patient held out of one"
    card = {**first.card, "held_out_sha256": [], "training_cases_sha256": seen, "trained_on": trained_on}
    save_bundle(path, Bundle(first.method, first.recipe_name, first.recipe, first.scheme, members, card))


def _wanted(stages: Sequence[Stage], name: str | None) -> Sequence[Stage]:
    chosen = [stage for stage in stages if name in (None, stage.name)]
    if not chosen:
        raise UnknownName(f"a stage among {', '.join(stage.name for stage in stages)}", repr(name), "correct --stage")
    return chosen


def _begin(
    out: Path, options: TrainOptions, recipe: Recipe, folds: Mapping[str, Fold], cases: Sequence[TrainingCase]
) -> None:
    """Write what is being run, or see that a resumed run is the same."""
    resolved = {"recipe_name": options.recipe, "recipe": json.loads(recipe.model_dump_json())}
    written = out / "recipe.json"
    if written.is_file():
        if not options.resume:
            raise OutputExists(
                "an empty folder", "a training run", "add --resume to go on, or choose another --out", out
            )
        differing = differences(read_json(written), resolved, inside="recipe")
        if differing:
            raise CannotResume("the recipe the run began with", differing, "repeat the original command", written)
    write_json(written, resolved)
    write_json(out / "cases.json", {case.name: {"patient": case.patient, "group": case.group} for case in cases})
    for label, fold in folds.items():
        sides = {"train": list(fold.train), "validation": list(fold.validation), "left_out": list(fold.left_out)}
        write_json(out / label / "fold.json", sides)
