"""One reading of many patients: the cases of `segment` or `measure`, or a folder of masks, under the patients' names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from shortaxis.core.errors import BadConfiguration, DamagedFile, GridMismatch
from shortaxis.core.labels import Labels, LabelScheme
from shortaxis.core.species import species_of
from shortaxis.core.study import Study
from shortaxis.files.gate import check_same_grid, load_labels
from shortaxis.files.json_file import read_json
from shortaxis.jobs.case_files import MEASURES
from shortaxis.jobs.evaluate import reference_studies, with_phases
from shortaxis.measure.case import measure_case
from shortaxis.read.folders import walk

SECTIONS = ("lv", "rv", "wall", "infarct")
OF_A_PHASE = ("_ed_labels.nii.gz", "_es_labels.nii.gz")  # copies of what the whole cine's mask holds


@dataclass(frozen=True, eq=False)
class Reading:
    """One patient as one reader, method or scan has it.

    Attributes:
        indices: by dotted key, as `lv.ef_percent`; None where undefined.
        study: masks as labels, with the phases they were measured at; None where only measures are there.
        species: whose heart it is.
    """

    case: str
    indices: Mapping[str, float | None]
    study: Study | None
    species: str = "human"


def readings_of(root: Path, scheme: LabelScheme) -> dict[str, Reading]:
    """Every case at or below `root` by its name.

    Where any folder has a `measures.json`, those folders are the cases, with the masks beside it; else the masks are, as
    `evaluate` reads a reference: ACDC's folders, or files of which `x_ed` and `x_es` are one patient.

    Raises:
        NoStudy: neither is there.
        DamagedFile: a `measures.json` is not one.
        BadConfiguration: two cases have one name.
        GridMismatch, UnknownLabel: masks of a case do not fit together, or have numbers outside `scheme`.
    """
    folders = [folder for folder, files in walk(root) if any(path.name == MEASURES for path in files)]
    found: dict[str, Reading] = {}
    for reading in _measured(folders, scheme) if folders else _drawn(root, scheme):
        if reading.case in found:
            raise BadConfiguration(
                f"one case of the name {reading.case!r}", "several", "give a folder with one reading per patient", root
            )
        found[reading.case] = reading
    return found


def _measured(folders: list[Path], scheme: LabelScheme) -> Iterator[Reading]:
    """Cases that `segment` or `measure` wrote; their own measures, not measured again."""
    for folder in folders:
        measures = _read_measures(folder / MEASURES)
        species = str((measures.get("patient") or {}).get("species") or "human")
        yield Reading(measures["case"], indices_of(measures), _masks_beside(folder, measures, scheme), species)


def _read_measures(path: Path) -> dict[str, Any]:
    measures = read_json(path)
    if not isinstance(measures, dict) or not isinstance(measures.get("case"), str):
        raise DamagedFile("measures of one case", "another JSON file", "measure the case again", path)
    if odd := [section for section in SECTIONS if not isinstance(measures.get(section) or {}, dict)]:
        raise DamagedFile(f"a table of measures as {odd[0]}", "something else", "measure the case again", path)
    return measures


def indices_of(measures: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers of the ventricles, the wall and the infarct; per body surface and per segment they are left out."""
    found: dict[str, float | None] = {}
    for section in SECTIONS:
        for key, value in (measures.get(section) or {}).items():
            is_number = value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
            if is_number and "_index_" not in key:
                found[f"{section}.{key}"] = value
    return found


def _masks_beside(folder: Path, measures: Mapping[str, Any], scheme: LabelScheme) -> Study | None:
    """The masks in a case's folder as one labelled study; None where there are none."""
    paths = [path for path in sorted(folder.glob("*_labels.nii.gz")) if not path.name.endswith(OF_A_PHASE)]
    if not paths:
        return None
    volumes = [load_labels(path, scheme) for path in paths]
    for volume, path in zip(volumes, paths, strict=True):
        check_same_grid(volume.grid, volumes[0].grid, path)
    array = np.concatenate([volume.array for volume in volumes]).astype(np.uint8, copy=False)
    phases = measures.get("phases") or {}
    study = Study(measures["case"], array, volumes[0].grid, (), labels=Labels.complete(array, scheme))
    indices = (phases.get("ed_index"), phases.get("es_index"))
    for index in indices:
        if index is not None and not 0 <= index < len(array):
            expected = f"masks of the measured frames, number {index + 1} among them"
            raise GridMismatch(expected, f"masks of {len(array)} frames", "segment the case again", folder)
    return replace(study, facts=replace(study.facts, ed_index=indices[0], es_index=indices[1]))


def _drawn(root: Path, scheme: LabelScheme) -> Iterator[Reading]:
    """Cases of masks, measured here."""
    by_name: dict[str, list[Study]] = {}
    for study in reference_studies(root, scheme):
        by_name.setdefault(study.name, []).append(study)
    for studies in by_name.values():
        study = with_phases(_joined(studies, scheme, root))[0]
        if study.labels is not None:
            measures = measure_case(study, study.labels.array, study.labels.scheme)
            yield Reading(study.name, indices_of(measures), study, species_of(study))


def _joined(studies: list[Study], scheme: LabelScheme, root: Path) -> Study:
    """End-diastole and end-systole from files of their own as one study."""
    if len(studies) == 1:
        return studies[0]
    name = studies[0].name
    ed, es = ([s for s in studies if getattr(s.facts, key) is not None] for key in ("ed_index", "es_index"))
    if len(studies) != 2 or len(ed) != 1 or len(es) != 1:
        expected = f"masks of {name!r} at end-diastole and end-systole, one each"
        raise BadConfiguration(expected, f"{len(studies)} files", "give each patient a name of its own", root)
    check_same_grid(es[0].grid, ed[0].grid, es[0].origins[0].path or root)
    array = np.concatenate([ed[0].image, es[0].image]).astype(np.uint8, copy=False)
    facts = replace(ed[0].facts, ed_index=0, es_index=len(ed[0].image))
    return replace(ed[0], image=array, facts=facts, labels=Labels.complete(array, scheme))
