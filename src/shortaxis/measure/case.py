"""Everything measured on one case, as nested plain values ready for JSON.

Undefined is None, and `reasons` says why under the value's dotted key, as `lv.ef_percent`. Nothing is rounded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.core.species import with_species
from shortaxis.core.study import Facts, Grid, Note, Study
from shortaxis.measure.accept import check_labels
from shortaxis.measure.aha_wall import wall_by_segment
from shortaxis.measure.enclosed import with_enclosed_cavity
from shortaxis.measure.infarct import infarct
from shortaxis.measure.nesting import nested
from shortaxis.measure.normal import body_surface_area_m2, normal_ranges
from shortaxis.measure.phases import Phases, find_phases
from shortaxis.measure.stroke_volumes import stroke_volume_notes
from shortaxis.measure.transmurality import transmurality_by_segment
from shortaxis.measure.units import restated, units_of
from shortaxis.measure.ventricles import NO_SPACING, Entry, Scale, myocardium, ventricle
from shortaxis.measure.volumes import MEASURED, SHORT, heart_rate_from_cine, slice_table, volume_curve_ml, voxel_counts
from shortaxis.measure.wall import wall_thickness
from shortaxis.repair.anatomy import check_anatomy

Counts = Mapping[Structure, NDArray[np.int64]]
HEART_RATES_BPM = {"human": (30.0, 200.0), "mouse": (200.0, 900.0)}  # ours: outside it the cine is not one beat
CONVENTION = {
    "papillary_muscles": "Papillary muscles and trabeculae count to the cavity.",
    "basal_slices": "Every slice on which a structure is labelled counts; no basal slice is left out by hand.",
    "volumes": "Volume is the number of voxels times the voxel volume, gaps between slices included.",
    "phases": "Both ventricles are measured at the left ventricle's end-diastole and end-systole.",
    "mass": "Mass is the myocardial volume at end-diastole times 1.05 g/ml.",
    "segments": "Segments of the wall are the American Heart Association's, counted from the right ventricle's anterior "
    "insertion; basal, mid and apical are thirds of the slices whose wall is closed.",
    "indexing": "Indexed values are divided by the body surface area after Mosteller.",
}


def measure_case(
    study: Study, labels: NDArray[np.uint8], scheme: LabelScheme, facts: Facts | None = None
) -> dict[str, Any]:
    """All measures of one case.

    Args:
        study: the case; its image is not looked at.
        labels: uint8 [frame, slice, row, col] on the study's grid, numbers of `scheme`.
        facts: what is known about scan and patient; the study's own where not given.

    Returns:
        A dictionary with `case`, `phases`, `lv`, `rv`, `wall`, `infarct` (where the labels part the myocardium),
        `patient`, `curve` (`frame` is 0-based), `slices` (one row per slice), `ranges` (normal ranges by dotted key),
        `convention`, `notes` and `reasons`. `lv.wall.aha.<segment>` holds `ed_mm`, `es_mm` and `thickening_percent` of
        the heart association's segments 1 to 16, `infarct.transmurality.<segment>` its `mean_percent` and
        `deepest_percent`. A mouse's volumes are in microlitres and its masses in milligrams, under
        keys as `lv.edv_ul` and `lv.mass_mg`.

    Raises:
        GridMismatch: the labels' shape is not the study's.
        UnknownLabel: a number outside the scheme.
        BadPatientFacts: a given ED or ES frame does not exist.
    """
    study = with_species(study if facts is None else replace(study, facts=facts))
    facts = study.facts
    check_labels(labels, study.image, scheme)
    labels, scheme, said = with_enclosed_cavity(labels, scheme)
    study = study.with_notes(*said)
    counts = voxel_counts(labels, scheme)
    lv = counts.get(Structure.LV_CAVITY)
    per_frame = [0] * len(labels) if lv is None else [int(n) for n in lv.sum(axis=1)]
    phases = find_phases(per_frame, facts.ed_index, facts.es_index)
    patient = _patient(facts, len(labels))
    scale = Scale(study.grid.voxel_ml, patient["bsa_m2"], patient["heart_rate_bpm"])
    sections: dict[str, dict[str, Entry]] = {
        "phases": _phases(phases),
        "lv": ventricle("left ventricle", lv, phases, scale)
        | myocardium(counts.get(Structure.MYOCARDIUM), phases, scale)
        | wall_by_segment(labels, scheme, study, phases),
        "rv": ventricle("right ventricle", counts.get(Structure.RV_CAVITY), phases, scale),
        "wall": _wall(labels, scheme, study.grid, phases),
        "infarct": infarct(labels[phases.ed_index or 0], scheme, study.grid.voxel_ml)
        | transmurality_by_segment(labels[phases.ed_index or 0], scheme, study),
        "patient": patient,
    }
    reasons = {f"{name}.{key}": why for name, part in sections.items() for key, (_, why) in part.items() if why}
    curve, no_curve = _curve(counts, study.grid.voxel_ml, facts.frame_time_ms, len(labels))
    slices, no_slices = _slices(counts, study.grid, phases)
    measures = {
        "case": study.name,
        **({"identity": dict(study.identity)} if study.identity else {}),
        **{name: nested({key: value for key, (value, _) in part.items()}) for name, part in sections.items() if part},
        "curve": curve,
        "slices": slices,
        "ranges": normal_ranges(facts),
        "convention": _convention(facts),
        "notes": _notes(study, _unlike_a_heart(labels, scheme, phases, sections)),
        "reasons": reasons | no_curve | no_slices,
    }
    return restated(measures, units_of(facts.species))


def _convention(facts: Facts) -> dict[str, str]:
    """What every number rests on; nothing of a mouse is indexed."""
    ours = {key: text for key, text in CONVENTION.items() if key != "indexing" or facts.species == "human"}
    return ours | ({"labels": facts.convention} if facts.convention else {})


def _phases(phases: Phases) -> dict[str, Entry]:
    """Indices, 1-based numbers and where they come from."""
    values: dict[str, Any] = {
        "ed_index": phases.ed_index,
        "es_index": phases.es_index,
        "ed_number": None if phases.ed_index is None else phases.ed_index + 1,
        "es_number": None if phases.es_index is None else phases.es_index + 1,
        "source": phases.source,
        "found_ed_index": phases.found_ed_index,
        "found_es_index": phases.found_es_index,
    }
    return {key: (value, phases.reason if value is None else None) for key, value in values.items()}


def _patient(facts: Facts, n_frames: int) -> dict[str, Entry]:
    """What is known about the patient, with body surface area and heart rate derived where they can be."""
    bsa = body_surface_area_m2(facts.height_cm, facts.weight_kg) if facts.species == "human" else None
    rate = facts.heart_rate_bpm
    from_cine = heart_rate_from_cine(n_frames, facts.frame_time_ms, *HEART_RATES_BPM[facts.species or "human"])
    no_rate = "no heart rate was given, and the cine does not tell it: its frame time is unknown or it is not one beat"
    source = "given" if rate is not None else "frames times frame time" if from_cine is not None else None
    values: dict[str, tuple[Any, str]] = {
        "species": (facts.species, "not given"),
        "sex": (facts.sex, "not given"),
        "height_cm": (facts.height_cm, "not given"),
        "weight_kg": (facts.weight_kg, "not given"),
        "bsa_m2": (bsa, "height or weight is unknown"),
        "heart_rate_bpm": (from_cine if rate is None else rate, no_rate),
        "heart_rate_source": (source, no_rate),
    }
    return {key: (value, why if value is None else None) for key, (value, why) in values.items()}


def _wall(labels: NDArray[np.uint8], scheme: LabelScheme, grid: Grid, phases: Phases) -> dict[str, Entry]:
    """End-diastolic wall thickness: the mean of the slices' means, and the thickest place on any ray."""
    found = [] if phases.ed_index is None else wall_thickness(labels[phases.ed_index], scheme, grid.pixel_mm)
    if found:
        return {
            "ed_mean_mm": (float(np.mean([one.mean_mm for one in found])), None),
            "ed_max_mm": (max(one.max_mm for one in found), None),
        }
    why = "on no slice does the myocardium close round the cavity"
    if phases.ed_index is None:
        why = f"end-diastole is unknown: {phases.reason}"
    elif grid.pixel_mm is None:
        why = NO_SPACING
    return {"ed_mean_mm": (None, why), "ed_max_mm": (None, why)}


def _curve(
    counts: Counts, voxel_ml: float | None, frame_time_ms: float | None, n_frames: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """The volume of each structure in each frame, and why anything in it is None."""
    reasons: dict[str, str] = {}
    curve: dict[str, Any] = {
        "time_ms": None if frame_time_ms is None else [frame * float(frame_time_ms) for frame in range(n_frames)],
        "frame": list(range(n_frames)),
    }
    if frame_time_ms is None:
        reasons["curve.time_ms"] = "the frame time is unknown"
    for structure in MEASURED:
        key = f"{SHORT[structure]}_ml"
        known = structure in counts
        curve[key] = volume_curve_ml(counts[structure], voxel_ml) if known else [None] * n_frames
        if not known or voxel_ml is None:
            reasons[f"curve.{key}"] = NO_SPACING if known else "the labels do not tell this structure"
    return curve, reasons


def _slices(counts: Counts, grid: Grid, phases: Phases) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows per slice, and why a column is None."""
    pixel_mm2 = None if grid.pixel_mm is None else grid.pixel_mm[0] * grid.pixel_mm[1]
    frames = {"ed": phases.ed_index, "es": phases.es_index}
    rows = slice_table(counts, frames, grid.voxel_ml, pixel_mm2)
    reasons: dict[str, str] = {}
    for key in (key for key, value in (rows[0] if rows else {}).items() if value is None):
        phase, short, _ = key.split("_", 2)
        if short not in {SHORT[structure] for structure in counts}:
            reasons[f"slices.{key}"] = "the labels do not tell this structure"
        else:
            reasons[f"slices.{key}"] = (
                NO_SPACING if frames[phase] is not None else f"no {phase.upper()}: {phases.reason}"
            )
    return rows, reasons


def _unlike_a_heart(
    labels: NDArray[np.uint8], scheme: LabelScheme, phases: Phases, sections: Mapping[str, Mapping[str, Entry]]
) -> tuple[Note, ...]:
    """What the labels show that a heart does not, and what its two ventricles' volumes say of each other."""
    seen = check_anatomy(labels, scheme, phases.ed_index, phases.es_index)
    return seen + stroke_volume_notes(sections["lv"]["sv_ml"][0], sections["rv"]["sv_ml"][0])


def _notes(study: Study, further: tuple[Note, ...]) -> list[dict[str, str]]:
    """The study's notes and what the labels show, each once."""
    return [asdict(note) for note in dict.fromkeys((*study.notes, *further))]
