"""Stacks saved by Segment (Medviso; Heiberg et al., BMC Medical Imaging 2010) as .mat, with the reader's contours.

The struct `setstruct` (one, or an array of one per stack) holds what is used here; the layout was taken from public
programs that write and read it, and no real file was at hand:

    IM                          [row, col, time, slice], grey values
    EndoX, EndoY, EpiX, EpiY    [point, time, slice]; X counts rows and Y columns, from 1; NaN where nothing is drawn
    ResolutionX, ResolutionY    mm from row to row and from column to column
    SliceThickness, SliceGap    mm; their sum is the distance of slices
    TIncr                       seconds from frame to frame
    EDT, EST                    frames, from 1; equal where nobody chose them
    ImagePosition, ImageOrientation   DICOM's, of the first slice; further slices lie against the plane's normal

MATLAB drops dimensions of size one at the end. Names and dates of the patient are in the file too and are not read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadSpacing, LabelsMissing, NoStudy, UnknownFormat, WrongDimensions
from shortaxis.core.labels import LEFT_VENTRICLE, Labels, Structure
from shortaxis.core.study import Facts, Grid, Origin, Study
from shortaxis.files.intake import read_bytes
from shortaxis.files.mat import BUDGET_BYTES, read_mat
from shortaxis.files.names import output_name
from shortaxis.files.voxels import finite_voxels, refuse_constant
from shortaxis.read.polygon import fill_polygon

CONVENTION = "the outlines as saved by Segment; papillary muscles belong to the cavity where the reader left them in"
FIRST_PIXEL = 1.0  # outlines count pixels from 1, as MATLAB does
MIN_SLICES = 3
CAVITY, MYOCARDIUM = (LEFT_VENTRICLE.structures.index(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM))
Fields = Mapping[str, NDArray[np.generic] | str]
Outlines = tuple[
    NDArray[np.float64], NDArray[np.bool_]
]  # points [point, frame, slice, (row, col)]; drawn [frame, slice]


def is_mat(path: Path) -> bool:
    """Whether the name ends in .mat."""
    return path.suffix.lower() == ".mat"


def read_segment(path: Path) -> Study:
    """The short-axis stack of a Segment file, without its contours.

    Raises UnknownFormat, NoStudy, BadSpacing, NonFiniteVoxels, ConstantImage and what `read_mat` raises.
    """
    return _study(path, _stack_of(path))


def read_segment_labelled(path: Path) -> Study:
    """The stack with its contours as labels of the scheme `lv`.

    Within the endocardium is cavity, within the epicardium the rest myocardium; an epicardium alone, where its frame has
    an endocardium elsewhere, is the apex, all muscle. A frame whose drawn slices are a run of three or more was drawn
    whole: the slices beyond the run are then annotated as empty. In any other frame only what was drawn counts.

    Raises LabelsMissing beside what `read_segment` raises.
    """
    fields = _stack_of(path)
    study = _study(path, fields)
    endo, epi = (_outlines(fields, wall, study) for wall in ("Endo", "Epi"))
    if not (endo[1].any() or epi[1].any()):
        raise LabelsMissing("EndoX, EndoY, EpiX and EpiY with outlines", "none", "draw them in Segment", path)
    return replace(study, labels=_labels(endo, epi, study), facts=replace(study.facts, convention=CONVENTION))


def _stack_of(path: Path) -> Fields:
    """The fields of the one short-axis stack: that with contours, else the only one of three or more slices."""
    values = read_mat(path)
    stacks: dict[str, dict[str, NDArray[np.generic] | str]] = {}
    for name, value in values.items():
        place, _, field = name.partition(".")
        if place.partition("[")[0] == "setstruct" and "." not in field:
            stacks.setdefault(place, {})[field] = value
    stacks = {place: fields for place, fields in stacks.items() if isinstance(fields.get("IM"), np.ndarray)}
    odd = [f"{image.ndim}" for image in (np.asarray(fields["IM"]) for fields in stacks.values()) if image.ndim > 4]
    if odd:
        raise WrongDimensions("IM as [row, col, time, slice]", f"{odd[0]} dimensions", "save the stack anew", path)
    if not stacks:
        raise UnknownFormat("Segment's setstruct with an image IM", "none", "save the stack in Segment", path)
    tall = [fields for fields in stacks.values() if _image(fields).shape[1] >= MIN_SLICES]
    drawn = [fields for fields in tall if _has_outline(fields)]
    chosen = drawn or tall
    if len(chosen) != 1:
        found = f"{len(chosen)} of {len(stacks)} stacks"
        raise NoStudy("one short-axis stack of three or more slices", found, "save it alone in Segment", path)
    return chosen[0]


def _study(path: Path, fields: Fields) -> Study:
    image, notes = finite_voxels(_image(fields), path)
    refuse_constant(image, path)
    name, n_frames = output_name(path.stem), image.shape[0]
    step = _number(fields, "TIncr")
    ed, es = (_number(fields, key) for key in ("EDT", "EST"))
    chosen = ed is not None and es is not None and ed != es and max(ed, es) <= n_frames
    return Study(
        name=name,
        image=image,
        grid=_grid(fields, image.shape[1:], path),
        origins=(Origin(name, tuple(range(n_frames)), is_4d=n_frames > 1, path=path),),
        facts=Facts(
            ed_index=int(ed) - 1 if chosen and ed else None,
            es_index=int(es) - 1 if chosen and es else None,
            frame_time_ms=step * 1000 if step and n_frames > 1 else None,
            heart_rate_bpm=_number(fields, "HeartRate"),
        ),
        notes=notes,
        sha256=hashlib.sha256(read_bytes(path, BUDGET_BYTES)).hexdigest(),
    )


def _image(fields: Fields) -> NDArray[np.generic]:
    """[frame, slice, row, col]"""
    image = np.asarray(fields["IM"])
    image = image.reshape(image.shape + (1,) * (4 - image.ndim))
    return np.ascontiguousarray(image.transpose(2, 3, 0, 1))


def _grid(fields: Fields, shape: Sequence[int], path: Path) -> Grid:
    row_mm, col_mm, thick_mm = (_number(fields, key) for key in ("ResolutionX", "ResolutionY", "SliceThickness"))
    if row_mm is None or col_mm is None or thick_mm is None:
        raise BadSpacing(
            "ResolutionX, ResolutionY and SliceThickness above 0",
            f"{row_mm}, {col_mm} and {thick_mm}", "set them in Segment and save again", path,
        )  # fmt: skip
    slice_mm = thick_mm + (_number(fields, "SliceGap") or 0.0)
    affine = np.diag([-col_mm, -row_mm, -slice_mm, 1.0])
    turned, position = (np.asarray(fields.get(key, ())).ravel() for key in ("ImageOrientation", "ImagePosition"))
    if (
        turned.size == 6
        and position.size == 3
        and np.allclose(np.linalg.norm(turned.reshape(2, 3), axis=1), 1, 0, 1e-3)
    ):
        along_row, along_col = turned[:3], turned[3:]  # where columns and where rows increase to, as DICOM
        normal = np.cross(along_row, along_col)
        affine[:3] = np.column_stack([along_row * col_mm, along_col * row_mm, -normal * slice_mm, position])
        affine[:2] *= -1  # DICOM's axes run to the left and to the back
    return Grid((shape[0], shape[1], shape[2]), affine, (slice_mm, row_mm, col_mm))


def _number(fields: Fields, key: str) -> float | None:
    """A positive number, or None."""
    value = np.asarray(fields.get(key, ())).ravel()
    usable = value.size == 1 and value.dtype.kind in "iuf" and np.isfinite(value[0]) and value[0] > 0
    return float(value[0]) if usable else None


def _has_outline(fields: Fields) -> bool:
    x = np.asarray(fields.get("EndoX", ()))
    y = np.asarray(fields.get("EpiX", ()))
    return any(part.dtype.kind == "f" and np.isfinite(part).any() for part in (x, y))


def _outlines(fields: Fields, wall: str, study: Study) -> Outlines:
    n_frames, n_slices = study.image.shape[:2]
    axes = [np.asarray(fields.get(f"{wall}{axis}", ())) for axis in "XY"]
    nothing = np.zeros((0, n_frames, n_slices, 2)), np.zeros((n_frames, n_slices), bool)
    if axes[0].size == 0 or axes[0].shape != axes[1].shape or axes[0].size % (n_frames * n_slices):
        return nothing
    points = np.stack([a.astype(float).reshape(-1, n_frames, n_slices, order="F") for a in axes], -1) - FIRST_PIXEL
    known: NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=-1))  # [point, frame, slice]
    high = np.max(np.where(known[..., None], points, -np.inf), axis=0)
    low = np.min(np.where(known[..., None], points, np.inf), axis=0)
    return points, (known.sum(axis=0) >= 3) & (high > low).all(axis=-1)  # a point drawn over and over is no outline


def _labels(endo: Outlines, epi: Outlines, study: Study) -> Labels:
    array = np.zeros(study.image.shape, np.uint8)
    annotated = np.zeros((*array.shape[:2], len(LEFT_VENTRICLE.structures)), bool)
    for frame in range(len(array)):
        for index in np.flatnonzero(endo[1][frame] | epi[1][frame]).tolist():
            has_endo, has_epi = bool(endo[1][frame, index]), bool(epi[1][frame, index])
            if has_epi:
                array[frame, index][_filled(epi, frame, index, study)] = MYOCARDIUM + 1
            if has_endo:
                array[frame, index][_filled(endo, frame, index, study)] = CAVITY + 1
            annotated[frame, index, CAVITY] = has_endo or bool(endo[1][frame].any())
            annotated[frame, index, MYOCARDIUM] = has_epi and bool(annotated[frame, index, CAVITY])
        whole = np.flatnonzero(annotated[frame].all(axis=1))
        if len(whole) >= MIN_SLICES and len(whole) == whole[-1] - whole[0] + 1:
            annotated[frame][~(endo[1][frame] | epi[1][frame])] = True
    return Labels(array, LEFT_VENTRICLE, annotated)


def _filled(outlines: Outlines, frame: int, index: int, study: Study) -> NDArray[np.bool_]:
    points = outlines[0][:, frame, index]
    return fill_polygon(points[np.isfinite(points).all(axis=-1)], (study.grid.shape[1], study.grid.shape[2]))
