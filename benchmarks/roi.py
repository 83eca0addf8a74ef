"""The locator against reference boxes on held-out patients, as HALSR-Net's Table 3 measures it.

    python benchmarks/roi.py --model run/fold-0/model.safetensors --data ACDC/training --dataset acdc

Per slice (a box per image, as published) and per study (the box that the tuned recipes cut at), in millimetres.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from accuracy import unseen_studies  # beside this file, which is where Python looks first

from shortaxis.core.compute import choose_compute
from shortaxis.jobs.models import ready_model
from shortaxis.measure.roi import box_errors_mm, roi_errors
from shortaxis.methods.roi_regression import RoiRegressionStage, study_box
from shortaxis.predict.run import run_stage
from shortaxis.prepare.heart_box import box_of


def main() -> None:
    """Locate, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dataset", default="acdc")
    options = parser.parse_args()
    compute = choose_compute()
    model = ready_model(options.model, compute)
    tuned = model.stages[0]
    if not isinstance(tuned, RoiRegressionStage):
        raise SystemExit("this model has no ROI regression")
    stage = RoiRegressionStage(tuned.config.model_copy(update={"aggregate": "slice"}), tuned.fit)
    by_slice, by_study = [], []
    for study in unseen_studies(model, options.data, options.dataset, all_cases=False):
        if study.labels is None or study.grid.pixel_mm is None:
            continue
        frames = study.labels.annotated_frames()
        boxes = run_stage(stage, model.nets[stage.name], study, None, frames, compute).boxes
        if boxes is None:
            continue
        drawn = study.labels.array[list(frames)] > 0
        reference = np.array([[box_of(plane) or (np.nan,) * 4 for plane in frame] for frame in drawn])
        known = np.isfinite(reference).all(axis=-1)
        by_slice.append(box_errors_mm(boxes[known], reference[known], study.grid.pixel_mm))
        by_study.append(box_errors_mm(study_box(boxes)[None], study_box(reference)[None], study.grid.pixel_mm))
    print("| box | n | RMSE mm | SD mm | outliers % |\n|---|---|---|---|---|")
    for name, held in (("per slice", by_slice), ("per study", by_study)):
        errors = roi_errors(np.concatenate(held))
        print(f"| {name} | {errors.count} | {errors.rmse_mm:.1f} | {errors.sd_mm:.1f} | {errors.outlier_percent:.1f} |")


if __name__ == "__main__":
    main()
