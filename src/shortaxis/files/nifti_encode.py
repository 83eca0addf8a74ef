"""An array and its grid -> the bytes of a NIfTI file with a fresh header.

Fresh: nothing of the source's free text, extensions or names comes along, only its geometry.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from nibabel.nifti1 import header_dtype as NIFTI_1
from nibabel.nifti2 import header_dtype as NIFTI_2
from nibabel.quaternions import fillpositive, mat2quat, quat2mat
from numpy.typing import NDArray

from shortaxis.core.study import Grid, NiftiGeometry
from shortaxis.files.nifti_geometry import corner_distance_voxels
from shortaxis.files.nifti_header import VOXEL_TYPES

COMPRESSION_LEVEL = 1  # masks shrink 100-fold at any level; level 1 takes a tenth of level 6's time
QFORM_TOLERANCE_VOXELS = 0.01  # beyond it the rotation cannot say what the affine says, and is left uncoded
LONGEST_FRAME_TIME = 1e6  # a second in microseconds, the smallest unit that NIfTI has
_MM, _MS = 2, 16
_CODES = {np.dtype(name): code for code, name in VOXEL_TYPES.items()}


def can_store(dtype: np.dtype) -> bool:
    """Whether NIfTI has a code for voxels of this type."""
    return dtype.newbyteorder("=") in _CODES


def geometry_of(grid: Grid, frame_time_ms: float | None) -> NiftiGeometry:
    """The header fields that state `grid`: the source's own where it was NIfTI, else made from the affine in mm.

    Entries of `pixdim` that state no spacing and no time are 0: some programs put numbers of their own there, a date too.
    A grid of unknown spacing codes no orientation and no unit, which the gate reads back as unknown.
    """
    if grid.nifti is not None:
        return replace(grid.nifti, pixdim=_without_strangers(grid.nifti.pixdim))
    if grid.spacing_mm is None:
        return NiftiGeometry((1.0,) * 8, 0, 0, (0, 0, 0, 0, 0, 0), np.zeros((3, 4)), 0)
    spacing = np.array(grid.spacing_mm[::-1], np.float64)
    axes = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    handedness = -1.0 if np.linalg.det(axes) < 0 else 1.0
    left, _, right = np.linalg.svd(axes * (1, 1, handedness))
    rotation = left @ right  # the rotation nearest to the axes
    _, b, c, d = mat2quat(rotation)
    b, c, d, x, y, z = _single((b, c, d, *grid.affine[:3, 3]))
    qform = grid.affine.copy()
    # As a reader will make it of the single-precision numbers: near a half turn these lose what the rotation says.
    qform[:3, :3] = quat2mat(fillpositive((b, c, d), w2_thresh=-1e-5)) * spacing * (1, 1, handedness)
    fits = corner_distance_voxels(grid.shape, spacing, qform, grid.affine) <= QFORM_TOLERANCE_VOXELS
    return NiftiGeometry(
        pixdim=_single((handedness, *spacing, frame_time_ms or 1.0, 1.0, 1.0, 1.0)),
        qform_code=1 if fits else 0,
        sform_code=1,
        quaternion=(b, c, d, x, y, z),
        sform=grid.affine[:3].astype(np.float32).astype(np.float64),
        xyzt_units=_MM | (_MS if frame_time_ms else 0),
    )


def encode(array: NDArray[np.generic], is_4d: bool, geometry: NiftiGeometry, description: str = "") -> bytes:
    """The uncompressed file: `array` [frame, slice, row, col] of a type `can_store` allows, its first axis dropped
    from the header where the file is 3D. `description`: ASCII, 79 characters at most."""
    header, offset = _fresh_header(array, geometry)
    sizes = array.shape[::-1] if is_4d else array.shape[:0:-1]
    header["descrip"] = description.encode("ascii")
    header["dim"] = [len(sizes), *sizes, *(1,) * (7 - len(sizes))]
    start = header.tobytes().ljust(offset, b"\0")
    voxels = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return b"".join((start, voxels.reshape(-1).view(np.uint8).data))  # not by `+`, which holds a cine twice


def gzipped(plain: bytes) -> bytes:
    """`plain` as a gzip stream without name and time, so that equal masks are equal files."""
    stream = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, 31)
    return stream.compress(plain) + stream.flush()


def _fresh_header(array: NDArray[np.generic], geometry: NiftiGeometry) -> tuple[NDArray[np.void], int]:
    """A header [] without `dim`, and where voxels begin. NIfTI-1 unless it cannot hold the sizes or the numbers."""
    floats = np.concatenate([geometry.pixdim, geometry.quaternion, geometry.sform.ravel()])
    with np.errstate(over="ignore"):
        exact = np.array_equal(floats.astype(np.float32).astype(np.float64), floats, equal_nan=True)
    codes_fit = max(abs(geometry.qform_code), abs(geometry.sform_code)) < 2**15 and 0 <= geometry.xyzt_units < 2**8
    fits_in_nifti_1 = exact and codes_fit and max(array.shape) <= 32767
    layout, size, magic = (NIFTI_1, 348, b"n+1\0") if fits_in_nifti_1 else (NIFTI_2, 540, b"n+2\0\r\n\x1a\n")
    header = np.zeros((), layout.newbyteorder("<"))
    dtype = array.dtype.newbyteorder("=")
    fields = {
        "sizeof_hdr": size,
        "magic": magic,
        "datatype": _CODES[dtype],
        "bitpix": dtype.itemsize * 8,
        "vox_offset": size + 4,
        "scl_slope": 1,
        "pixdim": geometry.pixdim,
        "qform_code": geometry.qform_code,
        "sform_code": geometry.sform_code,
        "xyzt_units": geometry.xyzt_units,
    }
    fields |= dict(zip(("srow_x", "srow_y", "srow_z"), geometry.sform, strict=True))
    names = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
    fields |= dict(zip(names, geometry.quaternion, strict=True))
    for name, value in fields.items():
        header[name] = value
    return header, size + 4


def _without_strangers(pixdim: tuple[float, ...]) -> tuple[float, ...]:
    is_time = 0 <= pixdim[4] < LONGEST_FRAME_TIME
    rest = (value if value in (0, 1) else 0.0 for value in pixdim[5:])
    return (*pixdim[:4], pixdim[4] if is_time else 0.0, *rest)


def _single(values: Iterable[float]) -> tuple[float, ...]:
    """Rounded to the single precision in which NIfTI-1 keeps them."""
    return tuple(float(np.float32(value)) for value in values)
