"""What of a patient's identity the user asked to keep: nothing, unless tags are named or names asked for.

Like `trust` it is in force for a block of code, so that every reader asks it and none can forget it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from shortaxis.core.errors import UnknownName

TAGS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientAge", "OtherPatientIDs", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "StudyDescription", "SeriesDate", "SeriesDescription", "AcquisitionDate",
    "InstitutionName", "ReferringPhysicianName", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID",
)  # fmt: skip
"""The DICOM attributes that may be kept, by their keywords in the standard; every other one never leaves the reader."""


@dataclass(frozen=True)
class Kept:
    """What is kept of identity.

    Attributes:
        tags: of `TAGS`, in the order asked for.
        names: cases and files keep their own names instead of slugs.
    """

    tags: tuple[str, ...] = ()
    names: bool = False


NOTHING = Kept()
_IN_FORCE: ContextVar[Kept] = ContextVar("kept", default=NOTHING)


def tags_named(texts: Iterable[str]) -> tuple[str, ...]:
    """Keywords as the user gives them, several in one text parted by commas, each once.

    Raises UnknownName with the nearest keyword for one that is not of `TAGS`.
    """
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    for name in names:
        if name not in TAGS:
            near = difflib.get_close_matches(name, TAGS, n=1, cutoff=0.5)
            way_out = f"did you mean {near[0]}?" if near else "name one of these"
            raise UnknownName(f"tags among {', '.join(TAGS)}", repr(name), way_out)
    return tuple(dict.fromkeys(names))


def kept_in_force() -> Kept:
    """What is kept just now; nothing outside `keeping`."""
    return _IN_FORCE.get()


@contextmanager
def keeping(kept: Kept) -> Iterator[None]:
    """Scans that are read inside this block keep so much of their identity."""
    token = _IN_FORCE.set(kept)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)
