"""LVQuan (Xue et al. 2018, Medical Image Analysis 43:54): eleven indices of a middle slice, and the phase of each frame.

The challenge (lvquan18.github.io, criterion) takes for each of the eleven indices the mean absolute error and Pearson's
correlation over all frames of all test subjects, 30 x 20 of them, and for the phase the share of frames that are wrong; it
ranks by the phase's error rate and the means over the two areas, the three diameters and the six wall thicknesses. So do
we. Its values are shares of the picture (areas over 80 x 80 pixels, lengths over 80, in 0 to 1); papers give mm2 and mm, as
we do: the reader (`read.lvquan`) turns what the file states into mm with the pixel's size, and where that is unknown they
stay pixels and say so.

The challenge scores predicted indices against stated ones. Ours come from masks (`measure.lvquan`); they are held against
the values that the data set states, where it does, and against the indices of the reference's masks, which tells errors
of the masks from differences of definition. The challenge's means over areas, diameters and thicknesses hold no standard
deviation; `mae_sd` (n - 1, of the absolute errors over all frames) is what papers give beside the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import WrongDimensions
from shortaxis.core.labels import LEFT_VENTRICLE, LabelScheme, Structure
from shortaxis.measure.accept import check_labels
from shortaxis.measure.agreement import agreement
from shortaxis.measure.lvquan import lvquan_indices, lvquan_phases
from shortaxis.measure.protocols.protocol import Judged, Protocol, Row, Table, grouped

STATED, FROM_MASKS = "stated values", "reference masks"
PHASE = "phase"
GROUPS = {"a": "mean of A1 and A2", "d": "mean of D1 to D3", "rwt": "mean of the six wall thicknesses"}
COLUMNS = {
    "case": "patient",
    "frame_number": "frame, counted from 1",
    "index": "as `measure.lvquan` names it, with its unit; phase: 1 systole, 0 diastole",
    "against": "what the prediction is held against: the data set's stated values, or the reference masks' indices",
    "value": "from the predicted mask; empty where it lacks cavity or myocardium",
    "reference": "the value it is held against",
}
SUMMARY_COLUMNS = {
    "against": COLUMNS["against"],
    "index": "A1 cavity and A2 myocardium (mm2), D1 to D3 diameters (mm), RWT wall thicknesses (mm); px where the pixel "
    "size is unknown; means stand last",
    "n": "frames with both values; of a mean, of all its indices together",
    "n_left_out": "frames in which one is missing",
    "mae": "mean absolute error over all frames of all patients; of a mean, the mean of its indices' values",
    "mae_sd": "standard deviation of the absolute error over n - 1; empty for a mean",
    "correlation": "Pearson correlation over all frames of all patients; of a mean, the mean of its indices' values",
}
PHASE_COLUMNS = {
    "against": COLUMNS["against"],
    "n": "frames with both phases",
    "n_left_out": "frames in which one is missing",
    "error_rate_percent": "share of frames whose phase (systole or diastole) is wrong, percent",
}


def score_lvquan(case: Judged) -> list[dict[str, Any]]:
    """Rows of one patient: a frame, an index and what it is held against each.

    Raises WrongDimensions for more than one slice, and GridMismatch or UnknownLabel where the prediction does not fit.
    """
    study, labels = case.study, case.reference
    check_labels(case.prediction, study.image, case.scheme)
    if study.image.shape[1] != 1:
        found = f"{study.image.shape[1]} slices in {study.name}"
        raise WrongDimensions("one middle slice of several frames", found, "give masks of a single slice")
    ours = _indices(case.prediction, case.scheme, study.grid.pixel_mm)
    rows = []
    for against, theirs in (
        (STATED, case.stated or {}),
        (FROM_MASKS, _indices(labels.array, labels.scheme, study.grid.pixel_mm)),
    ):
        for index in (index for index in ours if index in theirs):
            for frame, (value, reference) in enumerate(zip(ours[index], theirs[index], strict=True)):
                place = {"case": study.name, "frame_number": frame + 1, "index": index, "against": against}
                rows.append({**place, "value": value, "reference": reference})
    return rows


def _indices(
    labels: NDArray[np.uint8], scheme: LabelScheme, pixel_mm: tuple[float, float] | None
) -> dict[str, list[float | None]]:
    """Every index by frame, and the phase, from masks [frame, 1, row, col]."""
    cavity, wall = (scheme.mask(labels[:, 0], part) for part in (Structure.LV_CAVITY, Structure.MYOCARDIUM))
    frames = [lvquan_indices(one, other, pixel_mm) for one, other in zip(cavity, wall, strict=True)]
    phases = lvquan_phases(np.count_nonzero(cavity, axis=(1, 2)).tolist())
    found: dict[str, list[float | None]] = {key: [frame[key] for frame in frames] for key in frames[0]}
    found[PHASE] = [None] * len(labels) if phases is None else [float(phase) for phase in phases]
    return found


def summarise_lvquan(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Two tables: error and correlation per index, and the phase's error rate."""
    groups = grouped(rows, "against", "index")
    indices = [_index_row(against, index, group) for (against, index), group in groups.items() if index != PHASE]
    for against in dict.fromkeys(row["against"] for row in indices):
        indices += _means(against, [row for row in indices if row["against"] == against])
    phases = [_phase_row(against, group) for (against, index), group in groups.items() if index == PHASE]
    return (
        Table("indices", "Indices of the left ventricle", SUMMARY_COLUMNS, tuple(indices)),
        Table("phases", "Phase of the beat", PHASE_COLUMNS, tuple(phases)),
    )


def _index_row(against: str, index: str, group: Sequence[Row]) -> dict[str, Any]:
    found = agreement([(row["value"], row["reference"]) for row in group])
    off = [abs(row["value"] - row["reference"]) for row in group if None not in (row["value"], row["reference"])]
    return {
        "against": against,
        "index": index,
        "n": found.n,
        "n_left_out": found.n_left_out,
        "mae": found.mae,
        "mae_sd": float(np.std(off, ddof=1)) if len(off) > 1 else None,
        "correlation": found.pearson,
    }


def _means(against: str, indices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The challenge's means over areas, diameters and wall thicknesses; of each unit by itself."""
    units: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in indices:
        kind = next(kind for kind in ("rwt", "a", "d") if row["index"].startswith(kind))
        units.setdefault((kind, row["index"].rpartition("_")[2]), []).append(row)
    found = []
    for (kind, unit), held in units.items():
        counts = {key: sum(row[key] for row in held) for key in ("n", "n_left_out")}
        means = {key: _mean([row[key] for row in held]) for key in ("mae", "correlation")}
        found.append({"against": against, "index": f"{GROUPS[kind]}, {unit}", **counts, "mae_sd": None, **means})
    return found


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean; None unless every index has a value."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def _phase_row(against: str, group: Sequence[Row]) -> dict[str, Any]:
    both = [(row["value"], row["reference"]) for row in group if None not in (row["value"], row["reference"])]
    wrong = sum(ours != theirs for ours, theirs in both)
    rate = 100.0 * wrong / len(both) if both else None
    return {"against": against, "n": len(both), "n_left_out": len(group) - len(both), "error_rate_percent": rate}


LVQUAN_PROTOCOL = Protocol(
    "lvquan",
    "LVQuan: full quantification of the left ventricle",
    "Xue et al. 2018, Medical Image Analysis 43:54, and the challenges of 2018 and 2019",
    LEFT_VENTRICLE,
    (Structure.LV_CAVITY, Structure.MYOCARDIUM),
    score_lvquan,
    COLUMNS,
    summarise_lvquan,
)
