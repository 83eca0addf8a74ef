"""Put a trained model into the weights distribution, with its card.

    python tools/ship_weights.py dadu --model run/all/model.safetensors --scores fold-0.json

`weights/cards/NAME.toml` has what a person says of the model: its title, how it was trained, its limits, whom to cite.
What the training says of itself (the scans seen, their modality and species) is taken from the model's own card, and how
well it does from what `benchmarks/accuracy.py --out` wrote of the model that had not seen the patients it is judged on; so
is the certainty below which a heart is noted, which three in ten of them were.
Nothing is typed twice. Written: `NAME.safetensors` with the card in it, and the same card as `NAME.json`, which ends with
the file's hash.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shortaxis.files.bundle import load_bundle, save_bundle
from shortaxis.measure.certainty import CARD_KEY

WEIGHTS = Path(__file__).parents[1] / "weights"
SHIPPED = WEIGHTS / "src" / "shortaxis_weights_acdc"
LARGEST_BYTES = 24_000_000
DOUBTED = 0.3  # of the patients judged on: as many as the embedded U-Net's threshold notes
FROM_TRAINING = ("species", "modality", "training_cases_sha256", "held_out_sha256")


def scores_of(written: Mapping[str, Any], what: str) -> dict[str, Any]:
    """The part of a card that says how well the model does; an ejection fraction that nobody drew is left out."""
    summary = written["summary"]
    by_structure = {
        structure: {phase: _rounded(scores["dice"]["mean"], 4) for phase, scores in by_phase.items()}
        for structure, by_phase in summary["by_structure"].items()
    }
    errors = {
        f"{side}_ef_mean_absolute_error_points": round(indices["ef_percent"]["mae"], 2)
        for side, indices in summary["agreement"].items()
        if indices.get("ef_percent", {}).get("n")
    }
    dice = summary["dice"]
    return {
        "what": what,
        "n_cases": summary["n_cases"],
        "mean_dsc": _rounded(dice["mean"], 4),
        "missed": dice["n_missed"],
        "dsc": by_structure,
        **errors,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def card_of(words: Mapping[str, Any], trained: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """A person's words, the scores, and what the training recorded."""
    said = {key: value for key, value in words.items() if key != "judged_on"}
    recorded = {key: trained[key] for key in FROM_TRAINING if key in trained}
    counted = {"n_training_cases": len(recorded["training_cases_sha256"])}
    sure = [held for held in written["heart_probabilities"].values() if held is not None]
    doubted = {CARD_KEY: round(float(np.quantile(sure, DOUBTED)), 3)}
    return {**said, "cross_validation": scores_of(written, words["judged_on"]), **doubted, **counted, **recorded}


def main() -> None:
    """Read, join, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="the name of its card's words, and what --model of `segment` will call it")
    parser.add_argument("--model", type=Path, required=True, help="trained on all patients")
    parser.add_argument("--scores", type=Path, required=True, help="JSON of benchmarks/accuracy.py --out")
    options = parser.parse_args()
    words = tomllib.loads((WEIGHTS / "cards" / f"{options.name}.toml").read_text("utf-8"))
    bundle = load_bundle(options.model)
    card = card_of(words, bundle.card, json.loads(options.scores.read_text("utf-8")))
    file = SHIPPED / f"{options.name}.safetensors"
    sha256 = save_bundle(file, replace(bundle, card=card))
    if file.stat().st_size > LARGEST_BYTES:
        raise SystemExit(f"{file}: {file.stat().st_size} bytes, where {LARGEST_BYTES} are allowed")
    file.with_suffix(".json").write_text(json.dumps({**card, "sha256": sha256}, indent=2) + "\n", "utf-8")
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB, sha256 {sha256}")


if __name__ == "__main__":
    main()
