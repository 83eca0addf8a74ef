"""Masks against reference masks, folder against folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.core.errors import OutputExists
from shortaxis.pipeline import evaluate_folders, write_phantom
from shortaxis.read.phantom import PhantomRecipe

SMALL = PhantomRecipe(frames=4, slices=4, rows=96, cols=96)


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the 4D reference masks of one phantom, `phantom_gt.nii.gz`."""
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(SMALL, folder)
    return folder


def test_earlier_scores_are_kept_unless_told_otherwise(masks: Path, tmp_path: Path) -> None:
    evaluate_folders(masks, masks, tmp_path)
    with pytest.raises(OutputExists, match="--overwrite"):
        evaluate_folders(masks, masks, tmp_path)
    assert evaluate_folders(masks, masks, tmp_path, overwrite=True)["n_cases"] == 1


def test_an_earlier_phantom_is_kept_unless_told_otherwise(masks: Path) -> None:
    before = (masks / "phantom.nii.gz").read_bytes()
    with pytest.raises(OutputExists, match="--overwrite"):
        write_phantom(PhantomRecipe(frames=2, slices=4, rows=96, cols=96), masks)
    assert (masks / "phantom.nii.gz").read_bytes() == before
