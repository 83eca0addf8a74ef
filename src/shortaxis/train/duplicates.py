"""The same scan under two names, found by its voxels: no name on either side of a split tells that.

Each drawn plane is hashed by the ranks of its values: the darkest value is 0, the next 1, and so on. So a copy is found
under another name, in another file type, compressed otherwise, stored as other numbers, with another slope or intercept
in its header, mirrored or transposed with the affine that says so, and where only some of its slices were copied. A copy
that was resampled, cropped, or rounded to fewer grey values is another image, and is not found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import LeakingSplit
from shortaxis.core.study import Study
from shortaxis.prepare.orient import orient_to_display
from shortaxis.train.folds import Fold

MIN_VALUES = 8  # ours: a plane of fewer grey values (an empty one, say) may be equal by chance
_TABLE_SIZE = 2**16


@dataclass(frozen=True)
class Seen:
    """A case whose planes were hashed.

    Attributes:
        case, patient: its slug and whose it is.
        planes: the hash of every drawn plane that has `MIN_VALUES` grey values.
        labels: the hash of what was drawn.
    """

    case: str
    patient: str
    planes: frozenset[bytes]
    labels: bytes = b""


def seen_as(case: str, patient: str, study: Study) -> Seen:
    """What is kept of a study once it was read."""
    labels = study.labels
    held = b"" if labels is None else labels.array.tobytes() + labels.annotated.tobytes()
    return Seen(case, patient, planes_of(study), hashlib.sha256(held).digest())


def planes_of(study: Study) -> frozenset[bytes]:
    """Hashes of a study's drawn planes (all, where nothing is drawn), in display orientation."""
    frames = range(study.n_frames) if study.labels is None else study.labels.annotated_frames()
    turn = orient_to_display(study.grid)
    planes = (turn.apply(study.image[frame, at], "nearest") for frame in frames for at in range(study.image.shape[1]))
    return frozenset(digest for plane in planes if (digest := _digest(plane)) is not None)


def refuse_duplicates(fold: Fold, seen: Iterable[Seen], held_out: str = "held out") -> None:
    """Raise LeakingSplit naming both cases where a plane of a training patient is also another side's.

    Args:
        fold: who is trained on, and who is on the other side.
        seen: the cases of both.
        held_out: what the other side is called.
    """
    trained, others = set(fold.train), set(fold.validation)
    cases = list(seen)
    owner = {plane: case for case in cases if case.patient in trained for plane in case.planes}
    for case in cases:
        shared = [plane for plane in case.planes if plane in owner] if case.patient in others else []
        if shared:
            twin = owner[min(shared)]
            raise LeakingSplit(
                "no scan on both sides of a split",
                f"{len(shared)} planes with the same voxels in {twin.case} (patient {twin.patient}, trained on) and"
                f" {case.case} (patient {case.patient}, {held_out})",
                "give both cases the same patient, or leave one of them out",
            )


def _digest(plane: NDArray[np.generic]) -> bytes | None:
    """Hash of a plane's shape and the ranks of its values; None where it has too few values to tell anything."""
    ranks, count = _ranks(plane)
    if count < MIN_VALUES:
        return None
    held = np.ascontiguousarray(ranks, np.uint32)
    return hashlib.sha256(f"{plane.shape}".encode() + held.tobytes()).digest()[:16]


def _ranks(plane: NDArray[np.generic]) -> tuple[NDArray[np.integer], int]:
    """The dense rank of every value, and how many values there are; by a table where the values are whole and near."""
    whole = plane if plane.dtype.kind in "iub" else np.rint(plane)
    low, high = float(whole.min(initial=0)), float(whole.max(initial=0))
    if high - low < _TABLE_SIZE and (whole is plane or np.array_equal(whole, plane)):
        at = (whole.astype(np.int64) - int(low)).ravel()
        present = np.bincount(at, minlength=1) > 0
        return (np.cumsum(present) - 1)[at], int(present.sum())
    values, ranks = np.unique(plane, return_inverse=True)
    return ranks.ravel(), len(values)


def seen_in(cases: Sequence[Seen]) -> str:
    """One hash over several cases with their planes and labels: other scans or other drawings, another hash."""
    digest = hashlib.sha256()
    for case in sorted(cases, key=lambda held: held.case):
        digest.update(f"{case.case}\0{case.patient}\0".encode())
        digest.update(b"".join(sorted(case.planes)) + case.labels)
    return digest.hexdigest()
