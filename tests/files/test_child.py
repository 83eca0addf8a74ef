"""A decoder's crash, hang or hunger is one typed refusal here, and nothing but numbers and text comes back."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import DamagedFile, DecoderCrashed, DecoderTimedOut, TooLarge, UnknownFormat
from shortaxis.files import child
from shortaxis.files.child import Limits, run_in_child
from tests.lookalike import decoders

FILE = Path("scan.mat")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a limit of memory")


def test_arrays_and_text_come_back_as_they_were_native_and_writable() -> None:
    values = run_in_child(decoders.several_kinds, FILE, factor=2)
    assert list(values) == ["name", "swapped", "truth", "empty", "wave"] and values["name"] == "scan.mat"
    swapped, truth, empty, wave = (values[key] for key in ("swapped", "truth", "empty", "wave"))
    assert isinstance(swapped, np.ndarray) and swapped.tolist() == [[2, 8], [4, 10], [6, 12]]
    assert swapped.dtype == np.int32 and swapped.dtype.isnative and swapped.flags.writeable
    assert isinstance(truth, np.ndarray) and truth.shape == () and bool(truth) is True
    assert isinstance(empty, np.ndarray) and empty.shape == (0, 3)
    assert isinstance(wave, np.ndarray) and wave.tolist() == [1 + 2j]


@pytest.mark.parametrize(
    ("decoder", "found"),
    [(decoders.aborts, "SIGABRT"), (decoders.reads_nowhere, "SIGSEGV"), (decoders.leaves, "unanswered")],
)
def test_a_crash_is_a_refusal_that_names_the_file_and_the_signal(decoder: child.Decoder, found: str) -> None:
    with pytest.raises(DecoderCrashed, match=found) as refusal:
        run_in_child(decoder, FILE)
    assert refusal.value.path == FILE


def test_a_decoder_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    really_start = child.subprocess.Popen
    monkeypatch.setattr(child.subprocess, "Popen", lambda *a, **k: started.append(really_start(*a, **k)) or started[-1])
    with pytest.raises(DecoderTimedOut, match=r"within 0\.5 seconds") as refusal:
        run_in_child(decoders.sleeps, FILE, Limits(seconds=0.5))
    assert refusal.value.path == FILE and started[0].poll() is not None


@on_linux
def test_a_decoder_that_asks_for_too_much_memory_is_a_refusal() -> None:
    with pytest.raises(TooLarge, match="268435456 bytes"):
        run_in_child(decoders.swells, FILE, Limits(memory_bytes=2**28))


def test_an_exception_there_is_a_damaged_file_here_in_one_printable_line() -> None:
    with pytest.raises(DamagedFile) as refusal:
        run_in_child(decoders.raises, FILE)
    assert refusal.value.found == "ValueError: an odd ?[31m value" and refusal.value.path == FILE


def test_a_refusal_there_is_the_same_refusal_here() -> None:
    with pytest.raises(UnknownFormat) as refusal:
        run_in_child(decoders.refuses, FILE)
    assert (refusal.value.expected, refusal.value.found, refusal.value.way_out) == ("this", "that", "do so")


def test_objects_do_not_come_back() -> None:
    with pytest.raises(DamagedFile, match="not numeric"):
        run_in_child(decoders.gives_objects, FILE)


def test_a_function_that_a_child_cannot_import_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="cannot import"):
        run_in_child(lambda path: {}, FILE)


@pytest.mark.parametrize(
    "entry",
    [
        {"key": "a", "dtype": "|O8", "shape": [1]},
        {"key": "a", "dtype": "<f8", "shape": [2**60]},
        {"key": "a", "dtype": "<f8", "shape": [-1]},
        {"key": "a", "dtype": "<f8", "shape": [0]},  # leaves eight bytes over
        {"key": "a", "shape": [1]},
        {"dtype": "<f8", "shape": [1]},
        {"key": "a", "dtype": "<f8", "shape": 1},
    ],
)
def test_an_answer_that_lies_about_its_arrays_is_not_believed(entry: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        child._values(io.BytesIO(bytes(8)), [entry], 8)


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, (9).to_bytes(8, "little") + b"{", json.dumps({}).encode()])
def test_an_answer_without_a_header_is_seen(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "answer").write_bytes(content)
    with (tmp_path / "answer").open("rb") as answer:
        assert child._header(answer) == (None, 0)
