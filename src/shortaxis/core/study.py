"""One patient's stack of short-axis images through time, and the grid it lies on.

Index order is fixed here once: arrays are `[frame, slice, row, col]`. A NIfTI file's (i, j, k, t) is (col, row, slice,
frame). Spacings are in the order of the array: `(slice, row, col)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import Labels

Spacing = tuple[float, float, float]
Species = Literal["human", "mouse"]
Modality = Literal["cine", "lge"]


@dataclass(frozen=True, eq=False)
class NiftiGeometry:
    """The geometry fields of a NIfTI header as they stood, so that a mask can repeat them to the letter.

    ACDC's files have an affine of unit columns beside a true `pixdim`: rebuilding one from the other would move the mask.
    """

    pixdim: tuple[float, ...]  # all eight entries
    qform_code: int
    sform_code: int
    quaternion: tuple[float, float, float, float, float, float]  # b, c, d, offset x, y, z
    sform: NDArray[np.float64]  # 3x4
    xyzt_units: int


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the voxels of a stack lie.

    Attributes:
        shape: slices, rows, columns.
        affine: 4x4, from (col, row, slice) indices to RAS+ millimetres, as the source states it.
        spacing_mm: (slice, row, col), centre to centre; None where the source does not know it. Never 1, never NaN.
        nifti: the header's own geometry where the source is NIfTI.
        in_plane_mm: (row, col), where these are known and the slices' distance is not: a data set of single slices.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    spacing_mm: Spacing | None
    nifti: NiftiGeometry | None = None
    in_plane_mm: tuple[float, float] | None = None

    @property
    def voxel_ml(self) -> float | None:
        """Volume of one voxel in millilitres, gaps between slices counted to their neighbours; None if unknown."""
        return None if self.spacing_mm is None else float(np.prod(self.spacing_mm)) / 1000.0

    @property
    def pixel_mm(self) -> tuple[float, float] | None:
        """Distance between rows and between columns in millimetres; None if unknown."""
        return self.in_plane_mm if self.spacing_mm is None else self.spacing_mm[1:]


@dataclass(frozen=True)
class Note:
    """Something a reader of any output must know. `code` is stable (`SA-W...`), `text` is a sentence."""

    code: str
    text: str


@dataclass(frozen=True)
class Facts:
    """What is known about the scan and the patient beside the voxels. None means not known, never a default."""

    modality: Modality | None = None  # None: `core.modality.with_modality` tells it by the frames, or asks
    species: Species | None = None  # None: `core.species.with_species` tells it by size
    ed_index: int | None = None  # 0-based among this study's frames
    es_index: int | None = None
    frame_time_ms: float | None = None
    heart_rate_bpm: float | None = None
    sex: Literal["female", "male"] | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    group: str | None = None  # a data set's own diagnosis group
    convention: str | None = None  # how the data set's readers treat papillary muscles and basal slices


@dataclass(frozen=True)
class Origin:
    """One output file a study stands for: an ACDC patient's two frame files are one study with two origins.

    Attributes:
        stem: output file names begin with it.
        frames: the study's frames it holds, in order.
        is_4d: whether the source file was 4D; the mask is what the source was.
        path: where it came from, for the terminal only; never written into an output.
    """

    stem: str
    frames: tuple[int, ...]
    is_4d: bool
    path: Path | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """A cine (or a single stack: one frame) of one patient.

    Attributes:
        name: the case's slug; the output folder's name.
        image: real numbers [frame, slice, row, col], in the source's own type and orientation.
        grid: its geometry.
        origins: the files the outputs answer to, frames covered once each.
        labels: the reference, where the reader was asked for it.
        notes: what every output must repeat.
        sha256: hash of the input bytes, for provenance.
        identity: values of tags that the user asked to keep, by keyword; empty unless asked for.
        keeps_image: whether the outputs need the image beside the mask (true for DICOM).
    """

    name: str
    image: NDArray[np.generic]
    grid: Grid
    origins: tuple[Origin, ...]
    facts: Facts = field(default_factory=Facts)
    labels: Labels | None = None
    notes: tuple[Note, ...] = ()
    sha256: str = ""
    keeps_image: bool = False
    identity: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_frames(self) -> int:
        return self.image.shape[0]

    def with_notes(self, *notes: Note) -> Study:
        """The same study with further notes."""
        return replace(self, notes=(*self.notes, *notes))
