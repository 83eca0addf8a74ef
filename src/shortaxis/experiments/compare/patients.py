"""The patients of a comparison: a data set's labelled cases, or phantoms made on the fly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.labels import Labels, LabelScheme, scheme_named
from shortaxis.core.study import Origin, Study
from shortaxis.experiments.compare.plan import Plan
from shortaxis.jobs.training_cases import of_one_species, training_cases
from shortaxis.methods import method_named
from shortaxis.read.phantom import PhantomRecipe, make_phantom
from shortaxis.train.run import TrainingCase

PHANTOMS = 6
ANY = scheme_named("acdc")  # a scheme to look for cases with, where the data's own is not yet known


def plan_cases(plan: Plan) -> tuple[list[TrainingCase], LabelScheme]:
    """The plan's cases and the structures all entries learn: those asked for, else those of the first case's labels.

    Raises:
        NoStudy, UnknownName: nothing there, or no such layout.
        LabelsMissing: the first case has no labels.
        WrongKindOfScan: a species that an entry's method is not made for.
    """
    asked = None if plan.label_scheme is None else scheme_named(plan.label_scheme)
    found = phantom_cases() if plan.dataset == "phantom" else training_cases(plan.data, plan.dataset, asked or ANY)
    for name in dict.fromkeys(entry.method for entry in plan.entries if entry.method):
        found = of_one_species(found, plan.species, method_named(name))
    return found, asked or own_scheme(found)


def own_scheme(cases: Sequence[TrainingCase]) -> LabelScheme:
    """The scheme of the first case's labels."""
    study = cases[0].read()
    if study.labels is None:
        raise LabelsMissing("labelled cases", f"{study.name} without labels", "check --data and --dataset")
    return study.labels.scheme


def phantom_cases(count: int = PHANTOMS) -> list[TrainingCase]:
    """Small phantoms of two frames: a smoke test of the comparison, never evidence."""
    return [
        TrainingCase(f"phantom-{seed}", f"phantom-{seed}", partial(_phantom, seed), ("low EF", "high EF")[seed % 2])
        for seed in range(count)
    ]


@cache
def _phantom(seed: int) -> Study:
    ef_percent = 35.0 + 5.0 * seed
    recipe = PhantomRecipe(
        frames=2, slices=6, rows=72, cols=80, pixel_mm=3.0, ef_percent=ef_percent, edv_ml=120.0 + 10 * seed, seed=seed
    )
    return make_phantom(recipe).study


def drawn_frames_alone(study: Study) -> Study:
    """The study without the frames in which nobody drew anything: nothing there can be compared.

    Raises LabelsMissing for a study without labels.
    """
    labels = study.labels
    if labels is None or not labels.annotated.any():
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "evaluate on labelled cases only")
    kept = list(labels.annotated_frames())
    if len(kept) == study.n_frames:
        return study
    place = {frame: at for at, frame in enumerate(kept)}
    facts = study.facts
    ed, es = (None if index is None else place.get(index) for index in (facts.ed_index, facts.es_index))
    return replace(
        study,
        image=np.ascontiguousarray(study.image[kept]),
        labels=Labels(labels.array[kept], labels.scheme, labels.annotated[kept]),
        facts=replace(facts, ed_index=ed, es_index=es),
        origins=(Origin(study.name, tuple(range(len(kept))), is_4d=True),),
    )
