"""The same image at two places of a stack: a slice exported twice under another position makes a heart longer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import DuplicateImages
from shortaxis.core.study import Note
from shortaxis.read.dicom.notes import frames_repeat


def check_repeats(runs: Sequence[NDArray[np.generic]], path: Path) -> list[Note]:
    """Raises DuplicateImages where two slices [frame, row, col] share an image; a note where two phases of one do.

    Images are the same where every pixel is; those of one grey value do not count.
    """
    prints = [[_print(plane) for plane in run if plane.min() < plane.max()] for run in runs]
    first: dict[bytes, int] = {}
    pairs = {(first.setdefault(held, index), index) for index, slice_ in enumerate(prints) for held in slice_}
    shared = sorted(pair for pair in pairs if pair[0] != pair[1])
    if shared:
        found = ", ".join(f"slices {one + 1} and {other + 1} share an image" for one, other in shared[:5])
        raise DuplicateImages("another image in every slice", found, "export the study again from its archive", path)
    within = [index + 1 for index, held in enumerate(prints) if len(set(held)) < len(held)]
    return [frames_repeat(within)] if within else []


def _print(plane: NDArray[np.generic]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(plane).data, digest_size=16).digest()
