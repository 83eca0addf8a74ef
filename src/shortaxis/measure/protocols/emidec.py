"""EMIDEC (Lalande et al. 2022, Medical Image Analysis 79:102428): myocardium, infarct and no-reflow on late enhancement.

The challenge's released code and its pages disagree, and the code disagrees with itself: its repository holds an earlier
state (the class to be judged written into `main.py`) and a later one (the class given on the command line). All stand here,
each named; papers do not say which they used.

    what                 earlier code            later code                         pages and README
    Dice                 over the stack (3D)     mean over slices (2D)              mean over slices (2D)
    infarct              label 3                 labels 3 and 4, no-reflow too      not stated
    Hausdorff distance   everything labelled,    myocardium, spacing given as       myocardium, 3D
                         cavity too, voxels      (col, row, slice) to an array of
                                                 (slice, row, col)
    volumes              absolute difference, mm3; the same in all three
    ratio                volume difference over the reference's myocardium; the same in all three

The later code's distance is printed as millimetres and is none: the slices' distance falls on the columns and the pixel's
width on the slices. In all, what is in neither mask has Dice 1, as has a slice with neither. The myocardium is healthy,
infarct and no-reflow together. The later code rounds to 0.01 mm3 before it takes means; ours does not. Standard deviations,
which the challenge does not give, are over n - 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import WrongDimensions
from shortaxis.core.labels import EMIDEC, LabelScheme, Structure
from shortaxis.measure.accept import check_labels
from shortaxis.measure.overlap import dice
from shortaxis.measure.protocols.protocol import Judged, Protocol, Row, Table, grouped, mean_of, sd_of
from shortaxis.measure.scores import OUTCOMES
from shortaxis.measure.surface import surface_distances
from shortaxis.measure.volume_error import percentage_difference

Mask = NDArray[np.bool_]
SCORED = (Structure.MYOCARDIUM, Structure.INFARCT, Structure.NO_REFLOW)
WITH_NO_REFLOW = "infarct_with_no_reflow"
COLUMNS = {
    "case": "patient",
    "structure": "myocardium: healthy, infarct and no-reflow together; infarct: without its no-reflow, as the earlier code;"
    " infarct_with_no_reflow: with it, as the later code",
    "outcome": "both: in both masks; missed: in the reference alone; extra: in the prediction alone; neither",
    "dice_code": "as the earlier code: Dice over the stack (3D); 1 where the structure is in neither mask",
    "dice_page": "as the pages say and the later code does: mean over slices of the slice's Dice (2D); a slice with neither "
    "counts 1",
    "hd_code_voxels": "as the earlier code, myocardium's row alone: Hausdorff distance of everything labelled, the "
    "cavity too, in voxels without spacing; empty where a mask is",
    "hd_later_code": "as the later code: Hausdorff distance of the myocardium over the stack, with the spacing of columns "
    "on the slices and that of slices on the columns, no millimetres; empty where a mask is",
    "hd_page_mm": "as the pages say: Hausdorff distance of the myocardium over the stack, mm; empty where a mask is",
    "volume_ml": "volume of the prediction, ml (cm3)",
    "reference_volume_ml": "volume of the reference, ml (cm3)",
    "volume_difference_ml": "absolute difference of the volumes, ml (cm3)",
    "volume_difference_mm3": "the same in mm3, the code's unit",
    "pd_percent": "absolute difference of the volumes in percent of the reference's myocardium",
}
MEANS = ("dice_code", "dice_page", "hd_code_voxels", "hd_later_code", "hd_page_mm", "volume_difference_ml")
MEANS = (*MEANS, "volume_difference_mm3", "pd_percent")
SUMMARY_COLUMNS = {
    "structure": COLUMNS["structure"],
    "n": "patients",
    "n_missed": "patients whose structure the prediction lacks",
    "n_extra": "patients with the structure in the prediction alone",
    "n_in_neither": "patients with the structure in neither mask",
    "n_hd_code": "patients with hd_code_voxels",
    "n_hd_later_code": "patients with hd_later_code",
    "n_hd_page": "patients with hd_page_mm",
    **{f"{key}_mean": f"mean of {key} over the patients that have it" for key in MEANS},
    "dice_code_sd": "standard deviation of dice_code over n - 1",
    "dice_page_sd": "standard deviation of dice_page over n - 1",
}


def score_emidec(case: Judged) -> list[dict[str, Any]]:
    """Rows of one patient: myocardium, infarct without and with its no-reflow, no-reflow.

    Raises WrongDimensions for more than one frame, and GridMismatch or UnknownLabel where the prediction does not fit.
    """
    study, labels = case.study, case.reference
    check_labels(case.prediction, study.image, case.scheme)
    if study.n_frames != 1:
        found = f"{study.n_frames} frames in {study.name}"
        raise WrongDimensions("one stack of late enhancement", found, "give masks of one frame each")
    ours_all, theirs_all = case.prediction[0], labels.array[0]
    ours, theirs = _parts(ours_all, case.scheme), _parts(theirs_all, labels.scheme)
    whole = int(np.count_nonzero(theirs[Structure.MYOCARDIUM]))
    distances = {
        "hd_code_voxels": _hd(ours_all > 0, theirs_all > 0, (1.0, 1.0, 1.0)),
        "hd_later_code": _hd(ours[Structure.MYOCARDIUM], theirs[Structure.MYOCARDIUM], _turned(study.grid.spacing_mm)),
        "hd_page_mm": _hd(ours[Structure.MYOCARDIUM], theirs[Structure.MYOCARDIUM], study.grid.spacing_mm),
    }
    rows: list[dict[str, Any]] = []
    for name in ours:
        of_wall = name == Structure.MYOCARDIUM
        volumes = _volumes(ours[name], theirs[name], whole, study.grid.voxel_ml)
        overlap = _overlap(ours[name], theirs[name])
        far = distances if of_wall else dict.fromkeys(distances)
        rows.append({"case": study.name, "structure": str(name), **overlap, **far, **volumes})
    return rows


def _parts(array: NDArray[np.uint8], scheme: LabelScheme) -> dict[str, Mask]:
    """The masks [slice, row, col] that are scored, by name, in the order of the rows."""
    wall, infarct, no_reflow = (scheme.mask(array, structure) for structure in SCORED)
    return {
        Structure.MYOCARDIUM.value: wall,
        Structure.INFARCT.value: infarct,
        WITH_NO_REFLOW: infarct | no_reflow,
        Structure.NO_REFLOW.value: no_reflow,
    }


def _overlap(ours: Mask, theirs: Mask) -> dict[str, Any]:
    return {
        "outcome": OUTCOMES[bool(ours.any()), bool(theirs.any())],
        "dice_code": dice_or_one(ours, theirs),
        "dice_page": float(np.mean([dice_or_one(a, b) for a, b in zip(ours, theirs, strict=True)])),
    }


def _volumes(ours: Mask, theirs: Mask, whole: int, voxel_ml: float | None) -> dict[str, float | None]:
    """Volumes and their differences; `whole` is the reference's myocardium in voxels."""
    counts = int(np.count_nonzero(ours)), int(np.count_nonzero(theirs))
    volumes = [None if voxel_ml is None else count * voxel_ml for count in counts]
    off_ml = None if voxel_ml is None else abs(counts[0] - counts[1]) * voxel_ml
    return {
        "volume_ml": volumes[0],
        "reference_volume_ml": volumes[1],
        "volume_difference_ml": off_ml,
        "volume_difference_mm3": None if off_ml is None else off_ml * 1000.0,
        "pd_percent": percentage_difference(*counts, whole),
    }


def _turned(spacing_mm: Sequence[float] | None) -> tuple[float, ...] | None:
    """(slice, row, col) as (col, row, slice), which is how the later code hands it to an array of (slice, row, col)."""
    return None if spacing_mm is None else tuple(spacing_mm[::-1])


def dice_or_one(prediction: Mask, reference: Mask) -> float:
    """Dice, and 1 where both masks are empty: the challenge's convention."""
    found = dice(prediction, reference)
    return 1.0 if found is None else found


def _hd(prediction: Mask, reference: Mask, spacing_mm: Sequence[float] | None) -> float | None:
    return surface_distances(prediction, reference, spacing_mm).hd_mm


def summarise_emidec(rows: Sequence[Row]) -> tuple[Table, ...]:
    """One table: the means of each structure."""
    found = []
    for (structure,), group in grouped(rows, "structure").items():
        outcomes = [row["outcome"] for row in group]
        found.append(
            {
                "structure": structure,
                "n": len(group),
                "n_missed": outcomes.count("missed"),
                "n_extra": outcomes.count("extra"),
                "n_in_neither": outcomes.count("neither"),
                "n_hd_code": sum(row["hd_code_voxels"] is not None for row in group),
                "n_hd_later_code": sum(row["hd_later_code"] is not None for row in group),
                "n_hd_page": sum(row["hd_page_mm"] is not None for row in group),
                **{f"{key}_mean": mean_of(group, key) for key in MEANS},
                "dice_code_sd": sd_of(group, "dice_code"),
                "dice_page_sd": sd_of(group, "dice_page"),
            }
        )
    title = "Myocardium, infarct and no-reflow, by both states of the released code and by the pages"
    return (Table("structures", title, SUMMARY_COLUMNS, tuple(found)),)


EMIDEC_PROTOCOL = Protocol(
    "emidec",
    "EMIDEC: automatic evaluation of myocardial infarction from delayed enhancement",
    "github.com/EMIDEC-Challenge/Evaluation-metrics (code) and emidec.com/metrics with that repository's README (pages)",
    EMIDEC,
    SCORED,
    score_emidec,
    COLUMNS,
    summarise_emidec,
)
