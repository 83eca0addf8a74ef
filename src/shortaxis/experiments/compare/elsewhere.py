"""A trained model on another labelled data set, as in table 8 of HALSR-Net's paper: trained here, tested there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from shortaxis.core.study import Modality, Study
from shortaxis.experiments.compare.loss_elsewhere import loss_of
from shortaxis.experiments.compare.patients import drawn_frames_alone
from shortaxis.experiments.compare.pieces import Bench
from shortaxis.experiments.compare.score import SCORED, score_cases
from shortaxis.files.json_file import read_json
from shortaxis.files.writer import write_json
from shortaxis.jobs.models import ready_model
from shortaxis.jobs.training_cases import training_cases


def elsewhere_file(folder: Path, dataset: str) -> Path:
    """Where the scores on another data set are, in an entry's folder of a fold."""
    return folder / f"test-{dataset}.json"


def scored_elsewhere(folder: Path) -> list[str]:
    """The other data sets that an entry was scored on, now or earlier."""
    return [path.stem.removeprefix("test-") for path in sorted(folder.glob("test-*.json"))]


def score_elsewhere(dataset: str, data: Path, model_file: Path, folder: Path, bench: Bench) -> bool:
    """Score a model on every labelled case of another data set, once; false where a signal stopped it.

    A scan is shown to the model as being of the modality the model was trained on, whatever it is: late enhancement too,
    to a model of cines. The scores name what it was.

    Raises:
        NoStudy, UnknownName: nothing labelled there, or no such layout.
    """
    path = elsewhere_file(folder, dataset)
    model = ready_model(model_file, bench.compute)
    identity = {"model": model.bundle.sha256, "data": data.name, "scored": SCORED}
    if path.is_file() and read_json(path)["identity"] == identity:
        return True
    cases = training_cases(data, dataset, model.bundle.scheme)
    kinds: set[str] = set()
    bench.report(f"{folder.parent.name}: scoring {dataset}", 0, 1, 0.0)
    trained = cast(Modality, model.bundle.card.get("modality", "cine"))
    present = _shown_as(trained, kinds)
    scored = score_cases(model, cases, bench.compute, bench.stopped, present=present)
    loss = None if scored is None else loss_of(model, cases, bench.compute, bench.stopped, present)
    if scored is None or loss is None:
        return False
    facts = {"identity": identity, "dataset": dataset, "modalities": sorted(kinds), "loss": loss}
    write_json(path, {**facts, **scored.as_json()})
    return True


def _shown_as(modality: Modality, kinds: set[str]) -> Callable[[Study], Study]:
    def present(study: Study) -> Study:
        kinds.add(study.facts.modality or "not stated")
        return drawn_frames_alone(replace(study, facts=replace(study.facts, modality=modality)))

    return present
