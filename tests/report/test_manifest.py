"""Provenance tells what made a result, and nothing about whose it is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from shortaxis.core.errors import MissingFile
from shortaxis.core.recipe import Recipe
from shortaxis.report.manifest import ModelIdentity, build_manifest

MODEL = ModelIdentity("unet2d", {"fold0": "ab" * 32}, {"title": "U-Net on ACDC", "training_hashes": ["x"] * 1000})


def test_outputs_are_named_inside_the_folder_with_their_hash(tmp_path: Path) -> None:
    inner = tmp_path / "case"
    inner.mkdir()
    (inner / "mask.nii.gz").write_bytes(b"abc")
    manifest = build_manifest("cd" * 32, MODEL, Recipe(), {}, [inner / "mask.nii.gz"], tmp_path)
    assert manifest["outputs"] == {"case/mask.nii.gz": hashlib.sha256(b"abc").hexdigest()}


def test_model_input_versions_and_the_statement_are_there(tmp_path: Path) -> None:
    manifest = build_manifest("cd" * 32, MODEL, {"steps": 3}, {"device": "cpu"}, [], tmp_path)
    assert manifest["model"] == {
        "name": "unet2d",
        "weights_sha256": {"fold0": "ab" * 32},
        "card": {"title": "U-Net on ACDC"},
    }
    assert manifest["recipe"] == {"steps": 3} and manifest["input_sha256"] == "cd" * 32
    assert manifest["statement"] == "Research use only. Not for diagnosis."
    assert manifest["program"]["version"] and manifest["software"]["numpy"]


def test_no_path_reaches_the_manifest(tmp_path: Path) -> None:
    options = {
        "out": tmp_path,
        "source": "/home/someone/Doe^John",
        "also": "C:\\scans",
        "list": [Path("x")],
        "nested": {"cache": "~/cache", "flips": True},
        "device": "cpu",
    }
    manifest = build_manifest("", None, None, options, [], tmp_path)
    assert manifest["options"] == {"nested": {"flips": True}, "device": "cpu"}
    assert manifest["model"] is None and manifest["input_sha256"] is None
    assert str(tmp_path) not in json.dumps(manifest, allow_nan=False)


def test_an_output_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        build_manifest("", None, None, {}, [tmp_path / "gone.nii.gz"], tmp_path)
