"""Volumes, ejection fractions and mass of a case, predicted and by the reference, from its rows of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shortaxis.core.labels import Structure
from shortaxis.measure.volumes import MYOCARDIAL_DENSITY_G_ML, ejection

Row = Mapping[str, Any]
INDICES = ("lv_edv_ml", "lv_esv_ml", "lv_ef_percent", "rv_edv_ml", "rv_esv_ml", "rv_ef_percent", "lv_mass_g")
_VENTRICLES = {"lv": Structure.LV_CAVITY.value, "rv": Structure.RV_CAVITY.value}


def clinical_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A row per case and index: `case`, `index`, `predicted`, `reference`; None where it is not defined.

    Volumes at ED and ES as the reference states them; a ventricle that was missed has none. Mass is the myocardium at ED
    times 1.05 g/ml. A structure that was not compared gives no row.
    """
    at = {(row["case"], row["structure"], row["phase"]): row for row in rows}
    found: list[dict[str, Any]] = []
    for case in dict.fromkeys(row["case"] for row in rows):
        for side, structure in _VENTRICLES.items():
            ed, es = at.get((case, structure, "ED")), at.get((case, structure, "ES"))
            pairs = {"edv_ml": _volumes(ed), "esv_ml": _volumes(es), "ef_percent": _fractions(ed, es)}
            found += [_row(case, f"{side}_{name}", pair) for name, pair in pairs.items() if pair is not None]
        muscle = _volumes(at.get((case, Structure.MYOCARDIUM.value, "ED")))
        if muscle is not None:
            mass = tuple(None if ml is None else ml * MYOCARDIAL_DENSITY_G_ML for ml in muscle)
            found.append(_row(case, "lv_mass_g", mass))
    return found


def _row(case: str, index: str, pair: Sequence[float | None]) -> dict[str, Any]:
    return {"case": case, "index": index, "predicted": pair[0], "reference": pair[1]}


def _volumes(row: Row | None) -> tuple[float | None, float | None] | None:
    if row is None:
        return None
    return row["volume_ml"] if row["voxels"] else None, row["reference_volume_ml"] if row["reference_voxels"] else None


def _fractions(ed: Row | None, es: Row | None) -> tuple[float | None, float | None] | None:
    if ed is None or es is None:
        return None
    ours, theirs = (ejection(ed[key], es[key], None).ef_percent for key in ("voxels", "reference_voxels"))
    return ours, theirs
