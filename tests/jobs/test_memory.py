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
from shortaxis.core.errors import DamagedFile, MemoryExhausted, TooLarge
from shortaxis.core.found import Inferred
from shortaxis.files.size import Announced, minding
from shortaxis.jobs import machine_memory
from shortaxis.jobs.memory import GB, MemoryBudget, Needs
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


@pytest.fixture
def heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that take a gigabyte for a sample, on whichever device; a frame of `CINE` is 8 samples."""
    from shortaxis.predict import cost

    answer = Inferred(probs=torch.zeros(1, 4, 32, 32))
    monkeypatch.setattr(cost, "_one_through", lambda *_: (GB, answer))
    monkeypatch.setattr("shortaxis.jobs.memory.frames_at_once", lambda *_: 1)


@pytest.mark.usefixtures("heavy")
def test_networks_take_the_memory_of_the_device_they_are_on(needs: Needs) -> None:
    on_gpu = replace(needs, compute=Compute("cuda", False))
    assert 15 < needs.beside_held(CINE) / GB < 17  # the locator's largest batch is 16 samples of all frames
    assert needs.gpu_bytes(CINE) == 0
    assert on_gpu.beside_held(CINE) < GB
    assert 16 < on_gpu.gpu_bytes(CINE) / GB < 16.01  # and the batch's own images
    assert 8 < on_gpu.gpu_bytes(replace(CINE, shape=(1, 8, 64, 64))) / GB < 8.01
    shared = replace(needs, compute=Compute("mps", False))  # Apple's GPUs compute in main memory
    assert shared.gpu_bytes(CINE) == 0 and shared.beside_held(CINE) == needs.beside_held(CINE)


@pytest.mark.usefixtures("heavy")
def test_a_scan_that_the_gpu_has_no_room_for_is_refused_and_the_refusal_says_whose_memory_it_is(needs: Needs) -> None:
    on_gpu = (replace(needs, compute=Compute("cuda:1", False)),)
    MemoryBudget(100 * GB, 0, on_gpu, gpu_free_bytes=17 * GB).judge(CINE)
    MemoryBudget(None, 0, on_gpu, gpu_free_bytes=None).judge(CINE)
    with pytest.raises(TooLarge, match=r"(?s)at most 15.000 GB of the GPU's memory.*predicted 16.0") as caught:
        MemoryBudget(100 * GB, 0, on_gpu, gpu_free_bytes=15 * GB).judge(CINE)
    assert "--device cpu" in caught.value.way_out
    with pytest.raises(TooLarge, match="GB of main memory"):
        MemoryBudget(1000, 0, on_gpu, gpu_free_bytes=1000).judge(CINE)


def test_what_a_gpu_has_free_is_asked_of_the_gpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_memory.free_gpu_bytes("cpu") is None and machine_memory.free_gpu_bytes("mps") is None
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 5000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 300)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 100)
    assert machine_memory.free_gpu_bytes("cuda:0") == 1200  # what the allocator keeps unused is there too
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: torch.zeros(1).view(2))  # a RuntimeError of torch's
    assert machine_memory.free_gpu_bytes("cuda:0") is None


def test_a_device_without_room_for_one_sample_is_told_by_name(needs: Needs, monkeypatch: pytest.MonkeyPatch) -> None:
    from shortaxis.predict import cost

    def exhausted(*_: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(cost, "_one_through", exhausted)
    with pytest.raises(MemoryExhausted, match="one sample of the stage"):
        replace(needs, compute=Compute("cuda", False)).beside_held(CINE)


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
    assert re.fullmatch(r"predicted \d+\.\d{3} GB of main memory for 40 frames of 6 x 180 x 150 voxels", found)
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
