"""A segmented study's files: masks in the form of the source, measures, a report and a thumbnail."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.study import Origin
from shortaxis.files.writer import write_bytes, write_image, write_json, write_labels, write_text
from shortaxis.jobs.segment import Segmentation
from shortaxis.report.html import render_case
from shortaxis.report.thumbnail import thumbnail

MEASURES, REPORT, THUMBNAIL = "measures.json", "report.html", "thumbnail.jpg"
EXPERIMENTAL_FILE = "EXPERIMENTAL model. Research use only."  # in the header of what it drew


def write_case(result: Segmentation, folder: Path, provenance: Mapping[str, Any], with_report: bool) -> list[Path]:
    """Write a case and return its files, the manifest not among them: whoever calls writes it when all else is safe."""
    written: list[Path] = []
    for origin in result.study.origins:
        written += _write_origin(result, origin, folder)
    write_json(folder / MEASURES, result.measures)
    written.append(folder / MEASURES)
    if with_report:
        page = render_case(result.study, result.labels, result.scheme, result.measures, provenance)
        write_text(folder / REPORT, page)
        picture = thumbnail(result.study, result.labels, result.scheme, result.measures["phases"]["ed_index"] or 0)
        write_bytes(folder / THUMBNAIL, base64.b64decode(picture))
        written += [folder / REPORT, folder / THUMBNAIL]
    return written


def _write_origin(result: Segmentation, origin: Origin, folder: Path) -> list[Path]:
    study, frames = result.study, _taken(origin.frames)
    time_ms, said = study.facts.frame_time_ms, EXPERIMENTAL_FILE if result.measures.get("experimental") else ""

    def put(name: str, labels: NDArray[np.uint8], is_4d: bool) -> Path:
        path = folder / f"{origin.stem}_{name}.nii.gz"
        write_labels(path, labels, study.grid, is_4d=is_4d, frame_time_ms=time_ms, description=said)
        return path

    written = [put("labels", result.labels[frames], origin.is_4d)]
    if origin.is_4d:
        phases = result.measures["phases"]
        for phase in ("ed", "es"):
            index = phases[f"{phase}_index"]
            if index is not None:
                written.append(put(f"{phase}_labels", result.labels[[index]], False))
    if result.variance is not None:
        path = folder / f"{origin.stem}_variance.nii.gz"
        write_image(path, result.variance[frames], study.grid, origin.is_4d, time_ms, said)
        written.append(path)
    if study.keeps_image:
        path = folder / f"{origin.stem}_image.nii.gz"
        write_image(path, study.image[frames], study.grid, origin.is_4d, time_ms)
        written.append(path)
    return written


def _taken(frames: tuple[int, ...]) -> slice | list[int]:
    """Frames as an index; of a whole stretch one that copies nothing."""
    if frames and frames == tuple(range(frames[0], frames[-1] + 1)):
        return slice(frames[0], frames[-1] + 1)
    return list(frames)
