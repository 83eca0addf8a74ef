"""Labels that somebody drew or corrected: read beside their scan, measured, and reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import GridMismatch, LabelsMissing, OutputExists
from shortaxis.core.labels import LabelScheme
from shortaxis.core.species import with_species
from shortaxis.core.study import Facts, Origin, Study
from shortaxis.files.gate import check_same_grid, load_labels
from shortaxis.files.writer import write_json, write_text
from shortaxis.jobs.case_files import MEASURES, REPORT
from shortaxis.jobs.finished import MANIFEST
from shortaxis.jobs.segment import with_facts
from shortaxis.measure.case import measure_case
from shortaxis.read.file_names import is_nifti
from shortaxis.read.find import only_study
from shortaxis.read.nifti import read_nifti
from shortaxis.report.html import render_case
from shortaxis.report.manifest import build_manifest, file_sha256

PROVENANCE = "labels given by hand or by another program"


def measure_drawn(
    image: Path, labels: Path, out: Path, scheme: LabelScheme, facts: Facts | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Measure given labels, write `measures.json` and `report.html` into `out`, and return the measures.

    Args:
        image: a NIfTI file, or anything `segment` takes that holds one case: an ACDC patient's two frames are one.
        labels: a NIfTI file, or the folder with the `<stem>_labels.nii.gz` of each of the scan's files.

    Raises:
        OutputExists: `out` is a case that `segment` wrote, or holds measures and `overwrite` is off.
        LabelsMissing: a file of the scan has no labels in the folder.
        GridMismatch: the labels lie on another grid than the image, or have other frames.
        UnknownLabel: a number outside the scheme.
    """
    _refuse_to_replace(out, overwrite)
    study = with_species(with_facts(read_nifti(image) if is_nifti(image) else only_study(image), facts))
    if (labels / MANIFEST).is_file():  # a DICOM case keeps the neutral name that `segment` gave it
        study = replace(study, name=labels.resolve().name)
    array = np.zeros(study.image.shape, np.uint8)
    hashes: dict[str, str] = {}  # by the output's name for the file: its own may be a patient's
    for origin in study.origins:
        path = _file_of(origin, labels)
        array[list(origin.frames)] = _labels_of(origin, path, path == labels, study, scheme)
        hashes[f"{origin.stem}_labels"] = file_sha256(path)
    measures = measure_case(study, array, scheme)
    made = build_manifest(study.sha256, None, None, {}, [], out)
    provenance = {"program": made["program"], "labels": PROVENANCE, "labels_sha256": hashes}
    page = render_case(study, array, scheme, measures, {**provenance, "input_sha256": made["input_sha256"]})
    write_json(out / MEASURES, measures)
    write_text(out / REPORT, page)
    return measures


def _refuse_to_replace(out: Path, overwrite: bool) -> None:
    if (out / MANIFEST).exists():  # whose hashes would no longer be those of the files beside it
        raise OutputExists(
            "a folder for these measures alone", "a case that `segment` wrote", "choose another --out", out
        )
    if (out / MEASURES).exists() and not overwrite:
        raise OutputExists("a folder without measures", MEASURES, "choose another --out, or give --overwrite", out)


def _file_of(origin: Origin, labels: Path) -> Path:
    """The label file of one of the scan's files: `labels` itself, or the one in that folder."""
    path = labels / f"{origin.stem}_labels.nii.gz" if labels.is_dir() else labels
    if not path.exists() and labels.is_dir():
        raise LabelsMissing(path.name, "no such file in the folder", "give the folder that holds it", labels)
    return path


def _labels_of(origin: Origin, path: Path, is_alone: bool, study: Study, scheme: LabelScheme) -> NDArray[np.uint8]:
    """Labels [frame, slice, row, col] of the frames of one of the scan's files."""
    drawn = load_labels(path, scheme)
    check_same_grid(drawn.grid, study.grid, path)
    if drawn.array.shape[0] != len(origin.frames) or (is_alone and len(study.origins) > 1):
        raise GridMismatch(
            f"labels of all {study.n_frames} frames of the scan", f"labels of {drawn.array.shape[0]}",
            "give the labels of every frame (of several files: their folder), or the image of that one frame", path,
        )  # fmt: skip
    return drawn.array.astype(np.uint8)
