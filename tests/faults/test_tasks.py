"""Tasks that write several files: on a disk that fills up each file is the earlier one or the new one, and none is half."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from shortaxis.core.errors import WriteFailed
from shortaxis.files.writer import write_csv, write_json
from shortaxis.pipeline import (
    agree_folders,
    evaluate_folders,
    evaluate_protocol,
    measure_files,
    write_phantom,
)
from shortaxis.read.phantom import PhantomRecipe
from tests.faults import tally
from tests.faults.disk import dev_full, files_below
from tests.lookalike.acdc_tree import make_acdc_tree

CUTS, A_FEW = 50, 2


@dataclass(frozen=True)
class Task:
    """A public function that writes several files into `out`, from scans in `scans`."""

    name: str
    run: Callable[[Path, Path], object]


def patient(scans: Path) -> Path:
    return scans / "training/patient001/patient001_frame01.nii.gz"


TASKS = (
    Task("phantom", lambda scans, out: write_phantom(PhantomRecipe(frames=2, slices=4), out, overwrite=True)),
    Task("evaluate", lambda scans, out: evaluate_folders(scans, scans, out, overwrite=True)),
    Task("protocol", lambda scans, out: evaluate_protocol("acdc", scans, scans, out, overwrite=True)),
    Task("agree", lambda scans, out: agree_folders(scans, scans, out, overwrite=True)),
    Task(
        "measure",
        lambda scans, out: measure_files(
            patient(scans), patient(scans).with_name("patient001_frame01_gt.nii.gz"), out, overwrite=True
        ),
    ),
)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    make_acdc_tree(tmp_path / "scans", 1)
    return tmp_path / "scans"


def broken_at(n_cuts: int, task: Task, scans: Path, out: Path) -> None:
    task.run(scans, out)
    whole = files_below(out)
    total = sum(map(len, whole.values()))
    for number in range(n_cuts):
        earlier = {name: b"earlier: " + name.encode() for name in whole}
        for name, content in earlier.items():
            (out / name).write_bytes(content)
        with dev_full(out, number * (total - 1) // (n_cuts - 1)), pytest.raises(WriteFailed) as caught:
            task.run(scans, out)
        assert caught.value.code == "SA-E006"
        found = files_below(out)
        assert set(found) == set(whole), "a file too many, or one too few"
        assert all(content in (whole[name], earlier[name]) for name, content in found.items())
        tally.count("cuts (tasks of several files)", task.name, "dev-full")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_file_of_a_task_is_the_old_or_the_new_one(task: Task, scans: Path, tmp_path: Path) -> None:
    broken_at(A_FEW, task, scans, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_it_is_so_wherever_the_disk_is_full(task: Task, scans: Path, tmp_path: Path) -> None:
    broken_at(CUTS, task, scans, tmp_path / "out")


def test_a_value_that_cannot_be_said_leaves_the_earlier_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("earlier")
    for act in (
        lambda: write_json(tmp_path / "a", {"ef": float("nan")}),
        lambda: write_csv(tmp_path / "a", [{"ef": float("nan")}]),
    ):
        with pytest.raises(WriteFailed):
            act()
    assert files_below(tmp_path) == {"a": b"earlier"}
    shutil.rmtree(tmp_path)
