"""M&Ms (Campello et al. 2021, IEEE TMI 40:3543): Dice and Hausdorff distance of three structures at both phases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shortaxis.core.labels import MNMS
from shortaxis.measure.protocols.protocol import Judged, Protocol, Row, Table
from shortaxis.measure.protocols.two_phases import (
    HEART,
    PLACE_COLUMNS,
    SCORE_COLUMNS,
    chosen,
    rows_at_phases,
    structure_table,
)

COLUMNS = PLACE_COLUMNS | SCORE_COLUMNS


def score_mnms(case: Judged) -> list[dict[str, Any]]:
    """Rows of one patient: a phase and structure each. Raises what `rows_at_phases` raises."""
    return [chosen(row, COLUMNS) for row in rows_at_phases(case)]


def summarise_mnms(rows: Sequence[Row]) -> tuple[Table, ...]:
    """One table: structures by phase."""
    return (structure_table(rows, "Dice and Hausdorff distance by structure and phase"),)


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
