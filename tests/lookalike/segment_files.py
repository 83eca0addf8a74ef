"""Makes a .mat file that looks like one saved by Segment: `setstruct` with image, contours and geometry; no real names.

The heart is two circles on every drawn slice, and the apex an epicardium alone. Contours have 80 points, the last on
the first, X along rows and Y along columns, counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CENTRE = (20.0, 14.0)  # row, col, counted from 0
POINTS = 80


@dataclass(frozen=True)
class SegmentHeart:
    """Endocardial radius in pixels by frame; slices 1 to 3 have both walls, slice 4 is the apex, 0 and 5 are empty."""

    endo_px: tuple[float, ...] = (6.2, 4.2, 3.2)
    epi_px: float = 9.2
    slices: int = 6
    rows: int = 40
    cols: int = 32


def segment_fields(heart: SegmentHeart = SegmentHeart()) -> dict[str, Any]:
    """The fields of `setstruct`, in MATLAB's order of dimensions."""
    frames = len(heart.endo_px)
    shape = (POINTS, frames, heart.slices)
    contours = {f"{wall}{axis}": np.full(shape, np.nan) for wall in ("Endo", "Epi") for axis in "XY"}
    for frame, radius in enumerate(heart.endo_px):
        for index in (1, 2, 3):
            _draw(contours, "Endo", radius, frame, index)
            _draw(contours, "Epi", heart.epi_px, frame, index)
        _draw(contours, "Epi", 3.2, frame, 4)
    grey = np.random.default_rng(0).uniform(0, 1, (heart.rows, heart.cols, frames, heart.slices))
    return contours | {
        "IM": grey.astype(np.float32),
        "ResolutionX": 0.14,
        "ResolutionY": 0.13,
        "SliceThickness": 0.6,
        "SliceGap": 0.2,
        "TIncr": 0.011,
        "EDT": 1.0,
        "EST": float(frames),
        "HeartRate": 460.0,
        "ImagePosition": np.array([1.0, 2.0, 3.0]),
        "ImageOrientation": np.array([1.0, 0, 0, 0, 1.0, 0]),
        "ImageViewPlane": "Short-axis",
        "PatientInfo": {"Name": "Somebody Else", "Sex": "M", "Weight": 0.03},
        "Roi": {"X": np.zeros((0, 0)), "Y": np.zeros((0, 0))},
        "RVEndoX": np.zeros((0, 0)),
    }


def write_segment(path: Path, *stacks: dict[str, Any]) -> Path:
    """The file as Segment saves it: `setstruct` beside an empty `im`, `info` and `preview`."""
    from scipy.io import savemat

    struct: Any = stacks[0]
    if len(stacks) > 1:
        struct = np.empty((1, len(stacks)), [(name, object) for name in stacks[0]])
        for index, fields in enumerate(stacks):
            struct[0, index] = tuple(fields[name] for name in stacks[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "setstruct": struct,
        "im": np.zeros((0, 0)),
        "info": {"Name": "Somebody Else"},
        "preview": np.zeros((2, 2)),
    }
    savemat(path, content, do_compression=True)
    return path


def _draw(contours: dict[str, NDArray[np.float64]], wall: str, radius: float, frame: int, index: int) -> None:
    angle = np.linspace(0, 2 * np.pi, POINTS)
    contours[f"{wall}X"][:, frame, index] = CENTRE[0] + 1 + radius * np.cos(angle)
    contours[f"{wall}Y"][:, frame, index] = CENTRE[1] + 1 + radius * np.sin(angle)
