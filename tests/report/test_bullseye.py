"""The bull's-eye: every segment where the heart association draws it, and a reason where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shortaxis.core.labels import ACDC
from shortaxis.measure.case import measure_case
from shortaxis.read.phantom import Phantom, PhantomRecipe, make_phantom
from shortaxis.report.bullseye import CENTRE, Scale, bullseyes_of
from shortaxis.report.html import render_case
from shortaxis.report.indices import sections_of


def measures(values: dict[int, float | None], **more) -> dict:
    segments = {str(n): {"ed_mm": values.get(n), "es_mm": None, "thickening_percent": None} for n in range(1, 17)}
    return {"lv": {"edv_ml": 1.0, "wall": {"aha": segments}}, "reasons": {}, **more}


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom(PhantomRecipe(frames=2, slices=9, rows=128, cols=128))


def test_segments_lie_where_the_heart_association_draws_them() -> None:
    thickness, _ = bullseyes_of(measures({n: float(n) for n in range(1, 17)}))
    at = {int(float(cell.text)): (cell.x - CENTRE, CENTRE - cell.y) for cell in thickness.cells}  # right, up
    for anterior, inferior in ((1, 4), (7, 10), (13, 15)):
        assert at[anterior][0] == at[inferior][0] == 0
        assert at[anterior][1] > 0 > at[inferior][1]
    assert at[14][0] < 0 < at[16][0]  # septum on the left
    assert at[2][0] < 0 < at[2][1]  # anteroseptal
    assert at[5][0] > 0 > at[5][1]  # inferolateral
    assert at[1][1] > at[7][1] > at[13][1]  # basal outside


def test_a_missing_segment_is_grey_with_a_dash_and_all_missing_is_a_reason() -> None:
    found = measures({1: 9.0}, reasons={"lv.wall.aha.1.thickening_percent": "end-systole is unknown"})
    thickness, thickening = bullseyes_of(found)
    assert (thickness.cells[0].text, thickness.cells[1].text, thickness.reason) == ("9.00", "–", None)
    assert thickness.cells[0].fill != thickness.cells[1].fill
    assert thickening.reason == "end-systole is unknown"


def test_colours_step_and_stay_within_their_ends() -> None:
    scale = Scale(4, 2, ("#000000", "#777777", "#ffffff"))
    assert [scale.colour(value) for value in (-3, 5, 6, 7.9, 8, 99)] == [
        "#000000", "#000000", "#777777", "#777777", "#ffffff", "#ffffff",
    ]  # fmt: skip
    assert [words for _, words in scale.legend()] == ["< 6", "6–8", "≥ 8"]


def test_measures_without_segments_have_no_figure() -> None:
    assert bullseyes_of({"lv": {"edv_ml": 1.0}}) == ()


def test_the_page_draws_both_and_lists_no_segment_in_the_tables(phantom: Phantom) -> None:
    labels = phantom.study.labels
    assert labels is not None
    found = measure_case(phantom.study, labels.array, ACDC)
    assert not any("aha" in index.key for section in sections_of(found) for index in section.indices)
    page = render_case(phantom.study, labels.array, ACDC, found, {})
    assert page.count('<path d="M') == 2 * 16
    assert "1 basal anterior:" in page


def test_a_heart_found_another_way_up_says_why_it_has_no_segments(phantom: Phantom) -> None:
    from shortaxis.predict.orientation import DISAGREES

    labels = phantom.study.labels
    assert labels is not None
    found = measure_case(phantom.study.with_notes(DISAGREES), labels.array, ACDC)
    assert found["lv"]["wall"]["aha"]["1"] == {"ed_mm": None, "es_mm": None, "thickening_percent": None}
    page = render_case(phantom.study, labels.array, ACDC, found, {})
    assert "Not measured: the picture does not agree with its header" in page
    assert '<path d="M' not in page


def test_a_mouse_has_a_scale_of_its_own() -> None:
    man, mouse = (
        bullseyes_of(measures({1: 0.9}, patient={"species": species}))[0].cells[0] for species in ("human", "mouse")
    )
    assert replace(man, fill="", ink="") == replace(mouse, fill="", ink="")
    assert man.fill != mouse.fill
