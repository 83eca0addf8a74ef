"""Grids, studies, batches and devices: what the words mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shortaxis.core.compute import Compute, choose_compute
from shortaxis.core.errors import DeviceMissing
from shortaxis.core.place import Place
from shortaxis.core.sample import Field, Sample, collate
from shortaxis.core.study import Grid, Note
from tests.lookalike.ring_study import ring_study


def test_a_voxels_volume_counts_the_gap_to_the_next_slice() -> None:
    grid = Grid((8, 200, 200), np.eye(4), (10.0, 1.5, 1.25))
    assert grid.voxel_ml == pytest.approx(10 * 1.5 * 1.25 / 1000)
    assert grid.pixel_mm == (1.5, 1.25)


def test_an_unknown_spacing_has_no_volume() -> None:
    grid = Grid((8, 200, 200), np.eye(4), None)
    assert grid.voxel_ml is None and grid.pixel_mm is None


def test_notes_are_added_and_the_study_stays() -> None:
    study = ring_study(n_frames=3)
    noted = study.with_notes(Note("SA-W001", "a"), Note("SA-W002", "b")).with_notes(Note("SA-W003", "c"))
    assert [note.code for note in noted.notes] == ["SA-W001", "SA-W002", "SA-W003"]
    assert study.notes == () and noted.image is study.image and noted.n_frames == 3


def test_a_batch_has_integers_as_int64_and_numbers_as_float32() -> None:
    sample = Sample(
        np.ones((1, 3, 4), np.float32)[:, ::-1],  # a mirrored view, as orienting gives
        Place(0, (0,)),
        {
            "labels": Field(np.ones((3, 4), np.uint8), "nearest"),
            "mask": Field(np.ones((3, 4), bool), "nearest"),
            "distance": Field(np.ones((3, 4), np.float64), "linear"),
        },
        {"centre": np.array([[1.0, 2.0]])},
    )
    batch = collate([sample, sample])
    assert batch.image.shape == (2, 1, 3, 4) and batch.points["centre"].shape == (2, 1, 2)
    kinds = {name: tensor.dtype for name, tensor in batch.fields.items()}
    assert kinds == {"labels": torch.int64, "mask": torch.int64, "distance": torch.float32}
    assert batch.image.dtype == batch.points["centre"].dtype == torch.float32
    assert batch.to("cpu").fields["labels"].shape == (2, 3, 4)


def test_a_device_is_chosen_or_refused_by_name() -> None:
    assert choose_compute("cpu", "float32") == Compute("cpu", False)
    assert choose_compute("cpu", "bfloat16").bfloat16
    with pytest.raises(DeviceMissing, match="tpu"):
        choose_compute("tpu")
    for name in ("cpu:7", "cuda:x", "cuda:", "cudatron"):
        with pytest.raises(DeviceMissing, match="choose one of these"):
            choose_compute(name)
    with pytest.raises(DeviceMissing):
        choose_compute("cuda:99")
    if not torch.cuda.is_available():
        assert choose_compute("auto").device == "cpu"
        with pytest.raises(DeviceMissing, match="--device cpu"):
            choose_compute("cuda")


def test_a_gpu_beyond_those_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_compute("cuda:1", "float32").device == "cuda:1"
    with pytest.raises(DeviceMissing, match="cuda:0 to cuda:1"):
        choose_compute("cuda:2")


def test_flat_networks_get_channels_last_and_volumes_do_not() -> None:
    compute = Compute("cpu", False)
    flat = compute.place(torch.nn.Conv2d(2, 3, 3))
    assert next(flat.parameters()).is_contiguous(memory_format=torch.channels_last)
    assert next(compute.place(torch.nn.Conv3d(2, 3, 3)).parameters()).is_contiguous()
    assert compute.image(torch.zeros(2, 3, 4, 4)).is_contiguous(memory_format=torch.channels_last)


def test_bfloat16_runs_where_it_is_asked_for() -> None:
    net = torch.nn.Conv2d(1, 1, 1)
    for wanted, kind in ((True, torch.bfloat16), (False, torch.float32)):
        with Compute("cpu", wanted).autocast():
            assert net(torch.zeros(1, 1, 2, 2)).dtype == kind
