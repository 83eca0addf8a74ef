"""What every image's voxels must be, whichever format they came in: finite numbers, and not all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import ConstantImage, NonFiniteVoxels, UnknownFormat
from shortaxis.core.study import Note
from shortaxis.files.trust import trust_in_force

FILLED = 0.0  # no signal in an image, background in labels


def finite_voxels(array: NDArray[np.generic], path: Path) -> tuple[NDArray[np.generic], tuple[Note, ...]]:
    """The array where all its numbers are finite, or with 0 for those that are not where the user vouches for that.

    Raises NonFiniteVoxels with their count, UnknownFormat for complex numbers.
    """
    if array.dtype.kind == "c":
        raise UnknownFormat("voxels that are real numbers", "complex ones", "save the magnitude image", path)
    if array.dtype.kind != "f":
        return array, ()
    finite = np.isfinite(array)
    n_bad = array.size - int(np.count_nonzero(finite))
    if not n_bad:
        return array, ()
    if trust_in_force().fill_nonfinite:
        return np.where(finite, array, array.dtype.type(FILLED)), (filled(n_bad, array.size),)
    found = f"{n_bad} of {array.size} voxels are NaN or infinite"
    way_out = "replace them at the source, or have them read as 0 with --fill-nonfinite"
    raise NonFiniteVoxels("finite voxels", found, way_out, path)


def refuse_constant(array: NDArray[np.generic], path: Path) -> None:
    """Raises ConstantImage where all voxels are the same."""
    if array.size and array.min() == array.max():
        found = f"{array.size} voxels of the value {array.flat[0]}"
        raise ConstantImage("an image with contrast", found, "check how the file was exported", path)


def filled(n_voxels: int, n_all: int) -> Note:
    """Voxels that were no finite numbers."""
    return Note("SA-W025", f"{n_voxels} of {n_all} voxels were NaN or infinite and were read as 0, as asked.")
