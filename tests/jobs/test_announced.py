"""Models that installed packages announce: found by name, passed over where the file is gone, broken ones refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from shortaxis.core.errors import BadWeights
from shortaxis.jobs import announced
from shortaxis.jobs.announced import announced_files


@dataclass(frozen=True)
class Point:
    """An entry point of a package; without a file its module is broken."""

    name: str
    path: Path | None

    @property
    def value(self) -> str:
        return f"weights_of_ours:{self.name}"

    def load(self) -> Callable[[], Path]:
        if self.path is None:
            raise AttributeError(f"module 'weights_of_ours' has no attribute {self.name!r}")
        path = self.path
        return lambda: path


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two models of which one file is gone, and one package that is broken."""
    here = tmp_path / "here.safetensors"
    here.touch()
    points = [Point("here", here), Point("gone", tmp_path / "gone.safetensors"), Point("broken", None)]
    monkeypatch.setattr(announced, "entry_points", lambda group: points)
    return here


def test_a_model_is_found_by_its_name_whatever_else_is_installed(packages: Path) -> None:
    assert list(announced_files("here")) == [("here", packages)]
    assert list(announced_files("stranger")) == []


@pytest.mark.usefixtures("packages")
def test_a_model_whose_file_is_gone_is_none() -> None:
    assert list(announced_files("gone")) == []


@pytest.mark.usefixtures("packages")
def test_a_broken_package_is_named_with_what_to_do_about_it() -> None:
    with pytest.raises(BadWeights, match=r"has no attribute 'broken'[\s\S]*weights_of_ours:broken"):
        list(announced_files())
