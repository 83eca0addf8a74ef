"""The other side of `child`: what runs in the child process, under its limits, and writes the answer."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import ShortaxisError

Decoder = Callable[..., Mapping[str, NDArray[np.generic] | str]]

ROOM_FOR_HEADER_BYTES = 64 * 2**20
MESSAGE_LENGTH = 200  # of a decoder's exception; torch's are essays


def serve(request: Mapping[str, Any]) -> None:
    """Run the decoder that `request` names and write its answer to what was stdout.

    The names come from the caller's own code, never from a file.
    """
    with os.fdopen(os.dup(1), "wb") as answer:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)  # so that a decoder that speaks cannot spoil the answer
        module, name = request["decoder"]
        decoder = getattr(importlib.import_module(module), name)
        for wanted in request["preload"]:
            importlib.import_module(wanted)
        limit(request["memory_bytes"])
        answer_with(answer, decoder, Path(request["path"]), request["arguments"])


def answer_with(answer: IO[bytes], decoder: Decoder, path: Path, arguments: Mapping[str, Any]) -> None:
    """What `decoder` makes of the file, or why there is nothing, as `child` reads it."""
    try:
        _write(answer, decoder(path, **arguments))
    except MemoryError:
        _write_header(answer, {"memory": True})
    except ShortaxisError as refusal:
        words = {"expected": refusal.expected, "found": refusal.found, "way_out": refusal.way_out}
        _write_header(answer, {"refusal": {"code": refusal.code, **words}})
    except Exception as problem:  # noqa: BLE001 - whatever a decoder raises is the file's fault, and said so
        _write_header(answer, {"problem": f"{type(problem).__name__}: {_first_line(problem)}"})


def limit(memory_bytes: int) -> None:
    """Bound what this process may allocate from here on, what it may write, and forbid a core dump.

    Without effect where the system has no such limits (Windows) or does not keep them (macOS, for memory).
    """
    try:
        import resource
    except ImportError:
        return
    in_use = 0
    with contextlib.suppress(OSError):
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    bounds = (
        (resource.RLIMIT_AS, in_use + memory_bytes),
        (resource.RLIMIT_FSIZE, memory_bytes + ROOM_FOR_HEADER_BYTES),
        (resource.RLIMIT_CORE, 0),  # a dump would hold the patient's images
    )
    for kind, most in bounds:
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _write(answer: IO[bytes], values: Mapping[str, NDArray[np.generic] | str]) -> None:
    arrays: list[NDArray[np.generic]] = []
    stated: list[dict[str, object]] = []
    for key, value in values.items():
        if isinstance(value, str):
            stated.append({"key": key, "text": value})
            continue
        if value.dtype.kind not in "biufc":
            raise TypeError(f"{key} is of type {value.dtype}, not numeric")
        array = np.ascontiguousarray(value, value.dtype.newbyteorder("=")).reshape(value.shape)
        arrays.append(array)
        stated.append({"key": key, "dtype": array.dtype.str, "shape": list(array.shape)})
    _write_header(answer, {"values": stated})
    for array in arrays:
        answer.write(array.reshape(-1).view(np.uint8).data)


def _write_header(answer: IO[bytes], header: Mapping[str, object]) -> None:
    text = json.dumps(header).encode()
    answer.write(len(text).to_bytes(8, "little") + text)


def _first_line(problem: Exception) -> str:
    line = next(iter(str(problem).strip().splitlines()), "")
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:MESSAGE_LENGTH]
