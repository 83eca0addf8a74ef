"""How well a model's region of interest was located: the boxes of HALSR-Net's table 3 (section 4.4), slice by slice.

The paper regresses a box for each image. A recipe may make one box of a whole study instead; then the locator is asked for
its boxes slice by slice all the same, and the study's box is judged beside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.compute import Compute
from shortaxis.core.labels import Labels
from shortaxis.core.study import Study
from shortaxis.jobs.models import Model
from shortaxis.measure.roi import box_errors_mm
from shortaxis.methods.roi_regression import RoiRegressionStage, study_box
from shortaxis.predict.run import run_stage
from shortaxis.prepare.heart_box import box_of

SLICE, STUDY = "slice", "study"


def locator_rows(study: Study, model: Model, compute: Compute) -> list[dict[str, Any]]:
    """Rows of `case`, `per` ("slice" or "study"), `frame_index`, `slice_number` (None for a study) and `error_mm`.

    The error is the root mean square over the four coordinates of the box's two corners, against the box around all that
    the reference shows on the slice. A study's box is `methods.roi_regression.study_box` of either side's boxes. Nothing for
    a model without ROI regression, a study without labels and one whose pixel size is unknown.
    """
    stage = model.stages[0]
    labels, pixel_mm = study.labels, study.grid.pixel_mm
    if not isinstance(stage, RoiRegressionStage) or labels is None or pixel_mm is None:
        return []
    by_slice = stage.config.model_copy(update={"aggregate": "slice", "margin": 0.0, "frames_at_most": None})
    frames = labels.annotated_frames()
    found = run_stage(RoiRegressionStage(by_slice, stage.fit), model.nets[stage.name], study, None, frames, compute)
    boxes, reference = found.boxes, _reference_boxes(labels, frames)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(reference).all(axis=-1))  # [frame, slice]
    if boxes is None or not known.any():
        return []
    errors = box_errors_mm(boxes[known], reference[known], pixel_mm)
    rows: list[dict[str, Any]] = [
        {
            "case": study.name,
            "per": SLICE,
            "frame_index": frames[at],
            "slice_number": int(index) + 1,
            "error_mm": float(mm),
        }
        for (at, index), mm in zip(np.argwhere(known), errors, strict=True)
    ]
    whole = box_errors_mm(study_box(boxes)[None], study_box(reference)[None], pixel_mm)
    if np.isfinite(whole).all():
        study_row = {"per": STUDY, "frame_index": None, "slice_number": None, "error_mm": float(whole[0])}
        rows.append({"case": study.name, **study_row})
    return rows


def _reference_boxes(labels: Labels, frames: tuple[int, ...]) -> NDArray[np.float64]:
    """[frame, slice, 4] boxes around all structures; NaN where a slice was not drawn whole or shows none."""
    nowhere = (np.nan,) * 4
    return np.array(
        [
            [(box_of(plane > 0) if whole else None) or nowhere for plane, whole in zip(*both, strict=True)]
            for both in ((labels.array[frame], labels.annotated[frame].all(axis=1)) for frame in frames)
        ],
        float,
    )
