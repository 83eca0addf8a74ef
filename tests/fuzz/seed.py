"""A sound file to spoil: where its mutants are put, what opens them, and what an accepted one must still say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fuzz.mutate import BINARY, Mutator

Said = Mapping[str, str]  # by name, a digest of each value that was read


@dataclass(frozen=True)
class Seed:
    """One file that mutants are made of.

    Attributes:
        path: where a mutant is written; files beside it that the reader needs lie there already.
        content: the sound file.
        opens: reads what lies at `path` and says what it read.
        plain: ways to spoil the bytes as they lie on disk.
        rewrapped: ways to spoil what is inside a checksum, which is then made to fit.
        is_checksummed: whether a plain mutant that is accepted must say nothing but what the sound file says.
        weight: how often it is chosen among its format's seeds.
    """

    path: Path
    content: bytes
    opens: Callable[[Path], Said]
    plain: Sequence[Mutator] = BINARY
    rewrapped: Sequence[Mutator] = ()
    is_checksummed: bool = False
    weight: int = 1


def digest(value: NDArray[np.generic] | str | bytes | object) -> str:
    """A short hash of a value: of an array its type, shape and bytes."""
    if isinstance(value, np.ndarray):
        value = str((value.dtype.str, value.shape)).encode() + np.ascontiguousarray(value).tobytes()
    content = value if isinstance(value, bytes) else repr(value).encode(errors="surrogatepass")
    return hashlib.sha256(content).hexdigest()[:16]
