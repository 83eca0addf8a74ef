"""A model segments the species it was trained on; another one is refused by name, never segmented in silence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import WrongKindOfScan
from shortaxis.core.study import Facts, Study
from shortaxis.files.bundle import load_bundle
from shortaxis.files.writer import write_image, write_labels
from shortaxis.jobs.train_method import TrainOptions, train_method
from shortaxis.pipeline import segment
from shortaxis.read.acdc import find_acdc
from shortaxis.read.phantom_mouse import MouseRecipe, make_mouse_phantom
from tests.jobs.conftest import TINY

MOUSE_TINY = {**TINY, "segment": {"widths": (4, 8), "crop": {"size_px": 32, "pixel_mm": 0.4, "room_px": 4}}}


@pytest.fixture(scope="module")
def mouse() -> Study:
    return make_mouse_phantom(MouseRecipe(frames=2, rows=128, cols=128)).study


@pytest.fixture(scope="module")
def mice(mouse: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mice")
    assert mouse.labels is not None
    for seed, name in enumerate(("m1_day0", "m1_day7", "m2_day0")):
        image = mouse.image + np.random.default_rng(seed).normal(0, 0.1, mouse.image.shape)  # no copies of one scan
        write_image(folder / f"{name}.nii.gz", image.astype(np.float32), mouse.grid, is_4d=True)
        write_labels(folder / f"{name}_gt.nii.gz", mouse.labels.array, mouse.grid, is_4d=True)
    return folder


def test_a_human_model_refuses_a_mouse_and_names_the_way_out(trained: Path, mouse: Study) -> None:
    model = str(trained / "fold-0" / "model.safetensors")
    with pytest.raises(WrongKindOfScan, match="a mouse's"):
        segment(mouse, model=model, device="cpu")
    with pytest.raises(WrongKindOfScan, match="--species"):  # told by its size alone
        segment(replace(mouse, facts=Facts()), model=model, device="cpu")


def test_a_mouses_model_measures_a_mouse_in_microlitres_and_refuses_a_man(
    mice: Path, mouse: Study, acdc_tree: Path, tmp_path: Path
) -> None:
    options = TrainOptions(folds=2, recipe="tuned", changes=MOUSE_TINY, device="cpu", workers=0, label_scheme="lv")
    (path,) = train_method("unet", mice, "mouse", tmp_path / "run", options)
    assert load_bundle(path).card["species"] == "mouse"
    measures = segment(mouse, model=str(path), device="cpu").measures
    assert {"edv_ul", "mass_mg"} <= set(measures["lv"]) and measures["ranges"] == {}
    assert not {key for key in measures["lv"] if key.endswith(("_ml", "_g", "_m2"))}
    with pytest.raises(WrongKindOfScan, match="a mouse's heart, as this model was trained on"):
        segment(find_acdc(acdc_tree)[0], model=str(path), device="cpu")


def test_a_method_for_people_is_not_trained_on_mice_and_nothing_on_both(mice: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongKindOfScan, match="halsrnet"):
        train_method("halsrnet", mice, "mouse", tmp_path / "a", TrainOptions(folds=2))
    given = TrainOptions(folds=2, label_scheme="lv", species="mouse", device="cpu", workers=0)
    with pytest.raises(WrongKindOfScan, match="halsrnet"):
        train_method("halsrnet", mice, "labelled", tmp_path / "b", given)
