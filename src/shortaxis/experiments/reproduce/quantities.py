"""What of ours can stand beside a published column: each quantity by name, with its unit and its definition."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shortaxis.experiments.compare.located import SLICE
from shortaxis.experiments.compare.results import Row
from shortaxis.experiments.compare.values import by_patient, mean
from shortaxis.experiments.published.paper import Column, data_set
from shortaxis.experiments.reproduce.held import Held
from shortaxis.measure.protocols.emidec import COLUMNS as EMIDEC_COLUMNS
from shortaxis.measure.roi import roi_errors
from shortaxis.measure.volume_error import percentage_difference

MISS = "a structure that was missed has none and is left out"
NEITHER = "slices with it in neither mask are left out"
RATE = "over the voxels of the drawn slices' whole images"


@dataclass(frozen=True)
class Measured:
    """A figure of ours.

    Attributes:
        value: in the published column's unit; None where there is none, with the `reason`.
        n: patients it is over, of `of` that were scored.
    """

    value: float | None
    n: int | None = None
    of: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Scope:
    """What a quantity is taken from: a method's results, the rows of scores that the column asks for, the column."""

    held: Held
    rows: Sequence[Row]
    column: Column


@dataclass(frozen=True)
class Quantity:
    """A figure of ours by name: its unit, its definition, how it is taken from results, and from which rows of scores."""

    unit: str
    says: str
    of: Callable[[Scope], Measured]
    rows: str = "rows"


def quantity_says(name: str, held: Held | None = None) -> str:
    """The definition of a quantity, as what wrote the results has it."""
    if held is not None and held.source == "emidec" and name in EMIDEC_SAYS:
        return EMIDEC_SAYS[name]
    return QUANTITIES[name].says


def of_rows(
    key: str, derived: Callable[[Sequence[Row]], Sequence[Row]] = lambda rows: rows
) -> Callable[[Scope], Measured]:
    """A quantity over the rows of scores: per patient the mean of the rows, then the column's statistic."""

    def taken(scope: Scope) -> Measured:
        column = scope.column
        every = derived(scope.rows)
        held = [
            row for row in every
            if (not column.structures or row["structure"] in column.structures)
            and (not column.phases or row["phase"] in column.phases)
        ]  # fmt: skip
        if not held:
            wanted = ", ".join([*column.structures, *column.phases])
            return Measured(None, reason=f"nothing scored of {wanted}" if scope.rows else "nothing scored")
        if not any(key in row for row in held):
            return Measured(None, reason=f"these results have no {key}")
        cases = list(dict.fromkeys(row["case"] for row in held))
        values = by_patient([{key: None, "outcome": "", **row} for row in held], key, cases)
        known = [value for value in values if value is not None]
        return Measured(_statistic(known, column), len(known), len(cases), "" if known else "defined for no patient")

    return taken


def of_slices(key: str) -> Callable[[Scope], Measured]:
    """A quantity over slices, each for itself: the column's statistic. Where the structure is in neither mask is none."""

    def taken(scope: Scope) -> Measured:
        wanted = scope.column.structures
        held = [row for row in scope.rows if not wanted or row["structure"] in wanted]
        known = [row[key] for row in held if row[key] is not None]
        if not known:
            return Measured(
                None, reason="defined on no slice" if held else "not scored slice by slice in these results"
            )
        cases = len({row["case"] for row in held})
        return Measured(_statistic(known, scope.column), cases, cases)

    return taken


def of_third(key: str) -> Callable[[Scope], Measured]:
    """A quantity over the rows of one third of the stack, the column's own."""

    def taken(scope: Scope) -> Measured:
        held = [row for row in scope.rows if row["third"] == scope.column.third]
        return of_rows(key)(Scope(scope.held, held, scope.column))

    return taken


def of_boxes(key: str) -> Callable[[Scope], Measured]:
    """A figure of the regressed boxes, slice by slice."""

    def taken(scope: Scope) -> Measured:
        held = [row for row in scope.rows if row["per"] == SLICE]
        cases = len({row["case"] for row in held})
        found = roi_errors([row["error_mm"] for row in held])
        return Measured(getattr(found, key), cases, cases, found.reason or "")

    return taken


def _statistic(values: Sequence[float], column: Column) -> float | None:
    if not values or (column.statistic == "sd" and len(values) < 2):
        return None
    of = {"mean": statistics.fmean, "median": statistics.median, "sd": statistics.stdev}[column.statistic]
    return of(values) * column.scale


def _absolute_volumes(rows: Sequence[Row]) -> list[Row]:
    return [
        {**row, "volume_difference_ml": None if row["volume_error_ml"] is None else abs(row["volume_error_ml"])}
        for row in rows
        if "volume_error_ml" in row
    ]


def _share_of_myocardium(rows: Sequence[Row]) -> list[Row]:
    """Each row with `pd_percent` by voxels, which needs no spacing; EMIDEC's protocol has told it already."""
    walls = [row for row in rows if row["structure"] == "myocardium" and "reference_voxels" in row]
    whole = {(row["case"], row["phase"]): row["reference_voxels"] for row in walls}

    def told(row: Row) -> Row:
        at = (row["case"], row["phase"])
        if "pd_percent" in row or "voxels" not in row or at not in whole:
            return row
        return {**row, "pd_percent": percentage_difference(row["voxels"], row["reference_voxels"], whole[at])}

    return [told(row) for row in rows]


def _accuracy(of: str) -> Callable[[Scope], Measured]:
    def taken(scope: Scope) -> Measured:
        folds = scope.held.result.folds.values()
        cases = [case for scores in folds for case in (scores.get("trained_on", {}) if of else scores).get("cases", ())]
        values = [case["pixel_accuracy"] for case in cases if case["pixel_accuracy"] is not None]
        return Measured(mean(values), len(values), len(cases), "" if values else "these results have no pixel accuracy")

    return taken


def _of_last_stage(key: str, why: str) -> Callable[[Scope], Measured]:
    def taken(scope: Scope) -> Measured:
        elsewhere = _on_other_data(scope)
        if elsewhere:
            return Measured(None, reason=elsewhere)
        stages = [scores["stages"][-1] for scores in scope.held.result.folds.values() if scores.get("stages")]
        value = mean([stage[key] for stage in stages])
        return Measured(value, reason="" if value is not None else why)

    return taken


def _training_gpu_gb(scope: Scope) -> Measured:
    last = [scores["stages"][-1] for scores in scope.held.result.folds.values() if scores.get("stages")]
    held = [stage.get("training_memory", {}).get("gpu_peak_mib") for stage in last]
    known = [mib for mib in held if mib is not None]
    why = "trained elsewhere, without a GPU, or by an earlier version"
    return Measured(max(known) * 2**20 / 1e9) if known else Measured(None, reason=why)


def _on_other_data(scope: Scope) -> str:
    wanted = scope.column.data
    trained = scope.held.dataset
    return f"trained on {trained or 'data not stated'}" if wanted and data_set(wanted).layout != trained else ""


def _cost(of: Callable[[Mapping[str, Any]], float | None]) -> Callable[[Scope], Measured]:
    def taken(scope: Scope) -> Measured:
        scores = scope.held.result.first
        value = of(scores) if "cost" in scores else None
        return Measured(value, reason="" if value is not None else "not measured in these results")

    return taken


def _last_parameters(scores: Mapping[str, Any]) -> float | None:
    counts = list(scores["cost"]["parameters"].values())
    return float(counts[-1]) if counts else None


def _last_parameters_m(scores: Mapping[str, Any]) -> float | None:
    count = _last_parameters(scores)
    return None if count is None else count / 1e6


def _gpu_gb(scores: Mapping[str, Any]) -> float | None:
    peak = scores["cost"]["memory"].get("gpu_peak_mib")
    return None if peak is None else peak * 2**20 / 1e9


def _training_hours(scope: Scope) -> Measured:
    first, recipe = scope.held.result.first, scope.held.recipe
    if not (first.get("stages") and recipe):
        return Measured(None, reason="trained elsewhere")
    spent = [(stage["seconds_per_step"], recipe[f"{stage['stage']}_fit"]["steps"]) for stage in first["stages"]]
    if any(seconds is None for seconds, _ in spent):
        return Measured(None, reason="its record has no times")
    return Measured(sum(seconds * steps for seconds, steps in spent) / 3600)


def _case_seconds(scope: Scope) -> Measured:
    cases = scope.held.result.first.get("cases", ())
    seconds = [case["seconds"] for case in cases if case["seconds"] is not None]
    value = statistics.median(seconds) if seconds else None
    return Measured(value, len(seconds), len(seconds), "" if seconds else "not measured in these results")


_LOSS = "loss of the last stage, its method's own"
QUANTITIES: Mapping[str, Quantity] = {
    "dice": Quantity("", "DSC, 3D per patient over the drawn slices; a miss counts 0, what is in neither mask has none",
                     of_rows("dice")),
    "jaccard": Quantity("", "Jaccard index, 3D per patient; empty as for DSC", of_rows("jaccard")),
    "bdc": Quantity("", "Dice of one-pixel boundaries drawn slice by slice, over the stack", of_rows("bdc")),
    "hd_mm": Quantity("mm", f"HD between surface voxels, 3D, both directions; {MISS}", of_rows("hd_mm")),
    "hd95_mm": Quantity("mm", f"HD95, 3D, the larger of the two directed 95th percentiles; {MISS}", of_rows("hd95_mm")),
    "hd_one_sided_mm": Quantity("mm", f"HD from the reference's surface to the prediction's alone, 3D; {MISS}",
                                of_rows("hd_one_sided_mm")),
    "assd_mm": Quantity("mm", f"ASSD, mean over the surface voxels of both masks, 3D; {MISS}", of_rows("assd_mm")),
    "sensitivity": Quantity("", f"sensitivity, {RATE}", of_rows("sensitivity")),
    "specificity": Quantity("", f"specificity, {RATE}", of_rows("specificity")),
    "ppv": Quantity("", f"positive predictive value, {RATE}", of_rows("ppv")),
    "npv": Quantity("", f"negative predictive value, {RATE}", of_rows("npv")),
    "brier": Quantity("", "Brier score of the structure's probabilities, before any repair, over the drawn slices' whole"
                      " images", of_rows("brier")),
    "third_dice": Quantity("", "DSC of a third of the slices that hold reference myocardium, as one block",
                           of_third("dice"), "thirds"),
    "third_certainty": Quantity("", "Dice within samples (eq. 6) of a third of the slices that hold reference myocardium;"
                                " only of methods that sample, with --mc-samples", of_third("certainty"), "thirds"),
    "slice_dice": Quantity("", f"DSC of each drawn slice, 2D; a miss counts 0; {NEITHER}", of_slices("dice"), "slices"),
    "slice_hd_px": Quantity("pixels", f"HD of each drawn slice, 2D, in the scan's own pixels; {NEITHER}",
                            of_slices("hd_px"), "slices"),
    "slice_assd_px": Quantity("pixels", f"ASSD of each drawn slice, 2D, in the scan's own pixels; {NEITHER}",
                              of_slices("assd_px"), "slices"),
    "roi_rmse_mm": Quantity("mm", "root mean squared error of the coordinates of both corners, a box per drawn slice with"
                            " any structure, around all structures", of_boxes("rmse_mm"), "located"),
    "roi_sd_mm": Quantity("mm", "standard deviation (n - 1) of the boxes' own root mean squared errors",
                          of_boxes("sd_mm"), "located"),
    "roi_outlier_percent": Quantity("%", "boxes whose error lies beyond the box plot's upper whisker (1.5 IQR)",
                                    of_boxes("outlier_percent"), "located"),
    "volume_difference_ml": Quantity("ml", "absolute difference of the volumes; a structure in neither mask has 0",
                                     of_rows("volume_difference_ml", _absolute_volumes)),
    "pd_percent": Quantity("%", "absolute volume difference in percent of the reference's myocardium",
                           of_rows("pd_percent", _share_of_myocardium)),
    "training_accuracy": Quantity("", "share of pixels with the right label, background included, on some training"
                                  " patients' drawn slices", _accuracy("trained_on")),
    "held_out_accuracy": Quantity("", "share of pixels with the right label, background included, on the held-out"
                                  " patients' drawn slices", _accuracy("")),
    "training_loss": Quantity("", f"{_LOSS}, over varied samples at the end of training",
                              _of_last_stage("training_loss", "trained elsewhere")),
    "held_out_loss": Quantity("", f"{_LOSS}, over unvaried samples of the held-out patients",
                              _of_last_stage("validation_loss", "trained elsewhere, or not computed")),
    "last_stage_parameters": Quantity("", "trainable parameters of the last stage", _cost(_last_parameters)),
    "last_stage_parameters_m": Quantity("M", "trainable parameters of the last stage, in millions",
                                        _cost(_last_parameters_m)),
    "seconds_per_epoch": Quantity("s", "median step of the last stage times the steps of an epoch",
                                  _of_last_stage("seconds_per_epoch", "trained elsewhere, or its record has no times")),
    "seconds_per_case": Quantity("s", "median seconds of a patient: every drawn frame, all stages, repair", _case_seconds),
    "gpu_peak_gb": Quantity("GB", "the most that torch held on the GPU in segmenting one patient", _cost(_gpu_gb)),
    "gpu_training_peak_gb": Quantity("GB", "the most that torch held on the GPU in training the last stage",
                                     _training_gpu_gb),
    "training_hours": Quantity("h", "steps times the median step, all stages", _training_hours),
}  # fmt: skip
EMIDEC_SAYS: Mapping[str, str] = {  # of results by `evaluate --protocol emidec`
    "dice": EMIDEC_COLUMNS["dice_code"],
    "hd_mm": EMIDEC_COLUMNS["hd_page_mm"],
    "volume_difference_ml": EMIDEC_COLUMNS["volume_difference_ml"],
    "pd_percent": EMIDEC_COLUMNS["pd_percent"],
}
