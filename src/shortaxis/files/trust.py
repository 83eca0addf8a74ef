"""What the user vouches for: the few faults of a file that are refused unless somebody who knows it says otherwise.

It is in force for a block of code and not handed from function to function, so that one gate asks it, whichever reader
stands before the gate, and a reader written later cannot forget it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

OrientationFrom = Literal["qform", "sform"]


@dataclass(frozen=True)
class Trust:
    """What is taken on the user's word.

    Attributes:
        fill_nonfinite: voxels that are NaN or infinite become 0, and a note says how many.
        orientation_from: which of a NIfTI header's two orientations is right where they disagree.
    """

    fill_nonfinite: bool = False
    orientation_from: OrientationFrom | None = None


NOTHING = Trust()
_IN_FORCE: ContextVar[Trust] = ContextVar("trust", default=NOTHING)


def trust_in_force() -> Trust:
    """What the user vouches for just now; nothing outside `trusting`."""
    return _IN_FORCE.get()


@contextmanager
def trusting(trust: Trust) -> Iterator[None]:
    """Files that are read inside this block are read on the user's word."""
    token = _IN_FORCE.set(trust)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)
