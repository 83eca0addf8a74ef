"""Whether the network's own certainty goes with how good its masks are, on patients it was not trained on.

python benchmarks/certainty.py --model FILE --data ACDC/training
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from shortaxis.core.compute import choose_compute
from shortaxis.jobs.models import ready_model
from shortaxis.measure.certainty import LOW, heart_probability
from shortaxis.measure.evaluate import evaluate_case
from shortaxis.predict.cine import segment_cine
from shortaxis.read.acdc import find_acdc, read_acdc_labelled


def main() -> None:
    """Segment the held-out patients and print rank correlations of two figures with the worse frame's mean DSC."""
    from scipy.stats import spearmanr

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", type=Path, required=True)
    options.add_argument("--data", type=Path, required=True)
    chosen = options.parse_args()
    compute = choose_compute()
    model = ready_model(chosen.model, compute)
    held_out = set(model.bundle.card["held_out_sha256"])
    rows = []
    for study in map(read_acdc_labelled, find_acdc(chosen.data)):
        if study.sha256 not in held_out:
            continue
        found = segment_cine(model.stages, model.nets, study, model.bundle.scheme, model.repair, compute)
        scores = evaluate_case(study, found.labels, model.bundle.scheme)
        phases = sorted({row["frame_index"] for row in scores})
        worse = min(np.mean([row["dice"] for row in scores if row["frame_index"] == frame]) for frame in phases)
        heart = heart_probability(found.certainty, found.labels, phases)
        rows.append((worse, float("nan") if heart is None else heart, np.nanmin(found.certainty[phases])))
    scores, heart, lowest = np.array(sorted(rows)).T
    for name, figure in (("over the heart", heart), ("of the lowest slice", lowest)):
        rank, chance = spearmanr(figure, scores)
        print(f"{name}: {figure.min():.3f} to {figure.max():.3f}, Spearman {rank:.2f}, p {chance:.3f}")
    low = heart < LOW
    print(f"below {LOW}: {low.sum()} of {len(low)}, of the worst quarter {low[: len(low) // 4].sum()}")
    print(f"mean DSC of the worse frame: {scores[low].mean():.3f} below, {scores[~low].mean():.3f} above")


if __name__ == "__main__":
    main()
