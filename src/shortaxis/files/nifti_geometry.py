"""From a NIfTI header's geometry fields to a Grid, refusing what cannot be trusted."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
from nibabel.quaternions import fillpositive, quat2mat
from numpy.typing import NDArray

from shortaxis.core.errors import BadAffine, BadSpacing
from shortaxis.core.study import Grid, NiftiGeometry, Note
from shortaxis.files.trust import OrientationFrom, trust_in_force

Affine = NDArray[np.float64]
SPACING_RANGE_MM = (1e-3, 1e3)
SPACING_TOLERANCE = 5e-3  # relative: pixdim rounded to two decimals still passes
CORNER_TOLERANCE_VOXELS = 0.1
SHEAR_NOTED, SHEAR_REFUSED = 1e-4, 1e-3  # cosine between axes that should be perpendicular; M&Ms-2 rounds to 3e-5
FRAME_TIME_RANGE_MS = (2.0, 500.0)  # outside it the header holds a default, not a measurement
_MM_PER_UNIT = {1: 1000.0, 3: 0.001}  # metre and micrometre; millimetre and "unknown" are millimetres
_MS_PER_UNIT = {8: 1000.0, 16: 1.0, 24: 0.001}

UNIT_COLUMNS = Note(
    "SA-W020", "The affine has columns of unit length; the voxel spacing was taken from pixdim, as ACDC's files need."
)
NO_ORIENTATION = Note(
    "SA-W021",
    "The header codes no orientation (qform and sform are 0); only the spacing is known. The slices are taken to be stored"
    " as a scanner displays them; if they are not, the masks are poor.",
)
SLIGHT_SHEAR = Note("SA-W022", "The affine's axes are not quite perpendicular (below 0.001); this was ignored.")
NO_SPACING = Note(
    "SA-W024",
    "The header states neither orientation, spacing nor unit; nothing is known in millimetres. The slices are taken to be"
    " stored as a scanner displays them; if they are not, the masks are poor.",
)
CHOSEN_ORIENTATION = Note(
    "SA-W026", "The header's qform and sform disagree; the one named by --orientation-from was taken."
)
OTHER_UNITS = Note("SA-W023", "The header states lengths in another unit than millimetres; they were converted.")


def grid_of(shape: tuple[int, int, int], raw: NiftiGeometry, path: Path) -> tuple[Grid, tuple[Note, ...]]:
    """The grid of a volume of `shape` (slice, row, col) and what readers must know of it.

    Raises BadSpacing or BadAffine.
    """
    scale = _MM_PER_UNIT.get(raw.xyzt_units & 7, 1.0)
    if raw.qform_code == raw.sform_code == raw.xyzt_units & 7 == 0 and raw.pixdim[1:4] == (1, 1, 1):
        return Grid(shape, np.diag([-1.0, 1, 1, 1]), None, raw), (NO_SPACING,)
    spacing = _spacing(raw, scale, path)  # in the order of the file: col, row, slice
    notes = [OTHER_UNITS] if scale != 1 else []
    affine, affine_notes = _affine(shape, raw, spacing / scale, path)
    affine[:3] *= scale
    notes.extend(affine_notes)
    shear = _shear(affine)
    if shear > SHEAR_REFUSED:
        found = f"axes off the right angle by {shear:.2g} (cosine)"
        raise BadAffine("perpendicular axes", found, "resample the image to a grid without shear", path)
    if shear > SHEAR_NOTED:
        notes.append(SLIGHT_SHEAR)
    col_mm, row_mm, slice_mm = (float(value) for value in spacing)
    return Grid(shape, affine, (slice_mm, row_mm, col_mm), raw), tuple(notes)


def frame_time_ms(raw: NiftiGeometry) -> float | None:
    """Time between frames where pixdim[4] and its unit are a plausible cine's; else None."""
    value = raw.pixdim[4] * _MS_PER_UNIT.get(raw.xyzt_units & 0x38, float("nan"))
    low, high = FRAME_TIME_RANGE_MS
    return value if low <= value <= high else None


def true_affine(grid: Grid) -> Affine:
    """The affine with its columns at the true spacing, which for ACDC's unit columns is not what the file states."""
    if grid.spacing_mm is None:
        return grid.affine
    return _with_spacing(grid.affine, np.array(grid.spacing_mm[::-1]))


def corner_distance_voxels(shape: tuple[int, int, int], spacing_mm: NDArray[np.float64], a: Affine, b: Affine) -> float:
    """Largest distance between the two affines' corners of a (slice, row, col) volume, in its smallest voxel edge."""
    ends = [(0, n - 1) for n in shape[::-1]]
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)], np.float64)
    apart_mm = np.linalg.norm(corners @ (a - b)[:3].T, axis=1).max()
    return float(apart_mm / spacing_mm.min())


def _spacing(raw: NiftiGeometry, scale: float, path: Path) -> NDArray[np.float64]:
    spacing = np.array(raw.pixdim[1:4], np.float64) * scale
    low, high = SPACING_RANGE_MM
    if not (np.isfinite(spacing).all() and (spacing >= low).all() and (spacing <= high).all()):
        expected = f"pixdim[1] to pixdim[3] between {low:g} and {high:g} mm"
        raise BadSpacing(expected, ", ".join(f"{v:g}" for v in spacing), "correct the header's pixdim", path)
    return spacing


def _affine(
    shape: tuple[int, int, int], raw: NiftiGeometry, pixdim: NDArray[np.float64], path: Path
) -> tuple[Affine, list[Note]]:
    """The affine in the header's own unit: sform where coded, else qform, else the axes alone."""
    if min(raw.qform_code, raw.sform_code) < 0:
        found = f"qform_code {raw.qform_code}, sform_code {raw.sform_code}"
        raise BadAffine("orientation codes from 0 upward", found, "correct the header", path)
    coded = {"qform": raw.qform_code > 0, "sform": raw.sform_code > 0}
    chosen = trust_in_force().orientation_from
    if not all(coded.values()) or chosen is None:
        return _stated_affine(shape, raw, pixdim, path)
    try:
        return _stated_affine(shape, raw, pixdim, path)  # they agree, and nothing was to be chosen
    except BadAffine:
        affine, notes = _one_affine(chosen, raw, pixdim, path)
        return affine, [*notes, CHOSEN_ORIENTATION]


def _stated_affine(
    shape: tuple[int, int, int], raw: NiftiGeometry, pixdim: NDArray[np.float64], path: Path
) -> tuple[Affine, list[Note]]:
    """As the header states it; raises BadAffine where it states two that disagree."""
    if raw.sform_code > 0:
        sform, notes = _one_affine("sform", raw, pixdim, path)
        if raw.qform_code > 0:
            qform, _ = _one_affine("qform", raw, pixdim, path)
            apart = corner_distance_voxels(shape, pixdim, _with_spacing(sform, pixdim), qform)
            if not apart <= CORNER_TOLERANCE_VOXELS:
                found = f"corners {apart:.3g} voxels apart"
                way_out = "set the wrong one's code to 0, or choose the right one with --orientation-from"
                raise BadAffine("qform and sform that agree", found, way_out, path)
        return sform, notes
    if raw.qform_code > 0:
        return _one_affine("qform", raw, pixdim, path)
    return np.diag([-pixdim[0], pixdim[1], pixdim[2], 1.0]), [NO_ORIENTATION]  # nibabel's axes for such files


def _one_affine(
    which: OrientationFrom, raw: NiftiGeometry, pixdim: NDArray[np.float64], path: Path
) -> tuple[Affine, list[Note]]:
    if which == "qform":
        return _qform(raw, pixdim, path), []
    sform = np.vstack([raw.sform, [0, 0, 0, 1]])
    return sform, _check_columns(sform, pixdim, path)


def _qform(raw: NiftiGeometry, pixdim: NDArray[np.float64], path: Path) -> Affine:
    b, c, d, *offset = raw.quaternion
    try:
        rotation = quat2mat(fillpositive((b, c, d), w2_thresh=-1e-5))
    except ValueError:
        rotation = np.full((3, 3), np.nan)
    affine = np.eye(4)
    affine[:3, :3] = rotation * pixdim * (1, 1, -1 if raw.pixdim[0] < 0 else 1)
    affine[:3, 3] = offset
    if not np.isfinite(affine).all():
        raise BadAffine("a qform with a unit quaternion", f"{raw.quaternion}", "set the header's orientation", path)
    return affine


def _check_columns(sform: Affine, pixdim: NDArray[np.float64], path: Path) -> list[Note]:
    lengths = np.linalg.norm(sform[:3, :3], axis=0)
    if not np.isfinite(sform).all() or lengths.min() < 1e-9 or abs(np.linalg.det(sform[:3, :3] / lengths)) < 1e-3:
        raise BadAffine("an sform with three independent axes", f"{sform[:3].tolist()}", "set the orientation", path)
    if np.allclose(lengths, pixdim, rtol=SPACING_TOLERANCE, atol=0):
        return []
    if np.allclose(lengths, 1, rtol=1e-4, atol=0):
        return [UNIT_COLUMNS]
    found = f"pixdim {', '.join(f'{v:g}' for v in pixdim)}; affine {', '.join(f'{v:g}' for v in lengths)}"
    raise BadSpacing("pixdim and the affine's columns to agree", found, "correct whichever is wrong", path)


def _with_spacing(affine: Affine, spacing: NDArray[np.float64]) -> Affine:
    scaled = affine.copy()
    scaled[:3, :3] *= spacing / np.linalg.norm(affine[:3, :3], axis=0)
    return scaled


def _shear(affine: Affine) -> float:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())
