"""Files named ED and ES are one heart's two frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import GridMismatch, WrongDimensions
from shortaxis.read.find import find_cases, read_case
from tests.lookalike.nifti_files import AFFINE, an_image, write


@pytest.mark.parametrize(
    ("ed", "es", "name"),
    [("x_ED", "x_ES", "x"), ("x_ed", "x_es", "x"), ("A1D0_SA_ED", "A1D0_SA_ES", "A1D0_SA")],
)
def test_a_pair_is_one_study_of_two_frames_with_known_phases(tmp_path: Path, ed: str, es: str, name: str) -> None:
    write(tmp_path / f"{ed}.nii.gz", an_image()[0])
    write(tmp_path / f"{es}.nii.gz", an_image()[0] + 7)
    (case,) = find_cases([tmp_path])
    assert (case.name, case.kind) == (name, "phases")
    assert [path.name for path in case.paths] == [f"{ed}.nii.gz", f"{es}.nii.gz"]
    (study,) = read_case(case)
    np.testing.assert_array_equal(study.image, np.stack([an_image()[0], an_image()[0] + 7]))
    assert (study.facts.ed_index, study.facts.es_index) == (0, 1)
    assert [(origin.stem, origin.frames, origin.is_4d) for origin in study.origins] == [
        (ed, (0,), False),
        (es, (1,), False),
    ]


def test_labels_beside_a_pair_are_left_alone(tmp_path: Path) -> None:
    for name in ("x_ED", "x_ES", "x_ED_gt", "x_ES_gt"):
        write(tmp_path / f"{name}.nii.gz", an_image()[0])
    assert [case.name for case in find_cases([tmp_path])] == ["x"]


def test_a_file_without_its_partner_is_a_case_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "x_ED.nii.gz", an_image()[0])
    write(tmp_path / "y_ES.nii.gz", an_image()[0])
    assert [(case.name, case.kind) for case in find_cases([tmp_path])] == [("x_ED", "nifti"), ("y_ES", "nifti")]


def test_a_single_file_given_by_name_is_read_alone(tmp_path: Path) -> None:
    write(tmp_path / "x_ES.nii.gz", an_image()[0])
    ed = write(tmp_path / "x_ED.nii.gz", an_image()[0])
    assert [(case.name, case.kind) for case in find_cases([ed])] == [("x_ED", "nifti")]


def test_long_axes_are_no_pair(tmp_path: Path) -> None:
    for name in ("x_LA_ED", "x_LA_ES"):
        write(tmp_path / f"{name}.nii.gz", an_image()[0])
    assert {case.kind for case in find_cases([tmp_path])} == {"nifti"}


def test_another_grid_or_several_frames_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "x_ED.nii.gz", an_image()[0])
    write(tmp_path / "x_ES.nii.gz", an_image()[0], AFFINE * 1.1)
    (case,) = find_cases([tmp_path])
    with pytest.raises(GridMismatch):
        read_case(case)
    write(tmp_path / "x_ES.nii.gz", an_image(2))
    with pytest.raises(WrongDimensions):
        read_case(case)
