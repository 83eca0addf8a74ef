"""Makes .mat files that look like LVQuan19's (one patient each) and LVQuan18's (all in one)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

N_FRAMES, ES = 20, 8
WALL_PX = 3.0


def radii_px(inner: float = 8.0) -> NDArray[np.float64]:
    """The cavity's radius by frame: largest in the first, smallest in frame `ES`."""
    away = np.abs(np.arange(N_FRAMES) - ES) / ES
    return inner * (0.6 + 0.4 * np.minimum(away, 1.0))


def masks(side: int, inner: float = 8.0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Filled endocardium and epicardium, [row, col, frame]."""
    row, col = np.mgrid[:side, :side]
    away = np.hypot(row - side / 2, col - side / 2)[..., None]
    return (away < radii_px(inner)).astype(np.uint8), (away < radii_px(inner) + WALL_PX).astype(np.uint8)


def make_lvquan19(
    path: Path, side: int = 40, pixel_mm: float = 1.5625, length_unit: float = 1.0, quick: bool = False
) -> Path:
    """One patient; a length of one pixel is stated as `length_unit`.

    `quick` is for large pictures, whose noise takes seconds to compress: single precision, and not compressed.
    """
    endo, epi = masks(side)
    image = grey(endo, epi).astype(np.float32 if quick else np.float64)
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(
        path,
        {"image": image, "endo": endo, "epi": epi, "pix_spacing": pixel_mm, **tables(endo, epi, length_unit)},
        do_compression=not quick,
    )
    return path


def make_lvquan18(path: Path, n_patients: int = 2, side: int = 24) -> Path:
    """Patients of different hearts behind each other, lengths as shares of the picture's side.

    Patient n's scan has pixels of 0.5 + 0.25 n mm, its crop is made of every third.
    """
    pairs = [masks(side, 6.0 + patient) for patient in range(n_patients)]
    endo, epi = (np.concatenate([pair[part] for pair in pairs], axis=2) for part in (0, 1))
    indices = [tables(*pair, 1.0 / side) for pair in pairs]
    joined = {name: np.concatenate([one[name] for one in indices], axis=1) for name in indices[0]}
    scale = {
        "pix_spa": 0.5 + 0.25 * np.arange(n_patients)[:, None],  # [patient, 1]
        "ratio_resize_inverse": np.full((N_FRAMES, n_patients), 3.0),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(
        path, {"images_LV": grey(endo, epi), "endo_LV": endo, "epi_LV": epi, **joined, **scale}, do_compression=True
    )
    return path


def grey(endo: NDArray[np.uint8], epi: NDArray[np.uint8]) -> NDArray[np.float64]:
    noise = np.random.default_rng(1).normal(0, 0.02, endo.shape)
    return 0.2 + 0.6 * endo + 0.2 * (epi - endo) + noise


def tables(endo: NDArray[np.uint8], epi: NDArray[np.uint8], length_unit: float) -> dict[str, NDArray[np.float64]]:
    n_frames = endo.shape[2]
    cavity, whole = endo.sum(axis=(0, 1)), epi.sum(axis=(0, 1))
    return {
        "areas": np.stack([cavity, whole - cavity]) * length_unit**2,
        "dims": np.tile(2 * radii_px(), (3, 1))[:, :n_frames] * length_unit,
        "rwt": np.full((6, n_frames), WALL_PX * length_unit),
        "lv_phase": (np.arange(n_frames) <= ES)[None].astype(float),
    }
