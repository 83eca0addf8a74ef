"""A model's own loss on labelled cases that it was neither trained nor validated on (HALSR-Net's tables 4, 5 and 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shortaxis.core.compute import Compute
from shortaxis.core.errors import LabelsMissing
from shortaxis.core.study import Study
from shortaxis.experiments.compare.score import Row
from shortaxis.jobs.models import Model
from shortaxis.predict.orientation import settle_orientation
from shortaxis.train.loop import validate
from shortaxis.train.run import TrainingCase, labelled_samples


def loss_of(
    model: Model,
    cases: Sequence[TrainingCase],
    compute: Compute,
    stopped: Callable[[], bool],
    present: Callable[[Study], Study],
) -> Row | None:
    """`loss`, the last stage's mean over the samples of all cases, unvaried as in validation; `n` samples, `why_none`.

    A loss needs every structure of the model drawn: None, with the reason, where a case lacks one, as a left ventricle's
    data set does for a model of both. None instead of a row where a signal stopped it.
    """
    stage, scheme = model.stages[-1], model.bundle.scheme
    total, count = 0.0, 0
    for case in cases:
        if stopped():
            return None
        study = present(replace(case.read(), name=case.name))
        shown, _ = settle_orientation(model.stages, model.nets, study, scheme, compute)
        try:
            samples = list(labelled_samples(stage, scheme, case.name, shown))
        except LabelsMissing as lacking:
            return {"loss": None, "n": 0, "why_none": lacking.found}
        if samples:
            nets = model.nets[stage.name]
            losses = [validate(stage, net, samples, compute)["loss"] for net in nets]
            total += sum(losses) / len(nets) * len(samples)
            count += len(samples)
    if count == 0:
        return {"loss": None, "n": 0, "why_none": "nothing to learn from was drawn"}
    return {"loss": total / count, "n": count, "why_none": None}
