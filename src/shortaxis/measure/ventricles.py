"""A ventricle's measures, each with the reason where it is undefined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.phases import Phases
from shortaxis.measure.volumes import cardiac_output_l_min, ejection, mass_g

Entry = tuple[Any, str | None]
"""A value and None, or None and the reason."""
Counts = NDArray[np.int64] | None
NO_SPACING = "the voxel spacing is unknown"


@dataclass(frozen=True)
class Scale:
    """What turns counts into clinical quantities; None where unknown, with the reason.

    Attributes:
        voxel_ml: millilitres of a voxel.
        bsa_m2: body surface area.
        heart_rate_bpm: beats per minute.
    """

    voxel_ml: float | None
    bsa_m2: Entry
    heart_rate_bpm: Entry


def ventricle(name: str, counts: Counts, phases: Phases, scale: Scale) -> dict[str, Entry]:
    """Volumes, ejection fraction, output and indexed values of a ventricle, from counts [frame, slice] or None."""
    ed, no_ed = _voxels_at(name, counts, phases.ed_index, "end-diastole", phases)
    es, no_es = _voxels_at(name, counts, phases.es_index, "end-systole", phases)
    no_volume = None if scale.voxel_ml is not None else NO_SPACING
    beat = ejection(ed, es, scale.voxel_ml)
    output = cardiac_output_l_min(beat.sv_ml, scale.heart_rate_bpm[0])
    values = {
        "edv_ml": _entry(beat.edv_ml, no_ed, no_volume),
        "esv_ml": _entry(beat.esv_ml, no_es, no_volume),
        "sv_ml": _entry(beat.sv_ml, no_ed, no_es, no_volume),
        "ef_percent": _entry(beat.ef_percent, no_ed, no_es),
        "co_l_min": _entry(output, no_ed, no_es, no_volume, scale.heart_rate_bpm[1]),
    }
    return values | indexed(values, scale)


def myocardium(counts: Counts, phases: Phases, scale: Scale) -> dict[str, Entry]:
    """Left-ventricular mass at end-diastole and end-systole, and indexed, from counts [frame, slice] or None."""
    no_volume = None if scale.voxel_ml is not None else NO_SPACING
    values: dict[str, Entry] = {}
    for key, frame, moment in (
        ("mass_g", phases.ed_index, "end-diastole"),
        ("mass_es_g", phases.es_index, "end-systole"),
    ):
        voxels, missing = _voxels_at("myocardium", counts, frame, moment, phases)
        values[key] = _entry(mass_g(voxels, scale.voxel_ml), missing, no_volume)
    return values | indexed({"mass_g": values["mass_g"]}, scale)


def indexed(values: Mapping[str, Entry], scale: Scale) -> dict[str, Entry]:
    """Volumes, output and mass divided by body surface area: `edv_ml` gives `edv_index_ml_m2`."""
    bsa, no_bsa = scale.bsa_m2
    found: dict[str, Entry] = {}
    for key, (value, reason) in values.items():
        quantity, _, unit = key.partition("_")
        if unit != "percent":
            found[f"{quantity}_index_{unit}_m2"] = _entry(
                None if value is None or bsa is None else value / bsa, reason, no_bsa
            )
    return found


def _voxels_at(name: str, counts: Counts, frame: int | None, moment: str, phases: Phases) -> tuple[int, str | None]:
    """The voxels at a phase, or 0 and why there are none."""
    if counts is None:
        return 0, f"the labels do not tell the {name}"
    if frame is None:
        return 0, f"{moment} is unknown: {phases.reason}"
    voxels = int(counts[frame].sum())
    return voxels, None if voxels else f"no {name} was labelled at {moment}"


def _entry(value: float | None, *reasons: str | None) -> Entry:
    """The value, or None with the first reason that holds."""
    if value is not None:
        return float(value), None
    return None, next(reason for reason in reasons if reason is not None)
