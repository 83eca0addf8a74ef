"""Wall thickness at end-diastole and thickening to end-systole, by segment of the American Heart Association.

A segment's thickness is the mean over its rays from the cavity's centre (`wall`) on all slices of its level. Each phase
is parted into levels and segments by itself: the base comes down in systole, and the insertions move with the muscle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.core.study import Grid, Study
from shortaxis.measure.aha_segments import SEGMENTS, SegmentedSlice, runs_from_base, segmented_slices
from shortaxis.measure.phases import Phases
from shortaxis.measure.rays import crossed_mm
from shortaxis.measure.ventricles import Entry

Labels = NDArray[np.uint8]
TURNED = "SA-W112"  # the note of a heart that was found another way up than its header says
WAY_UP_UNKNOWN = "the picture does not agree with its header about which way up it is"


def wall_by_segment(labels: Labels, scheme: LabelScheme, study: Study, phases: Phases) -> dict[str, Entry]:
    """`aha_wall` under `wall.aha.`; nothing is told where the header's anterior may not be the heart's."""
    entries = aha_wall(labels, scheme, study.grid, phases)
    if any(note.code == TURNED for note in study.notes):
        entries = dict.fromkeys(entries, (None, WAY_UP_UNKNOWN))
    return {f"wall.aha.{key}": entry for key, entry in entries.items()}


def aha_wall(labels: Labels, scheme: LabelScheme, grid: Grid, phases: Phases) -> dict[str, Entry]:
    """Entries `<segment>.ed_mm`, `<segment>.es_mm` and `<segment>.thickening_percent` for segments 1 to 16.

    Thickening is 100 (ES - ED) / ED. Labels are [frame, slice, row, col]. Where something is undefined the entry holds
    None and the reason.
    """
    ed, no_ed = _at(labels, phases.ed_index, "end-diastole", scheme, grid, phases, None)
    base_first = None
    if phases.ed_index is not None and scheme.has(Structure.LV_CAVITY) and scheme.has(Structure.MYOCARDIUM):
        base_first = runs_from_base(labels[phases.ed_index], scheme)  # a dilated apex at ES must not turn the stack
    es, no_es = _at(labels, phases.es_index, "end-systole", scheme, grid, phases, base_first)
    entries: dict[str, Entry] = {}
    for number in SEGMENTS:
        before, after = ed.get(number), es.get(number)
        why_ed = None if before is not None else no_ed or "no ray of the segment"
        why_es = None if after is not None else no_es or "no ray of the segment"
        gain = None if before is None or after is None else 100.0 * (after - before) / before
        entries |= {
            f"{number}.ed_mm": (before, why_ed),
            f"{number}.es_mm": (after, why_es),
            f"{number}.thickening_percent": (gain, why_ed or why_es),
        }
    return entries


def segment_thickness_mm(
    labels: Labels, scheme: LabelScheme, slices: list[SegmentedSlice], pixel_mm: tuple[float, float]
) -> dict[int, float]:
    """Mean thickness by segment number of one frame's labels [slice, row, col]; a segment without a ray is not in it."""
    numbers, thickness = [np.zeros(0, int)], [np.zeros(0)]
    for part in slices:
        wall = scheme.mask(labels[part.index], Structure.MYOCARDIUM)
        numbers.append(part.segments())
        thickness.append(crossed_mm([wall], part.centre, pixel_mm)[0])
    every, mm = np.concatenate(numbers), np.concatenate(thickness)
    return {number: float(mm[every == number].mean()) for number in SEGMENTS if (every == number).any()}


def _at(
    labels: Labels,
    frame: int | None,
    moment: str,
    scheme: LabelScheme,
    grid: Grid,
    phases: Phases,
    base_first: bool | None,
) -> tuple[dict[int, float], str | None]:
    """Thickness by segment at a phase, or nothing and the reason."""
    if frame is None:
        return {}, f"{moment} is unknown: {phases.reason}"
    slices, reason = segmented_slices(labels[frame], scheme, grid, base_first)
    if reason is not None or grid.pixel_mm is None:
        return {}, reason
    return segment_thickness_mm(labels[frame], scheme, slices, grid.pixel_mm), None
