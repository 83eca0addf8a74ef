"""The pictures of a report: a cine as 8-bit sprite sheets, one per slice, small enough to sit inside the page."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

WINDOW_PERCENT = (0.5, 99.5)  # grey levels outside are clipped, so that one bright vessel does not darken the heart
PIXEL_BUDGET = 36_000_000  # pictures of more pixels are stored around the heart only
JPEG_QUALITY = 85
_SAMPLE = 2_000_000  # voxels that decide the window


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels: rows `row0` up to but not including `row1`, columns likewise."""

    row0: int
    col0: int
    row1: int
    col1: int

    @property
    def n_rows(self) -> int:
        return self.row1 - self.row0

    @property
    def n_cols(self) -> int:
        return self.col1 - self.col0


@dataclass(frozen=True)
class SpriteSheets:
    """Every slice's frames on one sheet each.

    Attributes:
        box: which part of the image the tiles show.
        columns: tiles in a sheet's row; frame `f` is tile (f // columns, f % columns).
        sheets: one base64 JPEG per slice, in the order of the slices.
    """

    box: Box
    columns: int
    sheets: tuple[str, ...]


def window_of(image: NDArray[np.generic]) -> tuple[float, float]:
    """Grey levels [low, high] shown as black and white: percentiles over the study's finite voxels; high > low."""
    flat = image.reshape(-1)
    sample = flat[:: max(1, flat.size // _SAMPLE)].astype(np.float32)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(sample, WINDOW_PERCENT))
    if high <= low:
        low, high = float(sample.min()), float(sample.max())
    return (low, high) if high > low else (low, low + 1.0)


def to_grey(image: NDArray[np.generic], window: tuple[float, float]) -> NDArray[np.uint8]:
    """`image` as 8-bit grey of the same shape; what is not a finite number becomes black."""
    low, high = window
    scaled = image.astype(np.float32)
    scaled -= np.float32(low)
    scaled *= np.float32(255.0 / (high - low))
    if image.dtype.kind == "f":
        np.nan_to_num(scaled, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
    np.clip(scaled, 0.0, 255.0, out=scaled)
    scaled += np.float32(0.5)
    return scaled.astype(np.uint8)


def heart_box(labels: NDArray[np.uint8], margin: float = 0.35) -> Box:
    """The labelled pixels of all frames and slices with a margin, as a share of the longer side, within the image.

    `labels` is [frame, slice, row, col]; with nothing labelled the box is the whole image.
    """
    n_rows, n_cols = labels.shape[-2:]
    anywhere = labels.reshape(-1, n_rows, n_cols).max(axis=0) > 0
    rows, cols = np.flatnonzero(anywhere.any(axis=1)), np.flatnonzero(anywhere.any(axis=0))
    if rows.size == 0:
        return Box(0, 0, n_rows, n_cols)
    extent = max(rows[-1] - rows[0], cols[-1] - cols[0]) + 1
    half = max(8.0, extent * (0.5 + margin))
    row_mid, col_mid = (rows[0] + rows[-1] + 1) / 2, (cols[0] + cols[-1] + 1) / 2
    return Box(
        max(0, math.floor(row_mid - half)),
        max(0, math.floor(col_mid - half)),
        min(n_rows, math.ceil(row_mid + half)),
        min(n_cols, math.ceil(col_mid + half)),
    )


def stored_box(shape: tuple[int, ...], heart: Box) -> Box:
    """What is kept of each image: all of it, or the heart alone where the whole would make the page too heavy."""
    whole = Box(0, 0, shape[-2], shape[-1])
    return whole if math.prod(shape) <= PIXEL_BUDGET else heart


def middle_slice(labels: NDArray[np.uint8]) -> int:
    """The middle of the labelled slices of one frame [slice, row, col]; the middle of all where nothing is labelled."""
    labelled = np.flatnonzero(labels.any(axis=(1, 2)))
    return int(labelled[len(labelled) // 2]) if labelled.size else labels.shape[0] // 2


def sprite_sheets(image: NDArray[np.generic], box: Box) -> SpriteSheets:
    """The image [frame, slice, row, col] inside `box` as one JPEG sheet per slice, windowed over the whole study."""
    window = window_of(image)
    n_frames, n_slices = image.shape[:2]
    columns = math.ceil(math.sqrt(n_frames * box.n_rows / box.n_cols))
    sheets = []
    for position in range(n_slices):
        part = image[:, position, box.row0 : box.row1, box.col0 : box.col1]
        sheets.append(encode_jpeg(_tiled(to_grey(part, window), columns)))
    return SpriteSheets(box, columns, tuple(sheets))


def encode_jpeg(grey_or_bgr: NDArray[np.uint8], quality: int = JPEG_QUALITY) -> str:
    """An 8-bit picture [row, col] or [row, col, 3] (blue, green, red) as base64 JPEG."""
    full_colour = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444  # thin coloured lines blur when colour is stored coarser
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full_colour]
    _, data = cv2.imencode(".jpg", grey_or_bgr, options)
    return base64.b64encode(data.tobytes()).decode("ascii")


def _tiled(frames: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    n_frames, n_rows, n_cols = frames.shape
    lines = math.ceil(n_frames / columns)
    padded = np.zeros((lines * columns, n_rows, n_cols), np.uint8)
    padded[:n_frames] = frames
    grid = padded.reshape(lines, columns, n_rows, n_cols)
    return np.ascontiguousarray(grid.transpose(0, 2, 1, 3)).reshape(lines * n_rows, columns * n_cols)
