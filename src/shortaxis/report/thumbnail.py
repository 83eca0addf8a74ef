"""A small picture of a case: the middle slice at end-diastole with its contours."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme
from shortaxis.core.study import Study
from shortaxis.report.contours import outlines, ring_corners
from shortaxis.report.palette import LOOKS, drawn_structures
from shortaxis.report.sprites import Box, encode_jpeg, heart_box, middle_slice, to_grey, window_of

_SUBPIXEL_BITS = 4


def thumbnail(
    study: Study, labels: NDArray[np.uint8], scheme: LabelScheme, frame: int = 0, height_pixels: int = 128
) -> str:
    """A base64 JPEG of one frame's middle labelled slice around the heart, its pixels as wide as they are in mm.

    Args:
        labels: uint8 [frame, slice, row, col].
        frame: 0-based; end-diastole by custom.
    """
    position = middle_slice(labels[frame])
    box = heart_box(labels[frame : frame + 1], margin=0.12)
    window = window_of(study.image[frame])
    rows, cols = slice(box.row0, box.row1), slice(box.col0, box.col1)
    grey = to_grey(study.image[frame, position, rows, cols], window)
    row_mm, col_mm = study.grid.pixel_mm or (1.0, 1.0)
    scale_row = height_pixels / box.n_rows
    scale_col = scale_row * col_mm / row_mm
    size = (max(1, round(box.n_cols * scale_col)), height_pixels)
    canvas = cv2.cvtColor(cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    for structure in drawn_structures(scheme):
        mask = scheme.mask(labels[frame, position], structure)
        _draw(canvas, mask, box, (scale_row, scale_col), LOOKS[structure].bgr)
    return encode_jpeg(np.asarray(canvas, np.uint8), quality=80)


def _draw(
    canvas: np.ndarray,
    mask: NDArray[np.bool_],
    box: Box,
    scale: tuple[float, float],
    colour: tuple[int, int, int],
) -> None:
    """The outlines of a mask [row, col] onto a picture [row, col, 3] of `box`, in place."""
    for ring in outlines(mask):
        corners = (ring_corners(ring) - (box.row0, box.col0)) * scale - 0.5
        points = np.rint(corners[:, ::-1] * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.polylines(canvas, [points], True, colour, 1, cv2.LINE_AA, _SUBPIXEL_BITS)
