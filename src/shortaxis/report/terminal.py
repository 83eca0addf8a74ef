"""A case's indices as a table for the terminal; it is returned, printing is the command line's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shortaxis.report.indices import Index, missing_reason, sections_of
from shortaxis.report.phase_rows import phase_rows

_SHOWN = ("infarct", "uncertainty", "lv", "rv", "wall")


def case_table(measures: Mapping[str, Any]) -> RenderableType:
    """The phases, the ventricles' indices with units, each missing one with its reason, then the notes."""
    table = Table(title=Text(str(measures.get("case", ""))), title_justify="left")
    table.add_column("Index")
    table.add_column("Value", justify="right")
    table.add_column("")
    phases = {index.key: index for index in phase_rows(measures)}
    source = phases.get("phases.source")
    for key in ("phases.ed_number", "phases.es_number"):
        if key in phases:
            whence = "" if source is None or source.value is None else f"from {source.value}"
            table.add_row(*_cells(replace(phases[key], unit=whence), None))
    table.add_section()
    for section in sections_of(measures):
        if section.key in _SHOWN:
            table.add_row(Text(section.title, style="bold"), "", "")
            above = None
            for index in section.indices:
                table.add_row(*_cells(index, above))
                above = index.reason
            if section.key == "wall":
                table.add_row(*_thickening(measures))
            table.add_section()
    notes = [
        Text(f"{note.get('code', '')}  {note.get('text', '')}", style="yellow") for note in measures.get("notes") or ()
    ]
    return Group(table, *notes, Text("Research use only. Not for diagnosis.", style="bold"))


def _thickening(measures: Mapping[str, Any]) -> tuple[str, str, Text]:
    """Thickening from ED to ES over the segments that have it: their mean, and the least and the most."""
    segments = ((measures.get("lv") or {}).get("wall") or {}).get("aha") or {}
    known = [one["thickening_percent"] for one in segments.values() if one["thickening_percent"] is not None]
    if not known:
        return "Thickening", "–", Text(missing_reason(measures, "lv.wall.aha.1.thickening_percent"), style="italic")
    told = f"%  {len(known)} of {len(segments)} segments, {min(known):.0f} to {max(known):.0f}"
    return "Thickening", f"{sum(known) / len(known):.0f}", Text(told)


def _cells(index: Index, above: str | None) -> tuple[Text, Text, Text]:
    """Texts, not markup: a name from a file must not be read as style. A reason that stands `above` is not repeated."""
    if index.value is None:
        reason = "as above" if index.reason and index.reason == above else index.reason or ""
        return Text(index.name), Text("–"), Text(reason, style="italic")
    normal = "" if index.outside is None else f"  {index.outside} {index.normal}"
    return Text(index.name), Text(index.value), Text(index.unit + normal)
