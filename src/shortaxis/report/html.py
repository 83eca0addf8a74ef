"""One case as one HTML file: images with contours, the volume-time curve, indices, notes and provenance.

The file needs no network and allows none. Measures come as the mapping that `measure` makes; keys that are missing are
left out, keys that are not known here are shown under their own name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from shortaxis.core.errors import GridMismatch
from shortaxis.core.labels import LabelScheme
from shortaxis.core.study import Study
from shortaxis.report.bullseye import bullseyes_of
from shortaxis.report.contours import structure_outlines
from shortaxis.report.curve import Curve, curve_of
from shortaxis.report.indices import (
    Index,
    Section,
    by_quantity,
    flattened,
    humanised,
    name_and_unit,
    sections_of,
    shown,
)
from shortaxis.report.page import embedded_json, plain, render_page
from shortaxis.report.palette import LOOKS, drawn_structures
from shortaxis.report.phase_rows import phase_rows
from shortaxis.report.sprites import Box, heart_box, middle_slice, sprite_sheets, stored_box

_FIGURES = {
    "lv.ef": "LV EF",
    "lv.edv": "LV EDV",
    "lv.esv": "LV ESV",
    "lv.sv": "LV SV",
    "lv.mass": "LV mass",
    "rv.ef": "RV EF",
    "rv.edv": "RV EDV",
    "rv.esv": "RV ESV",
    "infarct.infarct_volume": "Infarct",
    "infarct.infarct": "Infarct share",
    "infarct.no_reflow": "No-reflow share",
}
_ABOUT = (
    "Contours follow the edges of the segmented pixels, smoothed by at most half a pixel; 'Pixel edges' shows them exactly. "
    "Pictures are windowed to 8 bits and compressed for viewing; every number comes from the original voxels. "
    "Images are shown as they are stored, not turned to a common orientation."
)
_NO_CONVENTION = "The measures state no convention for papillary muscles and basal slices."


def render_case(
    study: Study,
    labels: NDArray[np.uint8],
    scheme: LabelScheme,
    measures: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> str:
    """The case's report as the text of one HTML file.

    Args:
        study: the images, real numbers [frame, slice, row, col].
        labels: uint8 of the same shape, numbers of `scheme`.
        measures: as `measure` makes them; None stands for undefined, with its reason under `reasons`.
        provenance: names and values, nested or not, shown in their order (see `manifest.build_manifest`).

    Raises:
        GridMismatch: labels of another shape than the images.
    """
    if labels.shape != study.image.shape:
        raise GridMismatch(
            f"labels of the images' shape {study.image.shape}",
            f"labels of shape {labels.shape}",
            "put the labels back on the study's grid before reporting",
        )
    n_frames, n_slices = labels.shape[:2]
    heart = heart_box(labels)
    stored = stored_box(labels.shape, heart)
    curve = curve_of(measures, n_frames)
    sections = sections_of(measures)
    phases = measures.get("phases") or {}
    return render_page(
        "case.html.jinja",
        "case.css",
        "case.js",
        case=str(measures.get("case") or study.name),
        summary=_summary(study),
        notes=_notes(study, measures),
        figures=list(_figures(sections)),
        n_frames=n_frames,
        n_slices=n_slices,
        has_ed=phases.get("ed_index") is not None,
        has_es=phases.get("es_index") is not None,
        can_widen=stored != heart,
        legend=[LOOKS[structure] for structure in drawn_structures(scheme)],
        curve=curve,
        sections=sections,
        bullseyes=bullseyes_of(measures),
        phases=list(phase_rows(measures, study.origins)),
        conventions=[*_conventions(measures, study), _ABOUT],
        slices=_slice_table(measures),
        provenance=list(_provenance_rows(provenance)),
        payload=_payload(study, labels, scheme, heart, stored, curve, phases),
    )


def _payload(
    study: Study,
    labels: NDArray[np.uint8],
    scheme: LabelScheme,
    heart: Box,
    stored: Box,
    curve: Curve | None,
    phases: Mapping[str, Any],
) -> Markup:
    """What the page's script reads: pictures, outlines, the curve's positions."""
    sprites = sprite_sheets(study.image, stored)
    structures = drawn_structures(scheme)
    ed_index, es_index = phases.get("ed_index"), phases.get("es_index")
    first_frame = ed_index if ed_index is not None and 0 <= ed_index < labels.shape[0] else 0
    return embedded_json(
        {
            "frames": labels.shape[0],
            "slices": labels.shape[1],
            "first": {"frame": first_frame, "slice": middle_slice(labels[first_frame])},
            "phases": {"ed": ed_index, "es": es_index},
            "box": _corners(stored),
            "heart": _corners(heart),
            "columns": sprites.columns,
            "sheets": sprites.sheets,
            "pixelKnown": study.grid.pixel_mm is not None,
            "pixelMm": study.grid.pixel_mm or (1.0, 1.0),
            "structures": [asdict(LOOKS[structure]) for structure in structures],
            "rings": structure_outlines(labels, scheme, structures),
            "timesMs": curve.times_ms if curve else None,
            "frameX": curve.frame_x if curve else [],
            "volumeUnit": curve.unit if curve else "",
            "lines": [
                {"key": line.key, "title": line.title, "y": line.y, "volumes": line.volumes}
                for line in (curve.lines if curve else ())
            ],
        }
    )


def _corners(box: Box) -> list[int]:
    return [box.row0, box.col0, box.row1, box.col1]


def _summary(study: Study) -> str:
    """Kind of scan, counts and spacing in one line."""
    n_frames, n_slices = study.image.shape[:2]
    kind = {"cine": "Short-axis cine", "lge": "Short-axis late enhancement"}.get(
        str(study.facts.modality), "Short-axis stack"
    )
    kind += " of a mouse" if study.facts.species == "mouse" else ""
    counts = f"{n_frames} frame{'s' * (n_frames != 1)} × {n_slices} slice{'s' * (n_slices != 1)}"
    if study.grid.spacing_mm is None:
        return f"{kind}, {counts}, spacing unknown"
    between, row, col = study.grid.spacing_mm
    return f"{kind}, {counts}, {row:.2f} × {col:.2f} mm, slices {between:.1f} mm apart"


def _notes(study: Study, measures: Mapping[str, Any]) -> list[dict[str, str]]:
    """Notes of the measures and of the study, each once."""
    given = [dict(note) for note in measures.get("notes") or ()]
    given.extend(asdict(note) for note in study.notes)
    once = {(str(note.get("code", "")), str(note.get("text", ""))): None for note in given}
    return [{"code": code, "text": text} for code, text in once]


def _figures(sections: Sequence[Section]) -> Iterator[Index]:
    found = by_quantity(sections)
    figures = [replace(found[quantity], name=title) for quantity, title in _FIGURES.items() if quantity in found]
    yield from sorted(figures, key=lambda figure: figure.value is None)  # what is not defined comes last


def _conventions(measures: Mapping[str, Any], study: Study) -> Iterator[str]:
    convention: Any = measures.get("convention")
    if isinstance(convention, Mapping):
        yield from (_sentence(key, shown(value)) for key, value in flattened(convention))
    elif isinstance(convention, Sequence) and not isinstance(convention, str):
        yield from (str(line) for line in convention)
    else:
        yield str(convention) if convention else _NO_CONVENTION
    if study.facts.convention and not (isinstance(convention, Mapping) and convention.get("labels")):
        yield f"The data set's readers: {study.facts.convention}"


def _sentence(key: str, text: str | None) -> str:
    """A convention in words; one that is a sentence already needs no heading."""
    return text if text and text.endswith(".") else f"{humanised(key)}: {text or 'not stated'}"


def _slice_table(measures: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of `measures["slices"]` under the union of their keys."""
    rows: list[Mapping[str, Any]] = list(measures.get("slices") or ())
    keys = list(dict.fromkeys(key for row in rows for key in row if key != "slice_index"))
    columns = []
    for key in keys:
        name, unit = name_and_unit(key)
        numbers = all(isinstance(row.get(key), (int, float, type(None))) for row in rows)
        columns.append({"title": f"{name} ({unit})" if unit else name, "is_number": numbers})
    return {"columns": columns, "rows": [[shown(row.get(key)) for key in keys] for row in rows]}


def _provenance_rows(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for key, value in flattened(plain(provenance)):
        yield " / ".join(humanised(part) for part in key.split(".")), shown(value)
