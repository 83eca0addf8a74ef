"""A NIfTI header's claims, checked before a voxel is allocated.

NIfTI-1 and NIfTI-2, single file, either byte order. Field names are the standard's: https://nifti.nimh.nih.gov/nifti-1
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from nibabel.nifti1 import header_dtype as NIFTI_1
from nibabel.nifti2 import header_dtype as NIFTI_2

from shortaxis.core.errors import DamagedFile, UnknownFormat, WrongDimensions
from shortaxis.core.study import NiftiGeometry

HEADER_BYTES = 540  # NIfTI-2's; NIfTI-1 has 348
# ponytail: complex, 128-bit and 1-bit voxels are refused; no cardiac image of that kind is known
VOXEL_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
COLOUR_TYPES = {128: "RGB", 2304: "RGBA"}


@dataclass(frozen=True, eq=False)
class Claims:
    """What a header says about the file behind it.

    Attributes:
        shape: frames, slices, rows, columns.
        is_4d: whether the header counts a time axis, even one of a single frame.
        dtype: of the stored voxels, with byte order.
        offset: byte at which voxels begin.
        slope, intercept: scaling to real values; None where the header asks for none.
        geometry: the raw fields.
    """

    shape: tuple[int, int, int, int]
    is_4d: bool
    dtype: np.dtype
    offset: int
    slope: float | None
    intercept: float
    geometry: NiftiGeometry

    @property
    def file_bytes(self) -> int:
        """Length of the uncompressed file."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize


def parse_header(start: bytes, path: Path) -> Claims:
    """The claims of a file that begins with `start` (540 bytes suffice).

    Raises UnknownFormat, DamagedFile or WrongDimensions.
    """
    layout, single_magic, pair_magic = _layout(start, path)
    if len(start) < layout.itemsize:
        raise _damaged(f"a header of {layout.itemsize} bytes", f"{len(start)} bytes", path)
    header = np.frombuffer(start, layout, count=1)[0]
    magic = bytes(header["magic"]).rstrip(b"\0")
    if magic.startswith(pair_magic):
        raise UnknownFormat("a single NIfTI file", "one half of a .hdr/.img pair", "convert the pair to .nii.gz", path)
    if not magic.startswith(single_magic):
        raise UnknownFormat("NIfTI-1 or NIfTI-2", f"magic {magic!r}", "convert the file to .nii.gz", path)
    slope, intercept = _scaling(float(header["scl_slope"]), float(header["scl_inter"]), path)
    return Claims(
        shape=_shape([int(n) for n in header["dim"]], path),
        is_4d=int(header["dim"][0]) >= 4,
        dtype=_voxel_type(int(header["datatype"]), int(header["bitpix"]), path).newbyteorder(
            header["dim"].dtype.byteorder
        ),
        offset=_offset(float(header["vox_offset"]), layout.itemsize + 4, path),
        slope=slope,
        intercept=intercept,
        geometry=_raw_geometry(header),
    )


def _layout(start: bytes, path: Path) -> tuple[np.dtype, bytes, bytes]:
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for order in orders:
        size = int.from_bytes(start[:4], order)
        if size == 348:
            return NIFTI_1.newbyteorder(order), b"n+1", b"ni1"
        if size == 540:
            return NIFTI_2.newbyteorder(order), b"n+2", b"ni2"
    raise UnknownFormat("a NIfTI header", "other content", "convert the file to .nii.gz, or copy it again", path)


def _shape(dim: list[int], path: Path) -> tuple[int, int, int, int]:
    n_axes = dim[0]
    if not 1 <= n_axes <= 7:
        raise _damaged("dim[0] between 1 and 7", str(n_axes), path)
    sizes = dim[1 : 1 + n_axes]
    if min(sizes) < 1:
        raise _damaged("every dimension at least 1", f"{sizes}", path)
    if n_axes < 3 or math.prod(sizes[4:]) != 1:
        way_out = "give a stack of slices (3D) or a stack through time (4D)"
        raise WrongDimensions("3 or 4 dimensions", " x ".join(map(str, sizes)), way_out, path)
    cols, rows, slices, frames = (*sizes[:4], 1)[:4]
    return frames, slices, rows, cols


def _voxel_type(code: int, n_bits: int, path: Path) -> np.dtype:
    if code in COLOUR_TYPES:
        way_out = "give the grey-level image"
        raise WrongDimensions("one number per voxel", f"{COLOUR_TYPES[code]} colours", way_out, path)
    if code not in VOXEL_TYPES:
        raise UnknownFormat("voxels that are real numbers", f"datatype {code}", "convert to int16 or float32", path)
    dtype = np.dtype(VOXEL_TYPES[code])
    if n_bits != dtype.itemsize * 8:
        raise _damaged(f"bitpix {dtype.itemsize * 8} for datatype {code}", f"bitpix {n_bits}", path)
    return dtype


def _offset(stated: float, least: int, path: Path) -> int:
    if stated == 0:  # some writers leave it out; the standard's least value is then meant
        return least
    if not math.isfinite(stated) or stated < least or stated != int(stated):
        raise _damaged(f"vox_offset a whole number from {least}", str(stated), path)
    return int(stated)


def _scaling(slope: float, intercept: float, path: Path) -> tuple[float | None, float]:
    if slope == 0 or math.isnan(slope):  # the standard's and nibabel's "no scaling"
        return None, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise _damaged("finite scl_slope and scl_inter", f"{slope} and {intercept}", path)
    return (None, 0.0) if (slope, intercept) == (1, 0) else (slope, intercept)


def _raw_geometry(header: np.void) -> NiftiGeometry:
    b, c, d, x, y, z = (
        float(header[name]) for name in ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
    )
    return NiftiGeometry(
        pixdim=tuple(float(value) for value in header["pixdim"]),
        qform_code=int(header["qform_code"]),
        sform_code=int(header["sform_code"]),
        quaternion=(b, c, d, x, y, z),
        sform=np.stack([header["srow_x"], header["srow_y"], header["srow_z"]]).astype(np.float64),
        xyzt_units=int(header["xyzt_units"]),
    )


def _damaged(expected: str, found: str, path: Path) -> DamagedFile:
    return DamagedFile(expected, found, "copy or convert the file again from its source", path)
