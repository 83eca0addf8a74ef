"""A model trained for three steps on a look-alike of ACDC: enough to go all the way, useless as a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.jobs.train_method import TrainOptions, train_method
from tests.lookalike.acdc_tree import make_acdc_tree

TINY = {
    "locate": {"input_size": 32, "widths": (4, 4, 8, 8), "dense_width": 8},
    "locate_fit": {"steps": 2, "batch": 4, "validate_every": 2},
    "segment": {"widths": (4, 8), "crop": {"size_px": 32, "pixel_mm": 4.0, "room_px": 4}},
    "segment_fit": {"steps": 3, "batch": 4, "validate_every": 2, "warmup_steps": 1},
}


@pytest.fixture(scope="session")
def acdc_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four look-alike patients."""
    root = tmp_path_factory.mktemp("acdc")
    make_acdc_tree(root, 4)
    return root


@pytest.fixture(scope="session")
def trained(acdc_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished training run of one fold of two."""
    out = tmp_path_factory.mktemp("run")
    options = TrainOptions(fold=0, folds=2, recipe="tuned", changes=TINY, device="cpu", workers=0)
    train_method("unet", acdc_tree, "acdc", out, options)
    return out
