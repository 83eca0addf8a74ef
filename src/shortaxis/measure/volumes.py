"""Volumes, and what follows from them: stroke volume, ejection fraction, mass, cardiac output.

A volume is the number of voxels times the voxel's volume, gaps between slices counted to their neighbours (Simpson's
method as the scanners apply it). Every slice on which a structure is labelled counts. Undefined is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure

MYOCARDIAL_DENSITY_G_ML = 1.05  # Kawel-Boehm et al. 2020, J Cardiovasc Magn Reson 22:87
MEASURED = (Structure.LV_CAVITY, Structure.RV_CAVITY, Structure.MYOCARDIUM)
SHORT = {Structure.LV_CAVITY: "lv", Structure.RV_CAVITY: "rv", Structure.MYOCARDIUM: "myocardium"}


@dataclass(frozen=True)
class Ejection:
    """What a ventricle does in a beat; None where it is undefined.

    Attributes:
        edv_ml, esv_ml: volume at end-diastole and end-systole.
        sv_ml: stroke volume, edv_ml - esv_ml.
        ef_percent: 100 (edv - esv) / edv; a ratio of voxel counts, so it needs no spacing.
    """

    edv_ml: float | None
    esv_ml: float | None
    sv_ml: float | None
    ef_percent: float | None


def voxel_counts(labels: NDArray[np.uint8], scheme: LabelScheme) -> dict[Structure, NDArray[np.int64]]:
    """Voxels per frame and slice, int64 [frame, slice], of each of `MEASURED` that the scheme can tell."""
    frames, slices = labels.shape[:2]
    n_codes = max(scheme.codes) + 1
    planes = [np.bincount(plane.ravel(), minlength=n_codes)[:n_codes] for frame in labels for plane in frame]
    counts = np.stack(planes).reshape(frames, slices, n_codes)
    found: dict[Structure, NDArray[np.int64]] = {}
    for structure in MEASURED:
        if scheme.has(structure):
            parts = scheme.unions.get(structure, (structure,))
            found[structure] = counts[..., [scheme.code_of(part) for part in parts]].sum(axis=-1)
    return found


def volume_ml(voxels: int, voxel_ml: float | None) -> float | None:
    """Millilitres of that many voxels; None where the voxel's size is unknown."""
    return None if voxel_ml is None else voxels * voxel_ml


def volume_curve_ml(counts: NDArray[np.int64], voxel_ml: float | None) -> list[float | None]:
    """The volume of each frame from counts [frame, slice]; None throughout where the voxel's size is unknown."""
    return [volume_ml(int(voxels), voxel_ml) for voxels in counts.sum(axis=1)]


def ejection(ed_voxels: int, es_voxels: int, voxel_ml: float | None) -> Ejection:
    """Volumes and ejection fraction from voxel counts at end-diastole and end-systole.

    A ventricle without a voxel at end-diastole has no ejection fraction: None, as its volumes are. So has one that
    vanishes at end-systole: no ventricle empties itself, it was missed.
    """
    edv = volume_ml(ed_voxels, voxel_ml) if ed_voxels else None
    esv = volume_ml(es_voxels, voxel_ml) if es_voxels else None
    sv = None if edv is None or esv is None else edv - esv
    ef = 100.0 * (ed_voxels - es_voxels) / ed_voxels if ed_voxels and es_voxels else None
    return Ejection(edv, esv, sv, ef)


def mass_g(myocardium_voxels: int, voxel_ml: float | None) -> float | None:
    """Left-ventricular mass: myocardial volume times 1.05 g/ml; None without myocardium or without spacing."""
    if voxel_ml is None or myocardium_voxels == 0:
        return None
    return myocardium_voxels * voxel_ml * MYOCARDIAL_DENSITY_G_ML


def cardiac_output_l_min(sv_ml: float | None, heart_rate_bpm: float | None) -> float | None:
    """Cardiac output, stroke volume times heart rate; None if either is unknown."""
    return None if sv_ml is None or heart_rate_bpm is None else sv_ml * heart_rate_bpm / 1000.0


def heart_rate_from_cine(n_frames: int, frame_time_ms: float | None, low: float, high: float) -> float | None:
    """Heart rate in beats per minute if the cine covers one whole cycle; None where that cannot be believed.

    A whole cycle is `n_frames * frame_time_ms`. Fewer than ten frames are single phases rather than a cycle, and a
    rate outside `low` to `high` bpm means that the frames do not span one beat.
    """
    if frame_time_ms is None or n_frames < 10:
        return None
    rate = 60000.0 / (n_frames * frame_time_ms)
    return rate if low <= rate <= high else None


def slice_table(
    counts: Mapping[Structure, NDArray[np.int64]],
    frames: Mapping[str, int | None],
    voxel_ml: float | None,
    pixel_mm2: float | None,
) -> list[dict[str, float | int | None]]:
    """One row per slice, with keys as `ed_lv_area_mm2` and `ed_lv_volume_ml`.

    Args:
        counts: from `voxel_counts`; a structure that is not there has None throughout.
        frames: 0-based frame of each phase by name, as {"ed": 0, "es": 9}; None where the phase is undefined.
        voxel_ml, pixel_mm2: size of a voxel and of a pixel; None where unknown.
    """
    rows: list[dict[str, float | int | None]] = []
    for index in range(next(iter(counts.values())).shape[1] if counts else 0):
        row: dict[str, float | int | None] = {"slice_index": index, "slice_number": index + 1}
        for phase, frame in frames.items():
            for structure in MEASURED:
                known = structure in counts and frame is not None
                pixels = int(counts[structure][frame, index]) if known else None
                area = None if pixels is None or pixel_mm2 is None else pixels * pixel_mm2
                volume = None if pixels is None or voxel_ml is None else pixels * voxel_ml
                row |= {f"{phase}_{SHORT[structure]}_area_mm2": area, f"{phase}_{SHORT[structure]}_volume_ml": volume}
        rows.append(row)
    return rows
