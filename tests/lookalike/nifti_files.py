"""Small NIfTI files, sound ones and ones whose header says what it should not."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.nifti1 import header_dtype
from numpy.typing import ArrayLike, NDArray

AFFINE = np.array([[-1.5, 0, 0, 40], [0, -1.5, 0, 50], [0, 0, 8, -20], [0, 0, 0, 1]])


def an_image(frames: int = 1) -> NDArray[np.int16]:
    """Different values everywhere: [frame, slice, row, col] of 3 x 6 x 5."""
    return np.arange(frames * 3 * 6 * 5, dtype=np.int16).reshape(frames, 3, 6, 5)


def write(path: Path, array: NDArray[np.generic], affine: NDArray[np.float64] | None = AFFINE) -> Path:
    """`array` [frame, slice, row, col] or [slice, row, col] as nibabel saves it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.ascontiguousarray(array.T), affine), path)
    return path


def rewrite(path: Path, **fields: ArrayLike) -> Path:
    """Change raw header fields of a NIfTI-1 file in place; nothing else of it moves."""
    is_gz = path.name.endswith(".gz")
    content = bytearray(gzip.decompress(path.read_bytes()) if is_gz else path.read_bytes())
    header = np.frombuffer(content, header_dtype, count=1)
    for name, value in fields.items():
        header[name][0] = value
    path.write_bytes(gzip.compress(bytes(content), mtime=0) if is_gz else bytes(content))
    return path


def patched(path: Path, name: str, index: int, value: float) -> Path:
    """Change one entry of an array-valued header field, such as pixdim[1]."""
    plain = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    entries = np.frombuffer(plain, header_dtype, count=1)[name][0].copy()
    entries[index] = value
    return rewrite(path, **{name: entries})
