"""The uncertainty in the loss on late enhancement: alpha 0 and 3 trained and used, on a look-alike and on real pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from shortaxis.files.bundle import load_bundle
from shortaxis.jobs.train_method import TrainOptions, train_method
from shortaxis.pipeline import segment
from shortaxis.read.emidec import find_emidec, read_emidec
from tests.lookalike.emidec_tree import make_emidec_png

TINY: dict[str, Any] = {
    "locate": {"input_size": 32, "widths": [4, 4, 8, 8], "dense_width": 8},
    "locate_fit": {"steps": 3, "batch": 4, "validate_every": 3},
    "segment": {
        "window": {"plane": {"size_px": 32, "room_px": 4}, "depth": 4},
        "plan": {"widths": [3, 4], "strides": [[1, 2, 2]], "kernels": [[1, 3, 3], [3, 3, 3]]},
    },
    "segment_fit": {"steps": 3, "batch": 1, "validate_every": 3, "warmup_steps": 1},
}


def goes_all_the_way(data: Path, out: Path, alpha: float) -> set[str]:
    """Three steps of the tuned recipe at tiny width, a held-out patient segmented; the terms of the loss."""
    changes = {**TINY, "segment": {**TINY["segment"], "alpha": alpha}}
    options = TrainOptions(folds=2, recipe="tuned", changes=changes, label_scheme="emidec", device="cpu", workers=0)
    (model,) = train_method("uncertainty-unet", data, "emidec", out, options)
    assert load_bundle(model).card["modality"] == "lge"
    held_out = set(json.loads((out / "fold-0/fold.json").read_text())["validation"])
    case = next(case for case in find_emidec(data) if case.name in held_out)
    result = segment(read_emidec(case), model=str(model), device="cpu")
    scar = result.measures["infarct"]
    assert scar["infarct_volume_ml"] is None and result.scheme.name == "emidec"  # pictures have no spacing
    lines = [json.loads(line) for line in (out / "fold-0/segment/record.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3]
    return {name for line in lines for name in line.get("validation", {})}


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_a_look_alikes_pictures_go_all_the_way(alpha: float, tmp_path: Path) -> None:
    make_emidec_png(tmp_path / "data")
    assert {"dice", "cross_entropy"} <= goes_all_the_way(tmp_path / "data", tmp_path / "run", alpha)


@pytest.mark.realdata
@pytest.mark.skipif("SHORTAXIS_DATA" not in os.environ, reason="SHORTAXIS_DATA is not set")
@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_real_pictures_go_all_the_way(alpha: float, tmp_path: Path) -> None:
    source = Path(os.environ["SHORTAXIS_DATA"]) / "emidec_png"
    names = sorted({path.name.split("_slice")[0] for path in (source / "images").iterdir()})[::20]  # four of eighty
    for part in ("images", "contours"):
        (tmp_path / "data" / part).mkdir(parents=True)
        for path in (source / part).iterdir():
            if path.name.split("_slice")[0] in names:
                (tmp_path / "data" / part / path.name).symlink_to(path)
    assert {"dice", "cross_entropy"} <= goes_all_the_way(tmp_path / "data", tmp_path / "run", alpha)
