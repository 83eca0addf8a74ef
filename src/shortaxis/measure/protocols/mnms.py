"""M&Ms (Campello et al. 2021, IEEE TMI 40:3543): overlap and surface distances of three structures at both phases.

The script in the organisers' repository (vicmancr/mnms_example, `metrics_mnms.py`) takes Dice, Jaccard, Hausdorff distance
and average symmetric surface distance from MedPy, over the stack (3D) and in mm; standard deviations over n - 1. So do
we. MedPy's average distance is the mean of the two directed means, which is not the `assd_mm` of our other tables: it has a
name of its own here. Where we differ: where the prediction lacks a structure the script writes a distance of -1, which
would lower a mean; ours is empty and counted. A structure in neither mask has Dice 0 there, and none here. The script also
gives means by vendor and centre, which are the data set's own table's to tell; `mnms_cases.csv` can be joined to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shortaxis.core.labels import MNMS, Structure
from shortaxis.measure.nearest import surface_gaps
from shortaxis.measure.protocols.protocol import Judged, Protocol, Row, Table, grouped, mean_of, sd_of
from shortaxis.measure.protocols.two_phases import (
    GROUP_COLUMNS,
    HEART,
    MEAN_COLUMNS,
    PLACE_COLUMNS,
    SCORE_COLUMNS,
    chosen,
    rows_at_phases,
    structure_rows,
)
from shortaxis.measure.surface import assd_of_directions

ADDED = {
    "jaccard": "Jaccard index over the stack (3D); 0 where missed or invented, empty where in neither mask",
    "assd_medpy_mm": "average symmetric surface distance as MedPy has it, the mean of the two directed means, over the"
    " stack, mm; empty unless in both masks",
}
COLUMNS = PLACE_COLUMNS | SCORE_COLUMNS | ADDED
SUMMARY_COLUMNS = {
    **GROUP_COLUMNS,
    **MEAN_COLUMNS,
    "jaccard_mean": "mean of jaccard; a missed or invented structure counts 0, one in neither mask is left out",
    "jaccard_sd": "standard deviation of jaccard over n - 1",
    "assd_medpy_mm_mean": "mean of assd_medpy_mm over patients with the structure in both masks",
    "assd_medpy_mm_sd": "standard deviation of assd_medpy_mm over n - 1",
}


def score_mnms(case: Judged) -> list[dict[str, Any]]:
    """Rows of one patient: a phase and structure each. Raises what `rows_at_phases` raises."""
    return [chosen({**row, "assd_medpy_mm": _assd_mm(case, row)}, COLUMNS) for row in rows_at_phases(case)]


def _assd_mm(case: Judged, row: Row) -> float | None:
    frame, structure, labels = row["frame_index"], Structure(row["structure"]), case.reference
    masks = case.scheme.mask(case.prediction[frame], structure), labels.scheme.mask(labels.array[frame], structure)
    return assd_of_directions(surface_gaps(*masks, case.study.grid.spacing_mm))


def summarise_mnms(rows: Sequence[Row]) -> tuple[Table, ...]:
    """One table: structures by phase."""
    groups = grouped(rows, "structure", "phase")
    found = []
    for row in structure_rows(rows):
        group = groups[row["structure"], row["phase"]]
        added = {f"{key}_{name}": of(group, key) for key in ADDED for name, of in (("mean", mean_of), ("sd", sd_of))}
        found.append({**row, **added})
    title = "Overlap and surface distances by structure and phase"
    return (Table("structures", title, SUMMARY_COLUMNS, tuple(found)),)


MNMS_PROTOCOL = Protocol(
    "mnms",
    "M&Ms: multi-centre, multi-vendor and multi-disease cardiac image segmentation",
    "Campello et al. 2021, IEEE Transactions on Medical Imaging 40:3543",
    MNMS,
    HEART,
    score_mnms,
    COLUMNS,
    summarise_mnms,
)
