"""How large a scan is, told before a voxel of it is allocated, to whoever minds the memory.

As `trust` it is in force for a block of code: whichever reader stands before the gate, the one who called it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Announced:
    """What a header says of a scan.

    Attributes:
        shape: frames, slices, rows, columns.
        voxel_bytes: of a voxel in memory.
        reading_bytes: the most that reading it holds at a time, its voxels among it; 0 where it is read already.
        is_written_back: whether the outputs repeat the image beside the mask, as those of DICOM do.
        path: of the scan, for a refusal.
    """

    shape: tuple[int, int, int, int]
    voxel_bytes: int
    reading_bytes: int
    is_written_back: bool = False
    path: Path | None = None

    @property
    def n_voxels(self) -> int:
        return math.prod(self.shape)


Judge = Callable[[Announced], None]
_IN_FORCE: ContextVar[Judge | None] = ContextVar("judge", default=None)


def announce(size: Announced) -> None:
    """Tell whoever minds the memory; raises TooLarge where that is too much, and does nothing outside `minding`."""
    judge = _IN_FORCE.get()
    if judge is not None:
        judge(size)


@contextmanager
def minding(judge: Judge) -> Iterator[None]:
    """Inside this block every scan is announced to `judge` before it is read, and may be refused by it."""
    token = _IN_FORCE.set(judge)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)
