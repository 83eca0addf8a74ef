"""What `segment` will take is told from the header, and a scan that is too large is refused before it is read."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from shortaxis.cli.main import status_of
from shortaxis.core.compute import Compute
from shortaxis.core.errors import DamagedFile, TooLarge
from shortaxis.core.found import Inferred
from shortaxis.files.size import Announced, minding
from shortaxis.jobs import machine_memory
from shortaxis.jobs.memory import MemoryBudget, Needs
from shortaxis.jobs.model_choice import ModelChoice, NamedModel, choose_models
from shortaxis.pipeline import SegmentOptions, segment, segment_cohort
from shortaxis.read.find import only_study
from tests.lookalike.nifti_files import an_image, rewrite, write

CPU = Compute("cpu", False)
CINE = Announced((10, 8, 64, 64), 2, 0)


@pytest.fixture(scope="module")
def models(trained: Path) -> ModelChoice:
    return choose_models(str(trained / "fold-0" / "model.safetensors"), None, CPU)


@pytest.fixture
def needs(models: ModelChoice) -> Needs:
    return Needs(next(iter(models.by_modality.values())).model, CPU)


# --- what a model needs -------------------------------------------------------------------------------------------------
def test_of_large_cines_the_image_its_labels_and_a_mask_written_and_read_back_are_counted(needs: Needs) -> None:
    one, two = (needs.beside_held(replace(CINE, shape=(frames, 8, 64, 64))) for frames in (10_000, 20_000))
    assert two - one == 10_000 * 8 * 64 * 64 * (2 + 1 + 2)  # image, labels, and of a mask two copies


def test_an_image_that_is_written_back_takes_more_and_so_do_variances(needs: Needs) -> None:
    large = replace(CINE, shape=(10_000, 8, 64, 64))
    assert needs.beside_held(replace(large, is_written_back=True)) > needs.beside_held(large)
    assert replace(needs, mc_samples=4).beside_held(large) > needs.beside_held(large)


def test_a_gpu_s_networks_take_no_main_memory(needs: Needs, monkeypatch: pytest.MonkeyPatch) -> None:
    from shortaxis.predict import cost

    answer = Inferred(probs=torch.zeros(1, 4, 32, 32))
    monkeypatch.setattr(cost, "_one_through", lambda *_: (10**9, answer))
    monkeypatch.setattr("shortaxis.jobs.memory.frames_at_once", lambda *_: 1)
    on_cpu = needs.beside_held(CINE)
    assert on_cpu - replace(needs, compute=Compute("cuda", False)).beside_held(CINE) > 10**9


def test_the_networks_are_weighed_by_what_they_make(needs: Needs) -> None:
    from shortaxis.predict.cost import _Watch

    with _Watch() as watch:
        made = torch.zeros(1000) + 1  # two tensors of 4000 bytes
        assert watch.peak == 8000
        del made
        torch.zeros(500)
    assert watch.peak == 8000 and watch.now <= 4000


# --- the refusal --------------------------------------------------------------------------------------------------------
def test_a_scan_over_the_budget_is_refused_with_the_predicted_figure_and_the_others_go_on(
    trained: Path, tmp_path: Path
) -> None:
    small, large = write(tmp_path / "small.nii.gz", an_image(2)), tmp_path / "large.nii.gz"
    write(large, np.tile(an_image(2), (20, 2, 30, 30)))
    options = SegmentOptions(model=str(trained / "fold-0" / "model.safetensors"), memory_budget_gb=0.001, device="cpu")
    result = segment_cohort([small, large], tmp_path / "out", options)
    assert {type(refusal) for refusal in result.failed.values()} == {TooLarge}
    found = result.failed["large"].found
    assert re.fullmatch(r"predicted \d+\.\d{3} GB for 40 frames of 6 x 180 x 150 voxels", found)
    assert not (tmp_path / "out" / "large").exists()


def test_without_a_budget_the_machine_s_own_memory_decides(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.nii.gz", an_image(2))
    monkeypatch.setattr("shortaxis.jobs.memory.usable_bytes", lambda: 1000)
    with pytest.raises(TooLarge, match="at most 0.000 GB"):
        segment(path, model=str(trained / "fold-0" / "model.safetensors"), device="cpu")


def test_where_the_system_does_not_say_nothing_is_refused(models: ModelChoice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shortaxis.jobs.memory.usable_bytes", lambda: None)
    MemoryBudget.of(models, CPU, None, None, False).judge(replace(CINE, shape=(10**6, 100, 1000, 1000)))


def test_a_study_that_no_header_announced_is_judged_once_it_is_read(models: ModelChoice, tmp_path: Path) -> None:
    study = only_study(write(tmp_path / "a.nii", an_image(2)))
    named: NamedModel = next(iter(models.by_modality.values()))
    MemoryBudget.of(models, CPU, 100.0, None, False).judge_read(study, named.model)
    with pytest.raises(TooLarge):
        MemoryBudget.of(models, CPU, 0.001, None, False).judge_read(study, named.model)


def test_the_command_line_takes_the_budget(trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "a.nii.gz", an_image(2))
    words = [
        "segment",
        str(path),
        "--out",
        str(tmp_path / "out"),
        "--model",
        str(trained / "fold-0" / "model.safetensors"),
    ]
    assert status_of([*words, "--memory-budget-gb", "0.001"]) != 0
    assert "SA-E004" in "".join(capfd.readouterr())


# --- what the machine has -----------------------------------------------------------------------------------------------
def test_what_this_process_holds_grows_with_what_it_takes() -> None:
    before = machine_memory.resident_bytes()
    held = np.ones(2**24)
    assert machine_memory.resident_bytes() - before > 0.9 * held.nbytes


@pytest.mark.parametrize(("limit", "left"), [("max", 900 * 1024), ("500000", 500_000 - 300_000 + 50_000)])
def test_a_container_s_limit_counts_and_its_cached_files_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, left: int
) -> None:
    proc, group = tmp_path / "proc", tmp_path / "cgroup" / "pod" / "job"
    (proc / "self").mkdir(parents=True)
    group.mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 5000 kB\nMemAvailable: 900 kB\n")
    (proc / "self" / "cgroup").write_text("0::/pod/job\n")
    (proc / "self" / "statm").write_text("10 0 0")
    (group.parent / "memory.max").write_text(limit)  # of the group above
    (group.parent / "memory.current").write_text("300000")
    (group.parent / "memory.stat").write_text("anon 1\ninactive_file 50000\n")
    monkeypatch.setattr(machine_memory, "_PROC", proc)
    monkeypatch.setattr(machine_memory, "_CGROUP", tmp_path / "cgroup")
    assert machine_memory.usable_bytes() == left


def test_a_header_that_lies_is_damage_and_no_matter_of_memory(tmp_path: Path) -> None:
    path = rewrite(write(tmp_path / "a.nii", an_image(2)), dim=[4, 32000, 32000, 32000, 100, 1, 1, 1])
    with minding(lambda size: None), pytest.raises(DamagedFile):
        only_study(path)
