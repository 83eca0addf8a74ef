"""Foreign weights come over as tensors under their own keys; what would run code is refused and does not run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from shortaxis.cli.main import status_of
from shortaxis.core.errors import BadWeights, DamagedFile, MissingFile, OutputExists, UnknownFormat
from shortaxis.files.foreign_weights import convert_weights, decode_pth

WEIGHTS = {
    "features.0.weight": torch.arange(12.0).reshape(3, 4),
    "features.0.bias": torch.tensor([1, 2, 3]),
    "half": torch.tensor([0.5], dtype=torch.float16),
}


@pytest.fixture
def wrapped(tmp_path: Path) -> Path:
    path = tmp_path / "vgg16.pth"
    torch.save({"epoch": 3, "state_dict": WEIGHTS, "optimizer": {"lr": 0.1}}, path)
    return path


def test_the_weights_keep_their_keys_types_and_values(wrapped: Path, tmp_path: Path) -> None:
    shapes = convert_weights(wrapped, tmp_path / "out.safetensors", overwrite=False)
    assert shapes == {"features.0.weight": (3, 4), "features.0.bias": (3,), "half": (1,)}
    loaded = load_file(tmp_path / "out.safetensors")
    assert set(loaded) == set(WEIGHTS)
    for key, value in WEIGHTS.items():
        assert loaded[key].dtype == value.dtype and torch.equal(loaded[key], value)


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (WEIGHTS, set(WEIGHTS)),
        ({"model": {"state_dict": WEIGHTS}}, set(WEIGHTS)),
        ({"encoder": {"conv": WEIGHTS["half"]}, "note": "text"}, {"encoder.conv"}),
        ({"model": "resnet", "w": WEIGHTS["half"]}, {"w"}),  # a name, not the weights
    ],
)
def test_weights_are_found_in_what_scripts_put_around_them(tmp_path: Path, content: object, keys: set[str]) -> None:
    torch.save(content, tmp_path / "a.pth")
    assert set(decode_pth(tmp_path / "a.pth")) == keys


def test_bfloat16_becomes_float32_and_views_are_copied_out(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    torch.save({"view": whole[1:3], "brain": torch.tensor([1.5], dtype=torch.bfloat16)}, tmp_path / "a.pth")
    arrays = decode_pth(tmp_path / "a.pth")
    assert arrays["view"].tolist() == [1.0, 2.0] and arrays["brain"].tolist() == [1.5]
    assert arrays["brain"].dtype.name == "float32"


class Payload:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_payload_is_refused_and_does_not_run(tmp_path: Path, zipped: bool) -> None:
    canary, path = tmp_path / "canary", tmp_path / "a.pth"
    torch.save({"w": torch.ones(1), "x": Payload(canary)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(BadWeights, match="mkdir") as refusal:
        convert_weights(path, tmp_path / "out.safetensors", overwrite=False)
    assert refusal.value.path == path
    assert not canary.exists() and not (tmp_path / "out.safetensors").exists()
    torch.load(path, weights_only=False)  # what it would have done
    assert canary.exists()


def test_a_file_without_tensors_and_a_damaged_one_are_refused(tmp_path: Path, wrapped: Path) -> None:
    torch.save({"epoch": 1}, tmp_path / "empty.pth")
    with pytest.raises(BadWeights, match="without any"):
        decode_pth(tmp_path / "empty.pth")
    (tmp_path / "cut.pth").write_bytes(wrapped.read_bytes()[:300])
    with pytest.raises((DamagedFile, BadWeights)):
        convert_weights(tmp_path / "cut.pth", tmp_path / "out.safetensors", overwrite=False)


def test_paths_that_will_not_do_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        convert_weights(tmp_path / "none.pth", tmp_path / "out.safetensors", overwrite=False)
    with pytest.raises(UnknownFormat):
        convert_weights(tmp_path / "none.pth", tmp_path / "out.pth", overwrite=False)
    (tmp_path / "out.safetensors").write_text("earlier")
    with pytest.raises(OutputExists):
        convert_weights(tmp_path / "none.pth", tmp_path / "out.safetensors", overwrite=False)


def test_the_command_prints_keys_and_shapes(wrapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["convert-weights", str(wrapped), "--out", str(tmp_path / "out.safetensors")]) == 0
    assert "features.0.weight  3 x 4\n" in capsys.readouterr().out
