"""A run's files name cases by slugs, and never take two patients for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.core.labels import ACDC
from shortaxis.jobs import training_cases as module
from shortaxis.train.run import TrainingCase


def no_scan() -> None:
    raise AssertionError("names are asked for, no scan")


def test_names_become_slugs_and_stay_different(monkeypatch: pytest.MonkeyPatch) -> None:
    named = [("Jane Doe 1", "Jane Doe"), ("Jane Doe 2", "Jane Doe"), ("心脏", "心脏"), ("患者", "患者"), ("p4", "p4")]
    cases = [TrainingCase(case, patient, no_scan) for case, patient in named]  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(module, "_acdc", lambda data, scheme: cases)
    found = module.training_cases(Path("nowhere"), "acdc", ACDC)
    assert [case.name for case in found] == ["Jane-Doe-1", "Jane-Doe-2", "case", "case-2", "p4"]
    assert [case.patient for case in found] == ["Jane-Doe", "Jane-Doe", "case", "case-2", "p4"]
