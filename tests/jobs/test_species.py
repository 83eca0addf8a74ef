"""A model segments the species it was trained on; another one is refused by name, never segmented in silence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shortaxis.core.errors import WrongKindOfScan
from shortaxis.core.study import Facts, Study
from shortaxis.files.bundle import load_bundle
from shortaxis.files.gate import load_volume
from shortaxis.files.writer import write_image, write_labels
from shortaxis.jobs.segment_cohort import SegmentOptions, segment_cohort
from shortaxis.jobs.train_method import TrainOptions, train_method
from shortaxis.pipeline import segment, write_phantom
from shortaxis.read.acdc import find_acdc
from shortaxis.read.phantom_mouse import MouseRecipe, make_mouse_phantom
from tests.jobs.conftest import TINY

MOUSE_TINY = {**TINY, "segment": {"widths": (4, 8), "crop": {"size_px": 32, "pixel_mm": 0.4, "room_px": 4}}}
MNET_TINY = {  # trained for long enough to draw a ring, too short for a good one
    "locate": TINY["locate"],
    "locate_fit": {"steps": 30, "batch": 4, "validate_every": 30, "warmup_steps": 1},
    "segment": {
        "window": {"plane": {"size_px": 32, "pixel_mm": 0.3, "room_px": 4}, "depth": 8},
        **{"input_width": 2, "widths": (4, 8), "level_weights": (1.0, 0.5), "blocks": 1, "gate_kernel": (3, 3, 3)},
        **{"gate_ratio": 2, "fuse_width": 6, "fuse_reduced": 4},
    },
    "segment_fit": {"steps": 60, "batch": 2, "learning_rate": 1e-2, "validate_every": 60, "warmup_steps": 1},
}
KNOWN_EF = {"m1": 40.0, "m2": 60.0, "unseen": 50.0}
VOXEL_UL = 0.8 * 0.1307**2  # of a phantom's mouse; a cubic millimetre is a microlitre


@pytest.fixture(scope="module")
def mouse() -> Study:
    return make_mouse_phantom(MouseRecipe(frames=2, rows=128, cols=128)).study


@pytest.fixture(scope="module")
def mice(mouse: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mice")
    assert mouse.labels is not None
    for seed, name in enumerate(("m1_day0", "m1_day7", "m2_day0")):
        noise = np.random.default_rng(seed).normal(0, 0.1, mouse.image.shape)  # no copies of one scan
        image = mouse.image.astype(float) + noise
        write_image(folder / f"{name}.nii.gz", image.astype(np.float32), mouse.grid, is_4d=True)
        write_labels(folder / f"{name}_gt.nii.gz", mouse.labels.array, mouse.grid, is_4d=True)
    return folder


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Cines of mice whose ejection fractions are known, each in a folder with its labels; the unseen one apart."""
    root = tmp_path_factory.mktemp("phantoms")
    return {
        name: write_phantom(
            MouseRecipe(ef_percent=ef, frames=2, rows=128, cols=128, seed=seed),
            root / ("apart" if name == "unseen" else "mice") / name,
        )
        for seed, (name, ef) in enumerate(KNOWN_EF.items())
    }


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


def test_the_attention_m_net_goes_from_phantom_mice_of_known_ejection_fraction_to_microlitres_and_milligrams(
    phantoms: Mapping[str, Path], tmp_path: Path
) -> None:
    options = TrainOptions(folds=2, recipe="tuned", changes=MNET_TINY, device="cpu", workers=0, label_scheme="lv")
    (model,) = train_method("attention-mnet", phantoms["m1"].parents[1], "mouse", tmp_path / "run", options)
    assert load_bundle(model).card["species"] == "mouse"
    human = Facts(sex="male", height_cm=180.0, weight_kg=80.0)  # with which a man's measures get ranges and indices
    asked = SegmentOptions(model=str(model), device="cpu", facts=human)
    result = segment_cohort([phantoms["unseen"]], tmp_path / "out", asked)
    (name,) = result.done
    case = tmp_path / "out" / name
    text = (case / "measures.json").read_text("utf-8")
    measures = json.loads(text)
    assert measures["patient"]["species"] == "mouse"
    for key, value in counted(case, measures["phases"]).items():
        assert measures["lv"][key] == pytest.approx(value, rel=1e-4)
    truth = json.loads((phantoms["unseen"].parent / "truth.json").read_text("utf-8"))["lv"]
    assert truth["ef_percent"] == pytest.approx(KNOWN_EF["unseen"], abs=0.5)
    for key in ("edv_ul", "mass_mg"):  # no good network's, but a mouse's: a man's number is a thousand times another
        assert truth[key] / 5 < measures["lv"][key] < truth[key] * 5
    assert measures["ranges"] == {} and "Petersen" not in text
    assert re.findall(r'"[^"]*_(?:ml|g|m2|l_min)":', text) == []
    page = (case / "report.html").read_text("utf-8")
    assert "of a mouse" in page and "Volume-time curve (µl)" in page and "<small>mg</small>" in page
    assert "Petersen" not in page and "±" not in page


def counted(case: Path, phases: Mapping[str, Any]) -> dict[str, float]:
    """What the masks that were written come to: their voxels times the voxel's size."""
    (path,) = (path for path in case.glob("*_labels.nii.gz") if not re.search(r"_e[ds]_labels", path.name))
    labels = load_volume(path).array
    cavity, muscle = ((labels == code).sum(axis=(1, 2, 3)) for code in (1, 2))
    ed, es = cavity[phases["ed_index"]], cavity[phases["es_index"]]
    assert ed >= es > 0
    return {
        "edv_ul": ed * VOXEL_UL,
        "esv_ul": es * VOXEL_UL,
        "ef_percent": 100 * (ed - es) / ed,
        "mass_mg": muscle[phases["ed_index"]] * VOXEL_UL * 1.05,  # 1.05 mg of muscle are a microlitre
    }


def test_a_method_for_people_is_not_trained_on_mice_and_nothing_on_both(mice: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongKindOfScan, match="halsrnet"):
        train_method("halsrnet", mice, "mouse", tmp_path / "a", TrainOptions(folds=2))
    given = TrainOptions(folds=2, label_scheme="lv", species="mouse", device="cpu", workers=0)
    with pytest.raises(WrongKindOfScan, match="halsrnet"):
        train_method("halsrnet", mice, "labelled", tmp_path / "b", given)
