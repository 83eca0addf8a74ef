"""Two processes under torchrun's variables train one network."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from shortaxis.core.labels import ACDC
from shortaxis.train.distributed import any_process, of_first_process, process_group, rank_and_world, shared
from shortaxis.train.loop import fit
from tests.train.runs import EXAMPLES, PLAIN, run_in

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes have trained."""
    where = tmp_path_factory.mktemp("together")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    command = [sys.executable, "-m", "tests.train.runs", "together", str(where)]
    both = [
        subprocess.Popen(command, cwd=ROOT, env={**os.environ, **group, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(2)
    ]
    try:
        assert [process.wait(timeout=300) for process in both] == [0, 0]
    finally:
        for process in both:
            process.kill()
    return where


@pytest.mark.parametrize("name", ["plain", "full", "passes"])
def test_both_processes_end_with_the_same_weights(name: str, folder: Path) -> None:
    one, two = (load_file(folder / f"{name}-{rank}.safetensors") for rank in range(2))
    assert all(torch.equal(value, two[key]) for key, value in one.items() if "running" not in key)


def test_two_processes_do_what_one_does_with_the_same_batches(folder: Path, tmp_path: Path) -> None:
    alone = fit(PLAIN, ACDC, EXAMPLES, [], run_in(tmp_path)).net
    together = load_file(folder / "plain-0.safetensors")
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-3, atol=1e-4)


def test_what_follows_from_validation_is_the_same_in_both(folder: Path) -> None:
    one, two = (json.loads((folder / f"facts-{rank}.json").read_text()) for rank in range(2))
    assert one["full"]["losses"] == two["full"]["losses"] and len(one["full"]["losses"]) == 3


def test_all_stop_when_one_is_asked_to(folder: Path) -> None:
    one, two = (json.loads((folder / f"facts-{rank}.json").read_text()) for rank in range(2))
    assert one["full"]["step"] == two["full"]["step"] == 7


def test_only_the_first_reports_and_records(folder: Path) -> None:
    two = json.loads((folder / "facts-1.json").read_text())
    assert two["plain"]["reported"] == 0
    assert len((folder / "plain" / "record.jsonl").read_text().splitlines()) == PLAIN.fit.steps


def test_alone_nothing_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    net = torch.nn.Linear(1, 1)
    with process_group():
        assert rank_and_world() == (0, 1)
        assert shared(net, "cpu") is net
        assert any_process(True, "cpu") and not any_process(False, "cpu")
        assert of_first_process(0.1, "cpu") == 0.1
