"""A model on patients it has not seen: scores, clinical indices, scores by position, pixel accuracy and time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.compute import Compute
from shortaxis.core.labels import Labels, LabelScheme
from shortaxis.core.study import Study
from shortaxis.experiments.clinical import clinical_rows
from shortaxis.experiments.patients import drawn_frames_alone
from shortaxis.experiments.thirds import score_thirds
from shortaxis.files.names import slug
from shortaxis.files.writer import write_bytes
from shortaxis.jobs.models import Model
from shortaxis.jobs.segment import segment_study
from shortaxis.measure.evaluate import evaluate_case
from shortaxis.predict.cine import Drawn
from shortaxis.train.run import TrainingCase

Present = Callable[[Study], Study]


@dataclass
class Scored:
    """What a model did on some cases; filled as they are segmented, all values ready for JSON."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    thirds: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The whole, with clinical indices."""
        return {"rows": self.rows, "thirds": self.thirds, "cases": self.cases, "clinical": clinical_rows(self.rows)}


def score_cases(
    model: Model,
    cases: Sequence[TrainingCase],
    compute: Compute,
    stopped: Callable[[], bool],
    masks: Path | None = None,
    present: Present = drawn_frames_alone,
) -> Scored | None:
    """Segment and score labelled cases; None where a signal stopped it.

    Args:
        model: ready to run.
        cases: whose labels are the reference; only frames in which something was drawn are segmented.
        compute: device and precision.
        stopped: asked before every case.
        masks: folder that keeps each case's masks, for figures; None: not kept.
        present: how a study is shown to the model.
    """
    scored = Scored()
    for case in cases:
        if stopped():
            return None
        study = present(replace(case.read(), name=case.name))
        draws: dict[int, Drawn] = {}
        began = time.perf_counter()
        result = segment_study(
            study, model, compute, drawn=lambda frame, drawn, held=draws: held.update({frame: drawn})
        )
        seconds = time.perf_counter() - began
        scored.rows += evaluate_case(study, result.labels, result.scheme)
        scored.thirds += score_thirds(study, result.labels, result.scheme, draws)
        accuracy = pixel_accuracy(study.labels, result.labels, result.scheme)
        facts = {"case": case.name, "n_frames": study.n_frames, "n_slices": study.grid.shape[0]}
        scored.cases.append({**facts, "seconds": round(seconds, 3), "pixel_accuracy": accuracy})
        if masks is not None:
            keep_masks(masks, case.name, result.labels, result.variance)
    return scored


def pixel_accuracy(reference: Labels | None, prediction: NDArray[np.uint8], scheme: LabelScheme) -> float | None:
    """Share of the pixels of drawn slices, background included, that bear the same structure; None without labels.

    Only slices on which every structure was drawn count, and only structures that both schemes number.
    """
    if reference is None:
        return None
    shared = [structure for structure in reference.scheme.structures if structure in scheme.structures]
    drawn = reference.annotated.all(axis=2)  # [frame, slice]
    if not (shared and drawn.any()):
        return None
    same = np.ones(int(drawn.sum()) * prediction[0, 0].size, bool)
    for structure in shared:
        ours, theirs = (
            scheme.mask(prediction[drawn], structure),
            reference.scheme.mask(reference.array[drawn], structure),
        )
        same &= (ours == theirs).ravel()
    return float(same.mean())


def keep_masks(folder: Path, case: str, labels: NDArray[np.uint8], variance: NDArray[np.float32] | None) -> None:
    """A case's labels, and its variance where there is one, as a compressed numpy file."""
    arrays: dict[str, NDArray[Any]] = {"labels": labels}
    if variance is not None:
        arrays["variance"] = variance.astype(np.float16)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # pyright: ignore[reportArgumentType] - its stub takes the arrays for flags
    write_bytes(masks_file(folder, case), buffer.getvalue())


def masks_file(folder: Path, case: str) -> Path:
    """Where `keep_masks` puts a case."""
    return folder / f"{slug(case)}.npz"
