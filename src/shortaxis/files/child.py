"""Decoders that may crash, hang or swell run in a process of their own; only numbers and text come back.

The child is a fresh interpreter, never a fork: it holds none of the caller's threads, and it does not run the caller's
script again. It gets its request as JSON on stdin and answers into an unnamed temporary file, as a JSON header followed
by the arrays' raw bytes (`child_side` writes it). Nothing that comes back is unpickled or evaluated.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import DamagedFile, DecoderCrashed, DecoderTimedOut, TooLarge, every_error

Value = NDArray[np.generic] | str
Decoder = Callable[..., Mapping[str, Value]]

HEADER_LIMIT_BYTES = 16 * 2**20
_START = (
    "import json, sys; request = json.load(sys.stdin); sys.path[:] = request['sys_path']; "
    "from shortaxis.files.child_side import serve; serve(request)"
)
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_PLAIN_DTYPE = re.compile(r"[<>|][biufc]\d{1,2}")  # numbers only: no objects, no records
_WAY_OUT = "copy the file again from its source, or save it anew with the program that made it"


@dataclass(frozen=True)
class Limits:
    """What a child may use.

    Attributes:
        memory_bytes: address space beyond what the interpreter and the decoder's modules take (Linux; elsewhere the
            system decides), and the most the answer may hold.
        seconds: wall clock, imports included.
    """

    memory_bytes: int = 4 * 2**30
    seconds: float = 120.0


DEFAULT_LIMITS = Limits()


def run_in_child(
    decoder: Decoder,
    path: Path,
    limits: Limits = DEFAULT_LIMITS,
    preload: Sequence[str] = (),
    **arguments: object,
) -> dict[str, Value]:
    """What `decoder(path, **arguments)` returns, computed in a process of its own.

    Args:
        decoder: a function at the top level of an importable module, from names to numeric arrays and text.
        path: the file to decode; every refusal names it.
        limits: memory and time.
        preload: modules to import before the memory is limited, because importing alone takes much address space.
        arguments: further arguments that JSON can say.

    Returns:
        The decoder's mapping; arrays are in C order, native and writable.

    Raises:
        DecoderCrashed: the process ended by a signal, or without an answer.
        DecoderTimedOut: it took longer than `limits.seconds`.
        TooLarge: it asked for more memory than allowed.
        DamagedFile: the decoder raised an exception of its own.
        ShortaxisError: the refusal that the decoder raised.
    """
    if "<" in decoder.__qualname__ or decoder.__module__ == "__main__":
        raise ValueError(f"a child process cannot import {decoder.__module__}.{decoder.__qualname__}")
    request = {
        "decoder": [decoder.__module__, decoder.__qualname__],
        "path": os.fspath(path.absolute()),
        "arguments": arguments,
        "preload": list(preload),
        "memory_bytes": limits.memory_bytes,
        "sys_path": sys.path,
    }
    with tempfile.TemporaryFile() as answer:
        status = _run(json.dumps(request).encode(), answer, limits.seconds, path)
        answer.seek(0)
        return read_answer(answer, status, limits, path)


def _run(request: bytes, answer: IO[bytes], seconds: float, path: Path) -> int:
    """The child's exit status, negative where a signal ended it."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _START],
        stdin=subprocess.PIPE,
        stdout=answer,
        stderr=subprocess.DEVNULL,  # what a decoder says there may quote the file's content
        env={**os.environ, **_ONE_THREAD},
        start_new_session=True,  # Ctrl-C reaches the caller, who then ends the child
    )
    try:
        child.communicate(request, timeout=seconds)
    except subprocess.TimeoutExpired as problem:
        expected, found = f"a file that is decoded within {seconds:g} seconds", "a decoder still at work"
        raise DecoderTimedOut(expected, found, _WAY_OUT, path) from problem
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    return child.returncode


def read_answer(answer: IO[bytes], status: int, limits: Limits, path: Path) -> dict[str, Value]:
    """What a child that ended with `status` left in `answer`. Raises what `run_in_child` raises."""
    header, n_bytes = _header(answer)
    if status or header is None:
        how = f"it was ended by {_signal_name(-status)}" if status < 0 else f"it ended with status {status}, unanswered"
        raise DecoderCrashed("a file that the decoder survives", how, _WAY_OUT, path)
    if header.get("memory"):
        expected = f"a file that is decoded within {limits.memory_bytes} bytes of memory"
        raise TooLarge(expected, "a decoder that asked for more", "crop the file or raise the budget", path)
    if problem := header.get("problem"):
        raise DamagedFile("a file that can be decoded", str(problem), _WAY_OUT, path)
    if refusal := header.get("refusal"):
        kind = next((kind for kind in every_error() if kind.code == refusal["code"]), DamagedFile)
        raise kind(str(refusal["expected"]), str(refusal["found"]), str(refusal["way_out"]), path)
    try:
        return _values(answer, header["values"], n_bytes)
    except (KeyError, TypeError, ValueError) as fault:
        found = f"an answer that cannot be read ({type(fault).__name__})"
        raise DecoderCrashed("a file that the decoder survives", found, _WAY_OUT, path) from fault


def _header(answer: IO[bytes]) -> tuple[dict[str, Any] | None, int]:
    """The answer's JSON header, and how many bytes follow it; None where there is none."""
    total = os.fstat(answer.fileno()).st_size
    size = int.from_bytes(answer.read(8), "little")
    if not 2 <= size <= min(HEADER_LIMIT_BYTES, total - 8):
        return None, 0
    try:
        header = json.loads(answer.read(size))
    except (ValueError, RecursionError):
        return None, 0
    return (header, total - 8 - size) if isinstance(header, dict) else (None, 0)


def _values(answer: IO[bytes], stated: Sequence[Mapping[str, Any]], n_bytes: int) -> dict[str, Value]:
    """Text and arrays as the header states them; ValueError where its sizes and the bytes that follow disagree."""
    values: dict[str, Value] = {}
    for entry in stated:
        key = str(entry["key"])
        if "text" in entry:
            values[key] = str(entry["text"])
            continue
        shape = tuple(int(length) for length in entry["shape"])
        if not _PLAIN_DTYPE.fullmatch(entry["dtype"]) or any(length < 0 for length in shape):
            raise ValueError("an array that is no plain array of numbers")
        dtype = np.dtype(entry["dtype"])
        wanted = math.prod(shape) * dtype.itemsize
        if wanted > n_bytes:
            raise ValueError("fewer bytes than the header states")
        n_bytes -= wanted
        values[key] = np.frombuffer(bytearray(answer.read(wanted)), dtype).reshape(shape)
    if n_bytes:
        raise ValueError("more bytes than the header states")
    return values


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
