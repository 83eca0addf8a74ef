"""One NIfTI file becomes one study whose outputs answer to that file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shortaxis.read.nifti import read_nifti
from tests.lookalike.nifti_files import an_image, write


def test_a_3d_file_is_a_study_of_one_frame(tmp_path: Path) -> None:
    study = read_nifti(write(tmp_path / "Case 7.nii.gz", an_image()[0]))
    assert study.name == "Case-7" and study.n_frames == 1 and study.labels is None
    assert [(origin.stem, origin.frames, origin.is_4d) for origin in study.origins] == [("Case-7", (0,), False)]
    assert study.grid.spacing_mm == (8, 1.5, 1.5) and len(study.sha256) == 64 and not study.keeps_image


def test_a_4d_file_is_a_study_through_time(tmp_path: Path) -> None:
    study = read_nifti(write(tmp_path / "cine.nii", an_image(4)))
    assert np.array_equal(study.image, an_image(4))
    assert study.origins[0].frames == (0, 1, 2, 3) and study.origins[0].is_4d
