"""A model on patients it has not seen: scores in 3D and by slice, clinical indices, probabilities, boxes and time."""

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
from shortaxis.core.labels import Labels, LabelScheme, Structure
from shortaxis.core.study import Study
from shortaxis.experiments.compare.clinical import clinical_rows
from shortaxis.experiments.compare.located import locator_rows
from shortaxis.experiments.compare.patients import drawn_frames_alone
from shortaxis.experiments.compare.probabilities import judge_frame
from shortaxis.experiments.compare.thirds import score_thirds
from shortaxis.files.names import slug
from shortaxis.files.writer import write_bytes
from shortaxis.jobs.models import Model
from shortaxis.jobs.segment import segment_study
from shortaxis.measure.evaluate import evaluate_case, evaluate_slices
from shortaxis.measure.uncertainty import dice_within_samples
from shortaxis.predict.cine import Drawn
from shortaxis.train.run import TrainingCase

SCORED = 2  # raised where more is scored than before, so that what a comparison keeps is scored again
Present = Callable[[Study], Study]
Row = dict[str, Any]
KEPT_OF_SLICES = (
    *("case", "phase", "structure", "slice_number", "outcome", "dice"),
    *("hd_mm", "hd95_mm", "assd_mm", "hd_px", "hd95_px", "assd_px"),
)


@dataclass
class Scored:
    """What a model did on some cases; filled as they are segmented, all values ready for JSON.

    Attributes:
        rows: `measure.evaluate.evaluate_case`, with `brier` and `dice_within_samples` where they can be known.
        thirds: `thirds.score_thirds`.
        cases: time and pixel accuracy.
        slices: `KEPT_OF_SLICES` of `measure.evaluate.evaluate_slices`.
        calibration: `probabilities.judge_frame`.
        located: `located.locator_rows`.
    """

    rows: list[Row] = field(default_factory=list)
    thirds: list[Row] = field(default_factory=list)
    cases: list[Row] = field(default_factory=list)
    slices: list[Row] = field(default_factory=list)
    calibration: list[Row] = field(default_factory=list)
    located: list[Row] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The whole, with clinical indices."""
        return {**vars(self), "clinical": clinical_rows(self.rows)}


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
        watched = _Watched(study, model.bundle.scheme)
        began = time.perf_counter()
        result = segment_study(study, model, compute, drawn=watched.draw, judged=watched.judge)
        seconds = time.perf_counter() - began - watched.seconds
        scored.calibration += watched.judged
        scored.rows += [watched.with_beliefs(row) for row in evaluate_case(study, result.labels, result.scheme)]
        scored.slices += slice_rows(study, result.labels, result.scheme)
        scored.thirds += score_thirds(study, result.labels, result.scheme, watched.draws)
        scored.located += locator_rows(study, model, compute)
        accuracy = pixel_accuracy(study.labels, result.labels, result.scheme)
        facts = {"case": case.name, "n_frames": study.n_frames, "n_slices": study.grid.shape[0]}
        scored.cases.append({**facts, "seconds": round(seconds, 3), "pixel_accuracy": accuracy})
        if masks is not None:
            keep_masks(masks, case.name, result.labels, result.variance)
    return scored


@dataclass
class _Watched:
    """What is looked at while a study is segmented, and the seconds that looking takes: they are no part of its time."""

    study: Study
    scheme: LabelScheme
    draws: dict[int, Drawn] = field(default_factory=dict)
    judged: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    def draw(self, frame: int, drawn: Drawn) -> None:
        self.draws[frame] = drawn

    def judge(self, frame: int, probs: NDArray[np.float32]) -> None:
        began = time.perf_counter()
        self.judged += judge_frame(self.study, frame, probs, self.scheme)
        self.seconds += time.perf_counter() - began

    def with_beliefs(self, row: Row) -> Row:
        """A row of scores with its structure's Brier score and the Dice within the samples, None where not known."""
        place = row["frame_index"], row["structure"]
        brier = {(held["frame_index"], held["structure"]): held["brier"] for held in self.judged}
        drawn, structure = self.draws.get(row["frame_index"]), Structure(row["structure"])
        within = None
        if drawn is not None:
            samples = [self.scheme.mask(sample, structure) for sample in drawn.samples]
            within = dice_within_samples(self.scheme.mask(drawn.mean, structure), samples)
        return {**row, "brier": brier.get(place), "dice_within_samples": within}


def slice_rows(study: Study, prediction: NDArray[np.uint8], scheme: LabelScheme) -> list[Row]:
    """What is kept of the scores slice by slice."""
    return [{key: row[key] for key in KEPT_OF_SLICES} for row in evaluate_slices(study, prediction, scheme)]


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
