"""A model's peak memory is measured in a process of its own, which may die."""

from __future__ import annotations

import os
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from shortaxis.core.compute import Compute
from shortaxis.experiments.compare import cost
from tests.lookalike.ring_study import ring_study


def die(_: Connection) -> None:
    """As if a signal to the whole group had ended the child before it read a word."""
    os._exit(9)


def test_a_measuring_process_that_dies_before_it_reads_leaves_no_figure_and_no_hang(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not cost.STATUS.is_file():
        pytest.skip("this system has no /proc")
    monkeypatch.setattr(cost, "_segment_and_tell", die)
    study = ring_study()
    large = replace(study, image=study.image.repeat(200, axis=0))  # no pipe holds it
    found = cost.peak_memory(Path("model.safetensors"), large, Compute("cpu", bfloat16=False))
    assert found["peak_mib"] is None and "ended" in found["reason"]
