"""Cine or late enhancement: training refuses what a method is not made for, segmenting takes the model made for the scan."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from shortaxis.core.errors import BadConfiguration, ModelMissing, UnknownName, WrongKindOfScan
from shortaxis.core.labels import ACDC, EMIDEC, LabelScheme
from shortaxis.core.study import Facts, Study
from shortaxis.files.bundle import Bundle, load_bundle, save_bundle
from shortaxis.files.writer import write_image, write_labels
from shortaxis.jobs import announced
from shortaxis.jobs.segment_cohort import SegmentOptions, segment_cohort
from shortaxis.jobs.train_method import TrainOptions, train_method
from shortaxis.methods.uncertainty_unet import METHOD, stages
from shortaxis.pipeline import segment
from tests.lookalike.emidec_tree import make_emidec_tree
from tests.lookalike.ring_study import ring_study

TINY: dict[str, Any] = {
    "segment": {
        "window": {"plane": {"size_px": 32, "pixel_mm": 3.0, "room_px": 4}, "depth": 4},
        "plan": {"widths": [3, 4], "strides": [[1, 2, 2]], "kernels": [[1, 3, 3], [3, 3, 3]]},
        "passes": 2,
    },
    "segment_fit": {"steps": 2, "batch": 1, "validate_every": 2},
}
QUICK = TrainOptions(folds=2, changes=TINY, device="cpu", workers=0)


@pytest.fixture(scope="module")
def emidec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("emidec")
    make_emidec_tree(root)
    return root


def labelled(folder: Path, frames: int) -> Path:
    """Two patients' NIfTI images with labels beside them: of one frame nothing says what they are."""
    for name, seed in (("p1", 0), ("p2", 1)):
        study = ring_study(n_frames=frames)
        assert study.labels is not None
        image = study.image + np.random.default_rng(seed).normal(0, 0.1, study.image.shape)  # no copies of one scan
        write_image(folder / f"{name}.nii.gz", image.astype(np.float32), study.grid, is_4d=frames > 1)
        write_labels(folder / f"{name}_gt.nii.gz", study.labels.array, study.grid, is_4d=frames > 1)
    return folder


def test_a_method_for_cines_is_not_trained_on_late_enhancement(emidec: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongKindOfScan, match="cine for dadu"):
        train_method("dadu", emidec, "emidec", tmp_path, replace(QUICK, changes=None, label_scheme="emidec"))


def test_a_method_for_both_is_trained_on_late_enhancement_and_its_card_says_so(emidec: Path, tmp_path: Path) -> None:
    (path,) = train_method("uncertainty-unet", emidec, "emidec", tmp_path, replace(QUICK, label_scheme="emidec"))
    assert load_bundle(path).card["modality"] == "lge"
    assert json.loads((tmp_path / "fold-0/fold.json").read_text())["validation"]


def test_training_asks_where_a_scan_of_one_frame_does_not_say(tmp_path: Path) -> None:
    data = labelled(tmp_path / "data", frames=1)
    options = replace(QUICK, label_scheme="acdc")
    with pytest.raises(WrongKindOfScan, match="--modality lge"):
        train_method("uncertainty-unet", data, "labelled", tmp_path / "a", options)
    (path,) = train_method("uncertainty-unet", data, "labelled", tmp_path / "b", replace(options, modality="lge"))
    assert load_bundle(path).card["modality"] == "lge"
    with pytest.raises(WrongKindOfScan, match="cine for dadu"):
        train_method("dadu", data, "labelled", tmp_path / "c", replace(options, changes=None, modality="lge"))


def test_what_is_said_may_not_be_against_what_the_file_says(emidec: Path, tmp_path: Path) -> None:
    cines = labelled(tmp_path / "data", frames=2)
    with pytest.raises(WrongKindOfScan, match="lge, as --modality says"):
        train_method("uncertainty-unet", cines, "labelled", tmp_path / "a", replace(QUICK, modality="lge"))
    with pytest.raises(WrongKindOfScan, match="cine, as --modality says"):
        options = replace(QUICK, modality="cine", label_scheme="emidec")
        train_method("uncertainty-unet", emidec, "emidec", tmp_path / "b", options)


# --- segmenting by a method that has a model of each ------------------------------------------------------------------
def bundle_of(path: Path, modality: str, scheme: LabelScheme) -> Path:
    recipe = METHOD.recipes["paper"].overlaid(TINY)
    torch.manual_seed(0)
    (stage,) = stages(recipe)  # pyright: ignore[reportArgumentType]
    members = [{"segment": stage.build(scheme).state_dict()}]
    card = {"modality": modality, "trained_on": "nothing"}
    save_bundle(path, Bundle("uncertainty-unet", "paper", json.loads(recipe.model_dump_json()), scheme, members, card))
    return path


@dataclass(frozen=True)
class Point:
    """An entry point that an installed package would announce."""

    name: str
    path: Path

    def load(self) -> Callable[[], Path]:
        return lambda: self.path


@pytest.fixture
def both_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        Point(name, bundle_of(tmp_path / f"{name}.safetensors", modality, scheme))
        for name, modality, scheme in (
            ("uncertainty-unet-cine", "cine", ACDC),
            ("uncertainty-unet-lge", "lge", EMIDEC),
        )
    ]
    monkeypatch.setattr(announced, "entry_points", lambda group: points)


def stack(modality: Any, frames: int = 1) -> Study:
    return replace(ring_study(n_frames=frames), facts=Facts(modality=modality, species="human"))


def scheme_for(study: Study, facts: Facts | None = None) -> str:
    return segment(study, method="uncertainty-unet", facts=facts, device="cpu").scheme.name


@pytest.mark.usefixtures("both_installed")
def test_the_model_is_that_of_the_scans_modality() -> None:
    assert scheme_for(stack("cine")) == "acdc"
    assert scheme_for(stack("lge")) == "emidec"
    assert scheme_for(stack(None, frames=2)) == "acdc"  # of several frames: a cine


@pytest.mark.usefixtures("both_installed")
def test_where_the_file_does_not_say_it_must_be_said() -> None:
    with pytest.raises(WrongKindOfScan, match="--modality cine or --modality lge"):
        scheme_for(stack(None))
    assert scheme_for(stack(None), Facts(modality="lge")) == "emidec"
    assert scheme_for(stack(None), Facts(modality="cine")) == "acdc"
    with pytest.raises(WrongKindOfScan, match="as the file says"):
        scheme_for(stack("cine"), Facts(modality="lge"))


@pytest.mark.usefixtures("both_installed")
def test_a_named_model_is_not_exchanged_for_the_other(tmp_path: Path) -> None:
    with pytest.raises(WrongKindOfScan, match="a cine, as this model was trained on"):
        segment(stack("lge"), model="uncertainty-unet-cine", device="cpu")
    with pytest.raises(ModelMissing):
        segment(stack("cine"), method="halsrnet", device="cpu")


@pytest.mark.usefixtures("both_installed")
def test_a_method_that_is_none_or_another_than_the_models_is_refused_and_what_is_installed_is_told() -> None:
    with pytest.raises(UnknownName, match="uncertainty-unet"):
        segment(stack("cine"), method="uncertainty", device="cpu")
    with pytest.raises(ModelMissing, match="'uncertainty-unet-lge' of method 'uncertainty-unet'"):
        segment(stack("cine"), method="dadu", device="cpu")
    with pytest.raises(BadConfiguration, match="uncertainty-unet-cine, which is of 'uncertainty-unet'"):
        segment(stack("cine"), model="uncertainty-unet-cine", method="dadu", device="cpu")
    named = segment(stack("cine"), model="uncertainty-unet-cine", method="uncertainty-unet", device="cpu")
    assert named.scheme.name == "acdc"


@pytest.mark.usefixtures("both_installed")
def test_a_cohort_of_both_is_segmented_case_by_case(emidec: Path, tmp_path: Path) -> None:
    scans = labelled(tmp_path / "scans", frames=2)
    options = SegmentOptions(method="uncertainty-unet", device="cpu", report=False)
    inputs = [scans / "p1.nii.gz", emidec / "Case_P001"]
    result = segment_cohort(inputs, tmp_path / "out", options)
    assert not result.failed and len(result.terms.splitlines()) == 2
    manifests = [json.loads((tmp_path / "out" / name / "manifest.json").read_text()) for name in result.done]
    assert [held["model"]["name"] for held in manifests] == ["uncertainty-unet-cine", "uncertainty-unet-lge"]
    again = segment_cohort(inputs, tmp_path / "out", options)
    assert again.done == [] and len(again.skipped) == 2
