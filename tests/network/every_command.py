"""Runs every command of the program, cheaply, in one interpreter whose start-up sets an audit hook (`site`).

    python -m tests.network.every_command FOLDER

Prints, as JSON, each command's exit status. `RUNS` must name every command there is; the test holds it to that.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path

TINY = """
[[entry]]
method = "unet"
[entry.changes.locate]
input_size = 32
widths = [4, 4, 8, 8]
dense_width = 8
[entry.changes.segment]
widths = [4, 8]
[entry.changes.segment.crop]
size_px = 32
pixel_mm = 4.0
"""
SETTINGS = ("locate.input_size=32", "locate.widths=[4,4,8,8]", "locate.dense_width=8", "segment.widths=[4,8]",
            "segment.crop.size_px=32", "segment.crop.pixel_mm=4.0", "locate_fit.steps=1", "segment_fit.steps=1",
            "segment_fit.batch=2", "locate_fit.batch=2")  # fmt: skip
BUDGET = ("--steps", "1", "--slices", "2", "--locator-steps", "1", "--folds", "2", "--device", "cpu")


def runs(folder: Path) -> dict[str, list[str]]:
    """A command line for each command, in an order in which each finds what it needs."""
    scan, scans = folder / "phantom" / "phantom.nii.gz", folder / "acdc"
    labels = folder / "phantom" / "phantom_gt.nii.gz"
    data = ["--data", str(scans), "--dataset", "acdc"]
    training = [word for setting in SETTINGS for word in ("--set", setting)]
    config = folder / "tiny.toml"
    return {
        "phantom": ["--out", str(folder / "phantom"), "--frames", "2", "--slices", "3", "--pixel", "4"],
        "check": [str(scan), str(folder / "dicom"), str(folder / "segment.mat")],
        "segment": [str(scan), "--out", str(folder / "segmented"), "--device", "cpu"],
        "measure": [str(scan), str(labels), "--out", str(folder / "measured")],
        "evaluate": ["--reference", str(labels.parent), "--prediction", str(labels.parent), "--out", str(folder / "e")],
        "agree": [str(folder / "segmented"), str(folder / "segmented"), "--out", str(folder / "agreement")],
        "train": ["unet", *data, "--out", str(folder / "run"), "--recipe", "tuned", "--folds", "2", *training],
        "compare": [*data, "--out", str(folder / "compared"), "--config", str(config), "--train-cases", "0", *BUDGET],
        "reproduce": ["halsrnet"],
        "split-effect": ["unet", *data, "--out", str(folder / "split"), *BUDGET],
        "nnunet": [*data, "--out", str(folder / "nnunet"), "--folds", "2"],
        "convert-weights": [str(folder / "foreign.pth"), "--out", str(folder / "weights.safetensors")],
        "methods": [],
        "models": [],
        "demo": ["--out", str(folder / "demo")],
    }


def prepare(folder: Path) -> None:
    """What the commands read that no command makes."""
    import torch

    from tests.lookalike.acdc_tree import make_acdc_tree
    from tests.lookalike.dicom_sets import Cine, make_ge
    from tests.lookalike.segment_files import SegmentHeart, segment_fields, write_segment

    make_acdc_tree(folder / "acdc", 4)
    make_ge(folder / "dicom", Cine(n_phases=8))
    write_segment(folder / "segment.mat", segment_fields(SegmentHeart()))
    torch.save({"weight": torch.ones(2)}, folder / "foreign.pth")
    (folder / "tiny.toml").write_text(TINY)


def main(folder: Path) -> None:
    from shortaxis.cli.main import status_of

    prepare(folder)
    ends: dict[str, tuple[int, str]] = {}
    for command, words in runs(folder).items():
        os.environ["SHORTAXIS_COMMAND"] = command
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = status_of([command, *words])
        ends[command] = status, said.getvalue()[-2000:]
    json.dump(ends, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
