"""Which frames are end-diastole and end-systole, as a reader sees them: counted from 1, with where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shortaxis.core.study import Origin
from shortaxis.report.indices import Index, missing_reason, name_and_unit, shown

TAKEN_FROM = {
    "found": "the left ventricle's volumes",
    "given": "the scan or the command line",
    "partly given": "one from the scan or the command line, the other from the volumes",
}


def phase_rows(measures: Mapping[str, Any], origins: Sequence[Origin] = ()) -> Iterator[Index]:
    """The phases as numbers counted from 1; the indices counted from 0 are for programs.

    Where the study stands for several files, each frame is named by its file beside its number: the second frame of an
    ACDC patient lies in `patient001_frame12`.
    """
    for key, value in (measures.get("phases") or {}).items():
        if not key.endswith("_index"):
            name, unit = name_and_unit(key)
            text = TAKEN_FROM.get(str(value), shown(value)) if key == "source" else shown(value)
            if text is not None and key.endswith("_number"):
                text += _in_file(int(value) - 1, origins)
        elif key.startswith("found_"):
            name, unit = f"{key[6:8].upper()} frame found from the volumes", ""
            text = None if value is None else f"{value + 1}{_in_file(value, origins)}"
        else:
            continue
        reason = None if text else missing_reason(measures, f"phases.{key}")
        yield Index(f"phases.{key}", name, unit, text, reason)


def _in_file(frame: int, origins: Sequence[Origin]) -> str:
    if len(origins) < 2:
        return ""
    return next((f" ({origin.stem})" for origin in origins if frame in origin.frames), "")
