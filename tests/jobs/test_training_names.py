"""A run's files name cases by slugs, and never take two patients for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import ACDC
from shortaxis.jobs import training_cases as module
from shortaxis.jobs.train_method import TrainOptions, train_method
from shortaxis.jobs.training_cases import Naming
from shortaxis.train.run import TrainingCase
from tests.lookalike.nifti_files import an_image, write


def no_scan() -> None:
    raise AssertionError("names are asked for, no scan")


def test_names_become_slugs_and_stay_different(monkeypatch: pytest.MonkeyPatch) -> None:
    named = [("Jane Doe 1", "Jane Doe"), ("Jane Doe 2", "Jane Doe"), ("心脏", "心脏"), ("患者", "患者"), ("p4", "p4")]
    cases = [TrainingCase(case, patient, no_scan) for case, patient in named]  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(module, "_acdc", lambda data, scheme: cases)
    found = module.training_cases(Path("nowhere"), "acdc", ACDC)
    assert [case.name for case in found] == ["Jane-Doe-1", "Jane-Doe-2", "case", "case-2", "p4"]
    assert [case.patient for case in found] == ["Jane-Doe", "Jane-Doe", "case", "case-2", "p4"]


def test_a_labelled_folder_s_own_names_are_given_as_patterns(tmp_path: Path) -> None:
    for visit in ("7_visit1", "7_visit2", "8_visit1"):
        write(tmp_path / visit / "sa.nii.gz", an_image()[0])
        write(tmp_path / visit / "truth.nii.gz", an_image()[0] % 4)
    naming = Naming("*/sa.nii.gz", "truth.nii.gz", "_visit")
    cases = module.training_cases(tmp_path, "labelled", ACDC, naming)
    assert [(case.name, case.patient) for case in cases] == [
        ("7_visit1-sa", "7"),
        ("7_visit2-sa", "7"),
        ("8_visit1-sa", "8"),
    ]


def test_a_data_set_s_names_are_its_own(tmp_path: Path) -> None:
    options = TrainOptions(naming=Naming("*/sa.nii.gz", "truth.nii.gz"))
    with pytest.raises(BadConfiguration, match="acdc, which has its own"):
        train_method("unet", tmp_path, "acdc", tmp_path / "out", options)
