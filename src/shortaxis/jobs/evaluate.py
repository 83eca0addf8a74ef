"""`evaluate`: a folder of masks against a folder of reference masks, matched by the names they share.

Reference `x_gt.nii.gz` and prediction `x_labels.nii.gz` (or `x.nii.gz`, `x_seg.nii.gz`, ...) are both of `x`,
wherever below their folders they lie; so are `x_ED.nii.gz` and `x_ES.nii.gz`. A reference laid out as ACDC brings its
phases along; elsewhere a name ending in `_ed` or `_es` states one. Where a reference of several frames states
neither, its own left-ventricular volumes say which frames they are; the prediction is measured at the same frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shortaxis.core.errors import NoStudy
from shortaxis.core.labels import Labels, LabelScheme, Structure, scheme_named
from shortaxis.core.study import Facts, Origin, Study
from shortaxis.files.gate import load_labels
from shortaxis.files.names import output_name
from shortaxis.files.replace import refuse_to_replace
from shortaxis.files.writer import write_csv, write_json
from shortaxis.jobs.prediction_files import label_files, masks_by_stem, prediction_of
from shortaxis.measure.evaluate import evaluate_case, evaluate_slices, missed_on_mid_slices
from shortaxis.measure.phases import find_phases
from shortaxis.measure.summary import summarise, summarise_slices
from shortaxis.read.acdc import find_acdc, read_acdc_labelled
from shortaxis.read.file_names import labels_stem

OUTPUTS = ("scores.csv", "slices.csv", "faults.csv", "summary.json")
STATED, FROM_CURVE, UNKNOWN = "stated by the reference", "from the reference's volume curve", "not known"
_PHASE = re.compile(r"[_-](ed|es)$", re.IGNORECASE)


def evaluate_folders(
    reference: Path,
    prediction: Path,
    out: Path,
    reference_scheme: str = "acdc",
    prediction_scheme: str = "acdc",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Score every reference case and write `scores.csv`, `slices.csv`, `faults.csv` and `summary.json` into `out`.

    A reference without a prediction is scored against an empty mask and named under `without_prediction`.

    Returns:
        The summary of `measure.summary.summarise` with `by_slice` (`summarise_slices`), `phases` (where they are from,
        each way that occurred), `without_prediction` and `faults_on_mid_slices`.

    Raises:
        OutputExists: `out` holds scores already and `overwrite` is off.
        NoStudy: no reference mask was found, or no prediction bears the name of one.
        GridMismatch: a prediction lies on another grid than its reference.
        UnknownLabel: a number outside the scheme named for its folder.
    """
    refuse_to_replace(out, OUTPUTS, overwrite)
    scheme = scheme_named(prediction_scheme)
    predictions = masks_by_stem(prediction)
    rows, slices, faults, missing, sources, wanted = [], [], [], [], dict[str, None](), 0
    for stated in reference_studies(reference, scheme_named(reference_scheme)):
        study, source = with_phases(stated)
        sources[source] = None
        masks, absent = prediction_of(study, predictions, scheme)
        missing += absent
        wanted += len(study.origins)
        rows += evaluate_case(study, masks, scheme)
        slices += evaluate_slices(study, masks, scheme)
        faults += missed_on_mid_slices(study, masks, scheme)
    if len(missing) >= wanted:
        raise _none_matches(missing[0], predictions, prediction)
    told = {"phases": "; ".join(sources), "without_prediction": missing, "faults_on_mid_slices": len(faults)}
    summary = {**summarise(rows), "by_slice": summarise_slices(slices), **told}
    write_csv(out / "scores.csv", rows)
    write_csv(out / "slices.csv", slices)
    write_csv(out / "faults.csv", faults, ["case", "frame_number", "phase", "slice_number", "structure", "outcome"])
    write_json(out / "summary.json", summary)
    return summary


def _none_matches(wanted: str, predictions: Mapping[str, Path], folder: Path) -> NoStudy:
    held = ", ".join(path.name for path in list(predictions.values())[:3])
    return NoStudy(
        f"masks that bear the names of their references, such as {wanted}_labels.nii.gz",
        f"{len(predictions)} of other names ({held})" if predictions else "no mask",
        "check --prediction, or name the masks after their references", folder,
    )  # fmt: skip


def reference_studies(root: Path, scheme: LabelScheme) -> Iterator[Study]:
    """Labelled studies of a reference folder: its ACDC patients, then one per mask that lies outside of them.

    Raises NoStudy where there is neither.
    """
    patients = find_acdc(root)
    files = [path for path in sorted(label_files(root)) if not any(path.is_relative_to(each) for each in patients)]
    if not patients and not files:
        raise NoStudy("reference masks (.nii, .nii.gz)", "none", "check --reference", root)
    yield from (read_acdc_labelled(folder) for folder in patients)
    yield from (_mask_as_study(path, scheme) for path in files)


def with_phases(study: Study) -> tuple[Study, str]:
    """A labelled study with its phases, those of its labels' volume curve where it states none; where they are from."""
    if study.facts.ed_index is not None or study.facts.es_index is not None:
        return study, STATED
    if study.labels is None:
        return study, UNKNOWN
    cavity = study.labels.scheme.mask(study.labels.array, Structure.LV_CAVITY)
    found = find_phases(np.count_nonzero(cavity, axis=(1, 2, 3)).tolist())
    if found.ed_index is None:
        return study, UNKNOWN
    return replace(study, facts=replace(study.facts, ed_index=found.ed_index, es_index=found.es_index)), FROM_CURVE


def _mask_as_study(path: Path, scheme: LabelScheme) -> Study:
    """A mask by itself as a labelled study; its image is the mask, which no score looks at."""
    volume = load_labels(path, scheme)
    stem = labels_stem(path)
    phase = _PHASE.search(stem)
    is_ed, is_es = (phase is not None and phase[1].lower() == name for name in ("ed", "es"))
    facts = Facts(ed_index=0 if is_ed else None, es_index=0 if is_es else None)
    array = volume.array.astype(np.uint8)
    origin = Origin(stem, tuple(range(len(array))), volume.is_4d, path)
    return Study(
        output_name(_PHASE.sub("", stem)), array, volume.grid, (origin,), facts, Labels.complete(array, scheme)
    )
