"""The weights that come along: sealed, small, in half precision, and what the card beside them says is what is in them."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from shortaxis.files.bundle import load_bundle
from shortaxis.files.bundle_manifest import SEAL, parse

WEIGHTS = Path(__file__).parents[1] / "weights"
EMBEDDED = WEIGHTS / "src" / "shortaxis_weights_acdc" / "acdc.safetensors"
FOLD_0 = WEIGHTS / "training" / "fold-0.safetensors"


def header_of(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors' entries, and the manifest."""
    content = file.read_bytes()
    return parse(content[8 : 8 + int.from_bytes(content[:8], "little")])


def test_the_embedded_model_takes_at_most_24_megabytes_in_half_precision() -> None:
    assert EMBEDDED.stat().st_size <= 24_000_000
    assert {entry["dtype"] for entry in header_of(EMBEDDED)[0].values()} == {"F16", "I64"}  # I64: counts of batches


@pytest.mark.parametrize("file", [EMBEDDED, FOLD_0], ids=lambda file: file.stem)
def test_weights_in_the_repository_carry_a_seal_that_holds(file: Path) -> None:
    assert SEAL in header_of(file)[1]
    assert load_bundle(file).method == "unet"


def test_the_card_beside_the_embedded_model_is_the_one_in_it_and_names_its_hash() -> None:
    beside = json.loads(EMBEDDED.with_name("card.json").read_text("utf-8"))
    assert beside.pop("sha256") == hashlib.sha256(EMBEDDED.read_bytes()).hexdigest()
    assert beside == load_bundle(EMBEDDED).card
    assert beside["n_training_cases"] == len(set(beside["training_cases_sha256"])) == 100


def test_the_distribution_of_the_weights_states_its_own_licence() -> None:
    stated = tomllib.loads((WEIGHTS / "pyproject.toml").read_text("utf-8"))["project"]
    assert "CC-BY-NC-SA-4.0" in json.dumps(stated["license"])
    assert load_bundle(EMBEDDED).card["licence"] == "CC BY-NC-SA 4.0"
