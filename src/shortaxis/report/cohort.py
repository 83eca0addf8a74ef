"""Many cases at once: one flat table of measures, and one page that says which cases to look at first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from shortaxis.report.indices import Index, by_quantity, flattened, sections_of, shown
from shortaxis.report.page import plain, render_page

_LEFT_OUT = frozenset({"curve", "slices", "notes", "reasons", "ranges", "convention", "error", "case"})
_COLUMNS = {
    "lv.ef": "LV EF",
    "lv.edv": "LV EDV",
    "lv.esv": "LV ESV",
    "lv.mass": "LV mass",
    "rv.ef": "RV EF",
    "rv.edv": "RV EDV",
    "rv.esv": "RV ESV",
    "certainty.heart_probability": "Certainty",
}
MOST_THUMBNAILS = 1000  # at about 4 kB each; the cases to look at first have theirs


@dataclass(frozen=True)
class CohortEntry:
    """A case on the index page.

    Attributes:
        measures: as `measure` makes them, or `{"case": ..., "error": {"code": ..., "text": ...}}` for a refused case.
        href: the case's report, relative to the page; None where there is none.
        thumbnail: base64 JPEG (see `thumbnail.thumbnail`); None where there is none.
    """

    measures: Mapping[str, Any]
    href: str | None = None
    thumbnail: str | None = None


def cohort_rows(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One flat row a case, all with the same columns in the same order.

    Columns are `case`, `status` (`ok` or `error`), `error_code`, `n_notes`, `notes` (codes), then one per measured value
    under its dotted key, such as `lv.ef_percent`. None stands for undefined.
    """
    rows = [_row(case) for case in cases]
    columns = dict.fromkeys(key for row in rows for key in row)
    return [{column: row.get(column) for column in columns} for row in rows]


def render_cohort(entries: Sequence[CohortEntry], title: str = "Cohort") -> str:
    """The index page as the text of one HTML file: refused cases first, then by number of notes, then by name."""
    ordered = sorted(entries, key=lambda entry: (*_urgency(entry.measures), str(entry.measures.get("case", ""))))
    lines = [_line(entry, place < MOST_THUMBNAILS) for place, entry in enumerate(ordered)]
    refused = sum(line["error"] is not None for line in lines)
    noted = sum(bool(line["notes"]) for line in lines if line["error"] is None)
    return render_page(
        "cohort.html.jinja",
        "cohort.css",
        "cohort.js",
        title=title,
        lines=lines,
        columns=list(_COLUMNS.values()),
        n_refused=refused,
        n_noted=noted,
    )


def _row(case: Mapping[str, Any]) -> dict[str, Any]:
    error = _error_of(case)
    notes = [str(note.get("code", "")) for note in case.get("notes") or ()]
    row: dict[str, Any] = {
        "case": str(case.get("case", "")),
        "status": "ok" if error is None else "error",
        "error_code": None if error is None else error["code"],
        "n_notes": len(notes),
        "notes": ";".join(notes),
    }
    for key, value in flattened({key: part for key, part in case.items() if key not in _LEFT_OUT}):
        leaf = plain(value)
        row[key] = ";".join(str(item) for item in leaf) if isinstance(leaf, list) else leaf
    return row


def _error_of(case: Mapping[str, Any]) -> dict[str, str] | None:
    error = case.get("error")
    if error is None:
        return None
    if not isinstance(error, Mapping):
        return {"code": "", "text": str(error)}
    text = error.get("text") or error.get("title") or error.get("found") or ""
    return {"code": str(error.get("code", "")), "text": str(text)}


def _urgency(case: Mapping[str, Any]) -> tuple[bool, int]:
    return _error_of(case) is None, -len(case.get("notes") or ())


def _line(entry: CohortEntry, with_thumbnail: bool) -> dict[str, Any]:
    case = entry.measures
    indices = by_quantity(sections_of(case))
    return {
        "case": str(case.get("case", "")),
        "href": None if entry.href is None else quote(entry.href),
        "thumbnail": entry.thumbnail if with_thumbnail else None,
        "error": _error_of(case),
        "notes": [{"code": str(n.get("code", "")), "text": str(n.get("text", ""))} for n in case.get("notes") or ()],
        "cells": list(_cells(case, indices)),
    }


def _cells(case: Mapping[str, Any], indices: Mapping[str, Index]) -> Iterator[dict[str, Any]]:
    """What the main columns show, with the unrounded value to sort by."""
    for quantity in _COLUMNS:
        index = indices.get(quantity)
        section, _, leaf = (quantity if index is None else index.key).partition(".")
        part = case.get(section)
        value = plain(part.get(leaf)) if isinstance(part, Mapping) else None
        text = None if index is None or index.value is None else f"{index.value} {index.unit}".strip()
        yield {"text": text, "sort": shown(value) and value, "why": index.reason if index else None}
