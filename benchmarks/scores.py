"""Dice, HD, HD95 and ASSD of one case: ours, MONAI's and MedPy's side by side in one run.

    OMP_NUM_THREADS=1 python benchmarks/scores.py

The case is computed: three structures on 10 slices of 256 x 256, 10 x 1.5 x 1.5 mm, the prediction a little off
everywhere. Times are processor time of one core, the least of some repetitions. MONAI comes with the extra `bench`.
Where MedPy is not installed, its way (erosion, a distance transform of the whole array for each measure) is restated
here and the row says so.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from importlib import import_module

import numpy as np
import torch
from scipy import ndimage

from shortaxis.measure.overlap import dice
from shortaxis.measure.surface import surface_distances

SPACING_MM = (10.0, 1.5, 1.5)
STRUCTURES = (1, 2, 3)
Scores = np.ndarray  # [structure, (Dice, HD, HD95, ASSD)]


def made_case() -> tuple[np.ndarray, np.ndarray]:
    """Prediction and reference, uint8 [slice, row, col]: a right ventricle, a wall and a cavity that narrow downwards."""
    rows, cols = np.mgrid[:256, :256]
    rng = np.random.default_rng(0)
    stacks = np.zeros((2, 10, 256, 256), np.uint8)
    for stack, wobble in zip(stacks, (0.03, 0.0), strict=True):
        for number, plane in enumerate(stack):
            row, col = 128 + (rng.normal(0, 1, 2) if wobble else np.zeros(2))
            size = 1 - 0.06 * number
            angle = np.arctan2(rows - row, cols - col)
            rough = 1 + wobble * np.sin(5 * angle + number)
            away = np.hypot(rows - row, cols - col) / rough
            plane[np.hypot((rows - row) / 1.4, cols - col + 38 * size) / rough < 28 * size] = 1
            plane[away < 34 * size] = 2
            plane[away < 25 * size] = 3
    return stacks[0], stacks[1]


def ours(prediction: np.ndarray, reference: np.ndarray) -> Scores:
    """This package."""
    rows = []
    for number in STRUCTURES:
        masks = prediction == number, reference == number
        found = surface_distances(*masks, SPACING_MM)
        rows.append((dice(*masks), found.hd_mm, found.hd95_mm, found.assd_mm))
    return np.array(rows, float)


def monai_way() -> Callable[[np.ndarray, np.ndarray], Scores] | None:
    """MONAI's functions on one-hot arrays; None where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            metrics = import_module("monai.metrics")
        except ImportError:
            return None

    def one_hot(labels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.stack([labels == number for number in STRUCTURES]))[None].float()

    def scores(prediction: np.ndarray, reference: np.ndarray) -> Scores:
        pair = one_hot(prediction), one_hot(reference)
        every = {"include_background": True, "spacing": SPACING_MM}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            columns = (
                metrics.compute_dice(*pair, include_background=True),
                metrics.compute_hausdorff_distance(*pair, **every),
                metrics.compute_hausdorff_distance(*pair, percentile=95, **every),
                metrics.compute_average_surface_distance(*pair, symmetric=True, **every),
            )
        return torch.stack([column[0] for column in columns], dim=1).numpy()

    return scores


def medpy_way() -> tuple[str, Callable[[np.ndarray, np.ndarray], Scores]]:
    """MedPy's functions, or their restatement, with the name of the row."""
    try:
        binary = import_module("medpy.metric.binary")
    except ImportError:
        return "MedPy's way, restated", restated
    measures = (binary.hd, binary.hd95, binary.assd)

    def scores(prediction: np.ndarray, reference: np.ndarray) -> Scores:
        pairs = [(prediction == number, reference == number) for number in STRUCTURES]
        rows = [
            [binary.dc(*pair), *(measure(*pair, voxelspacing=SPACING_MM) for measure in measures)] for pair in pairs
        ]
        return np.array(rows, float)

    return "MedPy", scores


def restated(prediction: np.ndarray, reference: np.ndarray) -> Scores:
    """Each measure by itself from distance transforms of the whole array; HD95 pooled over both directions."""
    rows = []
    for number in STRUCTURES:
        masks = prediction == number, reference == number
        rows.append((
            2 * np.count_nonzero(masks[0] & masks[1]) / (np.count_nonzero(masks[0]) + np.count_nonzero(masks[1])),
            max(gaps.max() for gaps in _gaps(*masks)),
            np.percentile(np.hstack(_gaps(*masks)), 95),
            np.hstack(_gaps(*masks)).mean(),
        ))  # fmt: skip
    return np.array(rows, float)


def _gaps(ours: np.ndarray, theirs: np.ndarray) -> list[np.ndarray]:
    cross = ndimage.generate_binary_structure(3, 1)
    edges = [mask ^ np.asarray(ndimage.binary_erosion(mask, cross), bool) for mask in (ours, theirs)]
    return [
        np.asarray(ndimage.distance_transform_edt(~edges[1 - side], sampling=SPACING_MM))[edges[side]]
        for side in (0, 1)
    ]


def least_ms(call: Callable[[], object], repeats: int) -> float:
    """Least processor time of a call in milliseconds."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def main() -> None:
    """Print a row per implementation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    prediction, reference = made_case()
    ways: list[tuple[str, Callable[[np.ndarray, np.ndarray], Scores] | None]] = [
        ("shortaxis", ours),
        ("MONAI", monai_way()),
        medpy_way(),
    ]
    print("| | ms of one core | mean Dice | mean HD mm | mean HD95 mm | mean ASSD mm |\n|---|---|---|---|---|---|")
    for name, way in ways:
        if way is None:
            print(f"| {name} | not installed | | | | |")
            continue
        scores = way(prediction, reference).mean(axis=0)
        took = least_ms(lambda way=way: way(prediction, reference), options.repeats)
        print(f"| {name} | {took:.1f} | " + " | ".join(f"{score:.4f}" for score in scores) + " |")


if __name__ == "__main__":
    main()
