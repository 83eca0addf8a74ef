"""The gate every NIfTI passes on its way in: sizes, checksums, voxels, geometry."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import (
    DamagedFile,
    GridMismatch,
    NotIntegerLabels,
    TooLarge,
    UnknownFormat,
    UnknownLabel,
)
from shortaxis.core.labels import LabelScheme
from shortaxis.core.study import Grid, Note
from shortaxis.files.intake import GZIP_MAGIC, MAX_DEFLATE_RATIO, inflate, inflate_start, read_bytes
from shortaxis.files.nifti_geometry import (
    CORNER_TOLERANCE_VOXELS,
    corner_distance_voxels,
    frame_time_ms,
    grid_of,
    true_affine,
)
from shortaxis.files.nifti_header import HEADER_BYTES, Claims, parse_header
from shortaxis.files.size import Announced, announce
from shortaxis.files.voxels import finite_voxels, refuse_constant

BUDGET_BYTES = 4 * 2**30  # a cine of 30 x 20 x 1024 x 1024 in float32 is 2.5 GB
INTEGER_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Volume:
    """One NIfTI file that has passed the gate.

    Attributes:
        array: [frame, slice, row, col] in native byte order; the stored type, or float where the header scales.
        grid: its geometry.
        is_4d: whether the file counts a time axis.
        frame_time_ms: None where the header does not say or what it says is no cine's.
        notes: what every output must repeat.
        sha256: of the file's bytes as they lie on disk.
    """

    array: NDArray[np.generic]
    grid: Grid
    is_4d: bool
    frame_time_ms: float | None
    notes: tuple[Note, ...]
    sha256: str


def load_volume(path: Path, budget_bytes: int = BUDGET_BYTES) -> Volume:
    """A file whole and readable, whatever its voxels show. Raises what `load_nifti` raises except ConstantImage."""
    return _load(path, budget_bytes, lambda stack: None)


def _load(path: Path, budget_bytes: int, told: Callable[[Announced], None]) -> Volume:
    """The file's volume; `told` hears of its size once the header is read and before a voxel is allocated."""
    plain, claims, sha256 = _whole_file(path, budget_bytes, told)
    grid, notes = grid_of(claims.shape[1:], claims.geometry, path)
    time_ms = frame_time_ms(claims.geometry) if claims.shape[0] > 1 else None
    array, more = finite_voxels(_voxels(plain, claims), path)
    return Volume(array, grid, claims.is_4d, time_ms, (*notes, *more), sha256)


def _whole_file(
    path: Path, budget_bytes: int, told: Callable[[Announced], None]
) -> tuple[bytes | bytearray, Claims, str]:
    """The uncompressed content, its header's claims and the hash of the bytes on disk, which are then let go."""
    is_gz = _is_gz_name(path)
    content = read_bytes(path, budget_bytes)
    if is_gz != content.startswith(GZIP_MAGIC):
        real, wanted = ("an uncompressed file", ".nii") if is_gz else ("a gzip file", ".nii.gz")
        way_out = f"rename it to end in {wanted} if it is otherwise whole"
        raise DamagedFile(f"content that fits the ending of {path.name}", real, way_out, path)
    start = inflate_start(content, HEADER_BYTES, path) if is_gz else content[:HEADER_BYTES]
    claims = parse_header(start, path)
    _check_claims(claims, len(content) * (MAX_DEFLATE_RATIO if is_gz else 1), budget_bytes, path)
    told(_announced(claims, len(content), is_gz, path))
    plain = inflate(content, claims.file_bytes, path) if is_gz else content
    if len(plain) != claims.file_bytes:
        way_out = "copy the file again from its source"
        raise DamagedFile(f"{claims.file_bytes} bytes by its header", f"{len(plain)} bytes", way_out, path)
    return plain, claims, hashlib.sha256(content).hexdigest()


def load_nifti(path: Path, budget_bytes: int = BUDGET_BYTES) -> Volume:
    """An image, 3D or 4D, .nii or .nii.gz.

    Raises MissingFile, Unreadable, UnknownFormat, DamagedFile, TooLarge, WrongDimensions, BadSpacing, BadAffine,
    NonFiniteVoxels or ConstantImage.
    """
    volume = _load(path, budget_bytes, announce)
    refuse_constant(volume.array, path)
    return volume


def load_labels(
    path: Path, scheme: LabelScheme, budget_bytes: int = BUDGET_BYTES, codes: Mapping[int, int] | None = None
) -> Volume:
    """A segmentation as uint8 numbers of `scheme`; an empty one is allowed.

    `codes` maps the file's numbers to those of the scheme, where they differ.

    Raises what `load_nifti` raises except ConstantImage, and NotIntegerLabels or UnknownLabel.
    """
    volume = load_volume(path, budget_bytes)
    array = _whole_numbers(volume.array, path)
    codes = {code: code for code in scheme.codes} if codes is None else codes
    strangers = sorted(set(np.unique(array).tolist()) - {0, *codes})
    if strangers:
        known = ", ".join(f"{code} {scheme.codes[own]}" for code, own in codes.items())
        found = ", ".join(str(value) for value in strangers[:20]) + (", ..." if len(strangers) > 20 else "")
        way_out = "choose the label scheme these numbers belong to (--label-scheme)"
        raise UnknownLabel(f"0 background, {known} (scheme {scheme.name})", found, way_out, path)
    table = np.zeros(max(codes) + 1, np.uint8)
    table[list(codes)] = list(codes.values())
    labels = table[array.astype(np.intp)]
    return Volume(labels, volume.grid, volume.is_4d, volume.frame_time_ms, volume.notes, volume.sha256)


def check_same_grid(labels: Grid, image: Grid, path: Path) -> None:
    """Raises GridMismatch unless the two volumes' corners agree within 0.1 voxel; `path` is the labels' file.

    Where either file codes no orientation, only shape and spacing can be compared, and are.
    """
    way_out = "resample the labels onto the image's grid, or check that the two files belong together"
    if labels.shape != image.shape:
        expected = f"the image's {_times(image.shape)} (slice, row, col)"
        raise GridMismatch(expected, _times(labels.shape), way_out, path)
    if labels.spacing_mm is None or image.spacing_mm is None:
        return
    spacing = np.array(image.spacing_mm[::-1])
    placed, wanted = true_affine(labels), true_affine(image)
    if not (_is_oriented(labels) and _is_oriented(image)):
        placed, wanted = np.diag([*labels.spacing_mm[::-1], 1.0]), np.diag([*spacing, 1.0])
    apart = corner_distance_voxels(image.shape, spacing, placed, wanted)
    if apart > CORNER_TOLERANCE_VOXELS:
        found = f"corners up to {apart:.3g} voxels apart"
        raise GridMismatch(f"corners within {CORNER_TOLERANCE_VOXELS} voxel of the image's", found, way_out, path)


def _is_gz_name(path: Path) -> bool:
    name = path.name.lower()
    if name.endswith(".nii.gz"):
        return True
    if name.endswith(".nii"):
        return False
    raise UnknownFormat("a name ending in .nii or .nii.gz", path.name, "convert the file to NIfTI", path)


def _check_claims(claims: Claims, most_bytes: int, budget_bytes: int, path: Path) -> None:
    claimed = claims.file_bytes
    if claimed > most_bytes:  # before the budget: a header that lies is damage, whatever size it invents
        found = f"a file that holds at most {most_bytes}"
        raise DamagedFile(f"the {claimed} bytes its header states", found, "copy the file again from its source", path)
    if claimed > budget_bytes:
        raise TooLarge(f"at most {budget_bytes} bytes", f"{claimed} bytes", "crop the image or raise the budget", path)


def _voxels(plain: bytes | bytearray, claims: Claims) -> NDArray[np.generic]:
    stored = np.frombuffer(plain, claims.dtype, offset=claims.offset).reshape(claims.shape)
    if claims.slope is None:  # as it lies where that will do: unpacked by us, in this machine's order, aligned
        as_is = stored.dtype.isnative and stored.flags.writeable and stored.flags.aligned
        return stored if as_is else stored.astype(claims.dtype.newbyteorder("="))
    scaled = np.empty(claims.shape, _scaled_type(claims))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is counted and refused by the caller
        for frame, values in enumerate(stored):  # one at a time: in double precision a whole cine is four-fold
            scaled[frame] = values.astype(np.float64) * claims.slope + claims.intercept
    return scaled


def _scaled_type(claims: Claims) -> np.dtype:
    """The type of scaled voxels: single precision where it holds the stored numbers exactly."""
    exact_in_float32 = claims.dtype.itemsize <= 2 or claims.dtype.newbyteorder("=") == np.float32
    return np.dtype(np.float32 if exact_in_float32 else np.float64)


def _announced(claims: Claims, on_disk_bytes: int, is_gz: bool, path: Path) -> Announced:
    """What reading takes: the bytes on disk beside the unpacked ones, then these beside the voxels where they are copied."""
    dtype = claims.dtype if claims.slope is None else _scaled_type(claims)
    n_voxels = math.prod(claims.shape)
    as_is = is_gz and claims.slope is None and claims.dtype.isnative
    copies = (0 if as_is else dtype.itemsize) + (dtype.kind == "f")  # of floats also which are finite
    held = max(claims.file_bytes + n_voxels * copies, claims.file_bytes + is_gz * on_disk_bytes)
    return Announced(claims.shape, dtype.itemsize, held, path=path)


def _whole_numbers(array: NDArray[np.generic], path: Path) -> NDArray[np.generic]:
    if array.dtype.kind != "f":
        return array
    rounded = np.rint(array)
    n_off = int(np.count_nonzero(np.abs(array - rounded) > INTEGER_TOLERANCE))
    if n_off:
        found = f"{n_off} voxels between two numbers"
        way_out = "resample the labels with nearest neighbour, or check that this is not a probability map"
        raise NotIntegerLabels(f"whole numbers within {INTEGER_TOLERANCE}", found, way_out, path)
    return rounded


def _is_oriented(grid: Grid) -> bool:
    return grid.nifti is None or grid.nifti.qform_code > 0 or grid.nifti.sform_code > 0


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)
