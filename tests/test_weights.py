"""The weights that come along: sealed, small, in half precision, and what the card beside each says is what is in it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shortaxis.core.compute import choose_compute
from shortaxis.files.bundle import load_bundle
from shortaxis.files.bundle_manifest import SEAL, parse
from shortaxis.jobs.models import ready_model

WEIGHTS = Path(__file__).parents[1] / "weights"
PACKAGE = WEIGHTS / "src" / "shortaxis_weights_acdc"
SHIPPED = sorted(PACKAGE.glob("*.safetensors"))
FOLD_0 = WEIGHTS / "training" / "fold-0.safetensors"

each_shipped = pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)


def header_of(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors' entries, and the manifest."""
    content = file.read_bytes()
    return parse(content[8 : 8 + int.from_bytes(content[:8], "little")])


def announced() -> dict[str, Path]:
    """Model name -> file, as the distribution's entry points give them."""
    spec = importlib.util.spec_from_file_location("weights_package", PACKAGE / "__init__.py")
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    points = tomllib.loads((WEIGHTS / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
    functions: dict[str, Callable[[], Path]] = {
        name: getattr(package, target.split(":")[1]) for name, target in points["shortaxis.models"].items()
    }
    return {name: function() for name, function in functions.items()}


@each_shipped
def test_a_model_takes_at_most_24_megabytes_in_half_precision(file: Path) -> None:
    assert file.stat().st_size <= 24_000_000
    assert {entry["dtype"] for entry in header_of(file)[0].values()} <= {"F16", "I64"}  # I64: counts of batches


def test_all_weights_in_the_repository_take_at_most_96_megabytes() -> None:
    assert sum(file.stat().st_size for file in WEIGHTS.rglob("*.safetensors")) <= 96_000_000


def test_every_file_of_weights_is_announced_under_its_own_name() -> None:
    assert {name: file.name for name, file in announced().items()} == {file.stem: file.name for file in SHIPPED}


@pytest.mark.parametrize("file", [*SHIPPED, FOLD_0], ids=lambda file: file.stem)
def test_weights_in_the_repository_carry_a_seal_that_holds_and_fit_their_method(file: Path) -> None:
    assert SEAL in header_of(file)[1]
    assert ready_model(file, choose_compute("cpu")).bundle.recipe_name == "tuned"


@each_shipped
def test_the_card_beside_a_model_is_the_one_in_it_and_names_its_hash(file: Path) -> None:
    beside = json.loads(file.with_suffix(".json").read_text("utf-8"))
    assert beside.pop("sha256") == hashlib.sha256(file.read_bytes()).hexdigest()
    assert beside == load_bundle(file).card
    assert beside["n_training_cases"] == len(set(beside["training_cases_sha256"]))


@each_shipped
def test_a_card_says_what_for_whose_data_how_trained_how_well_and_under_which_terms(file: Path) -> None:
    card = load_bundle(file).card
    for said in ("title", "intended_use", "trained_on", "training", "limits", "citation"):
        assert len(card[said]) > 20, said
    assert card["licence"] == "CC BY-NC-SA 4.0"
    assert 0.5 < card["cross_validation"]["mean_dsc"] < 1.0
    assert "Research use only" in card["intended_use"]


def test_the_table_of_methods_to_choose_from_says_what_the_cards_say() -> None:
    page = (WEIGHTS.parent / "docs" / "how-to" / "segment.md").read_text("utf-8")
    rows = re.findall(
        r"^\| `([\w-]+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", page, re.MULTILINE
    )  # the default's is older
    cards = {bundle.method: bundle.card for bundle in map(load_bundle, SHIPPED) if bundle.card.get("modality") != "lge"}
    assert {method for method, *_ in rows} == set(cards) - {"unet"}
    for method, *figures in rows:
        held = cards[method]["cross_validation"]
        errors = [held[f"{side}_ef_mean_absolute_error_points"] for side in ("lv", "rv")]
        assert figures == [f"{held['mean_dsc']:.3f}", *(f"{error:.1f}" for error in errors)], method


def test_a_model_of_late_enhancement_says_that_it_is_experimental() -> None:
    cards = [bundle.card for bundle in map(load_bundle, SHIPPED) if bundle.card.get("modality") == "lge"]
    assert all(
        len(card["experimental"]) > 20 for card in cards
    )  # the pictures at hand are stretched and have no spacing


def test_the_default_was_trained_on_the_scans_of_all_100_patients() -> None:
    assert load_bundle(PACKAGE / "acdc.safetensors").card["n_training_cases"] == 100


def test_the_distribution_of_the_weights_states_its_own_licence() -> None:
    stated = tomllib.loads((WEIGHTS / "pyproject.toml").read_text("utf-8"))["project"]
    assert "CC-BY-NC-SA-4.0" in json.dumps(stated["license"])
