"""A locator's boxes against the reference's, by hand; and its figures beside HALSR-Net's table 3."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from shortaxis.core.compute import Compute
from shortaxis.core.found import Found
from shortaxis.core.labels import ACDC, Labels
from shortaxis.core.study import Facts, Grid, Study
from shortaxis.experiments.compare import located
from shortaxis.experiments.compare.located import locator_rows
from shortaxis.experiments.compare.plan import Entry
from shortaxis.experiments.compare.results import Result
from shortaxis.experiments.show.slice_tables import located_table, slices_table
from shortaxis.methods.roi_regression import RoiRegressionStage, tuned_roi


def a_study(slices: int = 4) -> Study:
    """Hearts on rows 10 to 19 and columns 20 to 29 of every slice but the last; pixels of 2 mm."""
    labels = np.zeros((1, slices, 40, 40), np.uint8)
    labels[0, :-1, 10:20, 20:30] = 1
    grid = Grid(labels.shape[1:], np.eye(4), (8.0, 2.0, 2.0))
    return Study("a", labels, grid, (), Facts(), Labels.complete(labels, ACDC))


def a_model(*stages: object) -> Any:
    return SimpleNamespace(stages=stages, nets={"locate": [None]})


def found_boxes(monkeypatch: pytest.MonkeyPatch, boxes: np.ndarray) -> list[RoiRegressionStage]:
    """The locator answers with these boxes; the stages it was asked as."""
    asked: list[RoiRegressionStage] = []

    def answer(stage: RoiRegressionStage, *_: object) -> Found:
        asked.append(stage)
        return Found((0,), boxes=boxes)

    monkeypatch.setattr(located, "run_stage", answer)
    return asked


CPU = Compute("cpu", False)


def test_each_slice_with_a_heart_has_its_error_in_mm_and_the_study_one_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boxes = np.tile(np.array([10.0, 20.0, 19.0, 29.0]), (1, 4, 1))
    boxes[0, 0] += [2.0, 0.0, 0.0, 0.0]  # one coordinate of four 4 mm off: its root mean square is 2
    boxes[0, 1] += 1.0
    asked = found_boxes(monkeypatch, boxes)
    rows = locator_rows(a_study(), a_model(RoiRegressionStage(*tuned_roi()), object()), CPU)
    by_slice = {row["slice_number"]: row["error_mm"] for row in rows if row["per"] == "slice"}
    assert by_slice == pytest.approx({1: 2.0, 2: 2.0, 3: 0.0})  # slice 4 shows no heart
    (whole,) = (row["error_mm"] for row in rows if row["per"] == "study")
    assert whole == pytest.approx(1.0)  # the median of the middle slices is half a pixel off
    assert asked[0].config.aggregate == "slice"  # though the recipe makes one box of a study


def test_without_regression_without_labels_and_without_a_pixel_size_there_is_nothing() -> None:
    study, model = a_study(), a_model(RoiRegressionStage(*tuned_roi()), object())
    assert locator_rows(study, a_model(object()), CPU) == []
    unknown = Study("a", study.image, Grid(study.grid.shape, np.eye(4), None), (), Facts(), study.labels)
    assert locator_rows(unknown, model, CPU) == []
    assert locator_rows(Study("a", study.image, study.grid, (), Facts()), model, CPU) == []


def result_of(**scores: object) -> Result:
    return Result(Entry("ours", "halsrnet"), {0: {"rows": [], **scores}}, {}, {0: Path()})


def test_the_table_gives_root_mean_square_spread_and_outliers() -> None:
    errors = [1.0, 1.0, 1.0, 1.0, 9.0]
    rows = [{"case": "a", "per": "slice", "slice_number": at, "error_mm": mm} for at, mm in enumerate(errors)]
    (line,) = located_table([result_of(located=rows)]).rows
    assert (line["box"], line["n"], line["outliers %"]) == ("per slice", 5, 20.0)
    assert line["RMSE mm"] == pytest.approx((85 / 5) ** 0.5)
    assert line["SD mm"] == pytest.approx(np.std(errors, ddof=1))
    assert located_table([result_of()]).rows == []


def test_slices_have_medians_and_what_is_in_neither_mask_is_left_out() -> None:
    def line(number: int, outcome: str, dice: float | None, hd_px: float | None) -> dict[str, object]:
        others = dict.fromkeys(("hd_mm", "assd_px", "assd_mm"))
        place = {"case": "a", "phase": "ED", "structure": "lv_cavity", "slice_number": number}
        return {**place, "outcome": outcome, "dice": dice, "hd_px": hd_px, **others}

    slices = [
        line(1, "both", 0.9, 2.0),
        line(2, "both", 0.7, 6.0),
        line(3, "missed", 0.0, None),
        line(4, "neither", None, None),
    ]
    rows = [{"structure": "lv_cavity"}]
    (found,) = slices_table([result_of(slices=slices, rows=rows)]).rows
    assert (found["slices"], found["missed"]) == (3, 1)
    dice, hd_px, hd_mm = (cast(Any, found[name]) for name in ("DSC", "HD px", "HD mm"))
    assert (dice.mean, dice.low, hd_px.mean, hd_px.n) == (0.7, 0.35, 4.0, 2)
    assert hd_mm.mean is None
