"""ACDC (Bernard et al. 2018, IEEE TMI 37:2514): Dice and Hausdorff distance, and how well the clinical indices agree.

What the challenge's tables hold, and ours by the same definitions: per structure and phase the Dice coefficient and the
Hausdorff distance in mm, both over the stack (3D); of ejection fraction, volumes and myocardial mass the correlation, the
bias and the standard deviation of the differences, to which we add the limits of agreement. The distance is MedPy's `hd`
with the voxels' size: the larger of the two directed maxima between surface voxels, the surface being what a face-connected
erosion removes. Ours is that (`measure.surface`).

The challenge's own script (`metrics_acdc.py`, Zotti 2017) gives Dice, volume and volume error alone. The one by Baumgartner
and Koch that most papers use adds the distances, and gives what is in neither mask Dice 1 and Hausdorff distance 0, what is
in one of them Dice 0 and distance 1. These values stand in columns of their own, ending in `_script`: a distance of 1 mm for
a ventricle that was missed would make a mean look better. Standard deviations are over n - 1; the challenge does not say
which its own are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shortaxis.core.labels import ACDC, Structure
from shortaxis.measure.agreement import agreement
from shortaxis.measure.protocols.protocol import Judged, Protocol, Row, Table, grouped, mean_of
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
from shortaxis.measure.volumes import MYOCARDIAL_DENSITY_G_ML, ejection

SCRIPT_VALUES = {"neither": (1.0, 0.0), "missed": (0.0, 1.0), "extra": (0.0, 1.0)}  # outcome -> Dice, HD
COLUMNS = {
    **PLACE_COLUMNS,
    **SCORE_COLUMNS,
    "dice_script": "dice as a widely used script has it: 1 where the structure is in neither mask, 0 where in one",
    "hd_mm_script": "hd_mm as that script has it: 0 where the structure is in neither mask, 1 where in one",
    "volume_ml": "volume of the prediction, ml",
    "reference_volume_ml": "volume of the reference, ml",
    "voxels": "voxels of the prediction",
    "reference_voxels": "voxels of the reference",
}
SCRIPT_COLUMNS = {
    "dice_script_mean": "mean of dice_script over all patients",
    "hd_mm_script_mean": "mean of hd_mm_script over all patients",
}
INDEX_COLUMNS = {
    "index": "volumes in ml; EF = 100 (EDV - ESV) / EDV in percent; mass in g, 1.05 g/ml times the volume at ED",
    "n": "patients with the index in both; everything else is over these",
    "n_left_out": "patients without it: a ventricle missed at a phase, or an unknown spacing",
    "correlation": "Pearson correlation of prediction and reference",
    "bias": "mean of prediction minus reference",
    "sd": "standard deviation of the differences over n - 1",
    "loa_low": "lower limit of agreement, bias - 1.96 SD",
    "loa_high": "upper limit of agreement, bias + 1.96 SD",
    "mae": "mean absolute difference",
}
Pair = tuple[float | None, float | None]


def score_acdc(case: Judged) -> list[dict[str, Any]]:
    """Rows of one patient: a phase and structure each. Raises what `rows_at_phases` raises."""
    rows = []
    for row in rows_at_phases(case):
        dice, hd_mm = SCRIPT_VALUES.get(row["outcome"], (row["dice"], row["hd_mm"]))
        rows.append(chosen({**row, "dice_script": dice, "hd_mm_script": hd_mm}, COLUMNS))
    return rows


def summarise_acdc(rows: Sequence[Row]) -> tuple[Table, ...]:
    """Two tables: structures by phase, and the agreement of the clinical indices."""
    groups = grouped(rows, "structure", "phase")
    structures = []
    for row in structure_rows(rows):
        group = groups[row["structure"], row["phase"]]
        structures.append({**row, **{f"{key}_mean": mean_of(group, key) for key in ("dice_script", "hd_mm_script")}})
    columns = GROUP_COLUMNS | MEAN_COLUMNS | SCRIPT_COLUMNS
    title = "Dice and Hausdorff distance by structure and phase"
    return Table("structures", title, columns, tuple(structures)), _index_table(rows)


def _index_table(rows: Sequence[Row]) -> Table:
    found = []
    for index, pairs in index_pairs(rows).items():
        agreed = agreement(pairs)
        kept = {key: getattr(agreed, key) for key in INDEX_COLUMNS if key not in ("index", "correlation")}
        found.append({"index": index, "correlation": agreed.pearson, **kept})
    return Table("indices", "Clinical indices, prediction against reference", INDEX_COLUMNS, tuple(found))


def index_pairs(rows: Sequence[Row]) -> dict[str, list[Pair]]:
    """(prediction, reference) of every patient by index; None for a structure that is in no voxel."""
    at = {(row["case"], row["structure"], row["phase"]): row for row in rows}
    pairs: dict[str, list[Pair]] = {}
    for case in dict.fromkeys(row["case"] for row in rows):
        for name, structure in (("lv", Structure.LV_CAVITY), ("rv", Structure.RV_CAVITY)):
            ed, es = (at.get((case, structure, phase)) for phase in ("ED", "ES"))
            for index, pair in _ventricle(ed, es).items():
                pairs.setdefault(f"{name}_{index}", []).append(pair)
        wall = {phase: _volumes(at.get((case, Structure.MYOCARDIUM, phase))) for phase in ("ED", "ES")}
        ours, theirs = (None if ml is None else ml * MYOCARDIAL_DENSITY_G_ML for ml in wall["ED"])
        pairs.setdefault("myocardium_mass_g", []).append((ours, theirs))
        pairs.setdefault("myocardium_volume_es_ml", []).append(wall["ES"])
    return pairs


def _ventricle(ed: Row | None, es: Row | None) -> dict[str, Pair]:
    """EDV, ESV and EF of a ventricle from its rows at both phases."""
    beat: Pair = (None, None)
    if ed is not None and es is not None:
        ours, theirs = (ejection(ed[key], es[key], None).ef_percent for key in ("voxels", "reference_voxels"))
        beat = ours, theirs
    return {"edv_ml": _volumes(ed), "esv_ml": _volumes(es), "ef_percent": beat}


def _volumes(row: Row | None) -> Pair:
    if row is None:
        return None, None
    return row["volume_ml"] if row["voxels"] else None, row["reference_volume_ml"] if row["reference_voxels"] else None


ACDC_PROTOCOL = Protocol(
    "acdc",
    "ACDC: automated cardiac diagnosis challenge",
    "Bernard et al. 2018, IEEE Transactions on Medical Imaging 37:2514",
    ACDC,
    HEART,
    score_acdc,
    COLUMNS,
    summarise_acdc,
)
