"""Many cases: one row each, the ones to look at first."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np

from shortaxis.core.labels import ACDC
from shortaxis.report.cohort import CohortEntry, cohort_rows, render_cohort
from shortaxis.report.thumbnail import thumbnail

NOTE = {"code": "SA-W001", "text": "Look at the apex."}
REFUSED = {"case": "broken", "error": {"code": "SA-E003", "text": "damaged or truncated file"}}


def test_a_case_is_one_flat_row_under_dotted_keys(measures_of) -> None:
    (row,) = cohort_rows([measures_of(notes=[NOTE])])
    assert row["case"] == "ellipse" and row["status"] == "ok"
    assert row["lv.ef_percent"] == 59.09 and row["lv.co_l_min"] is None
    assert (row["n_notes"], row["notes"]) == (1, "SA-W001")
    assert not any(key.startswith(("curve", "slices", "reasons")) for key in row)


def test_all_rows_have_the_same_columns_and_a_refused_case_has_its_code(measures_of) -> None:
    good, bad = cohort_rows([measures_of(), REFUSED])
    assert list(good) == list(bad)
    assert (bad["status"], bad["error_code"], bad["lv.edv_ml"]) == ("error", "SA-E003", None)


def test_values_that_are_not_finite_are_undefined(measures_of) -> None:
    (row,) = cohort_rows([measures_of(lv={"edv_ml": float("nan"), "esv_ml": None, "sv_ml": 1.5})])
    assert (row["lv.edv_ml"], row["lv.esv_ml"], row["lv.sv_ml"]) == (None, None, 1.5)


def test_no_cases_make_an_empty_table() -> None:
    assert cohort_rows([]) == []
    assert "0 cases" in render_cohort([])


def test_refused_cases_come_first_then_those_with_most_notes(measures_of) -> None:
    cases = [measures_of(case="b"), measures_of(case="a"), measures_of(case="noted", notes=[NOTE, NOTE]), REFUSED]
    page = render_cohort([CohortEntry(case) for case in cases])
    order = re.findall(r'<th scope="row" data-sort="(.*?)"', page)
    assert order == ["broken", "noted", "a", "b"]
    assert "4 cases, 1 refused, 1 with notes" in page


def test_links_stay_on_this_page_and_names_open_no_tag(measures_of) -> None:
    entry = CohortEntry(measures_of(case="<b>x"), "javascript:alert(1)")
    page = render_cohort([entry, CohortEntry(measures_of(case="y"), "my case/report.html")])
    assert "<b>x" not in page
    assert 'href="javascript%3Aalert%281%29"' in page
    assert 'href="my%20case/report.html"' in page
    assert "http:" not in page and "https:" not in page


def test_cells_sort_by_the_unrounded_value_and_undefined_by_nothing(measures_of) -> None:
    page = render_cohort([CohortEntry(measures_of(lv={"ef_percent": 59.0876, "edv_ml": None}))])
    assert 'data-sort="59.0876"' in page
    assert re.search(r'data-sort="" title="no reason recorded">–', page)


def test_a_thumbnail_shows_the_heart_with_coloured_contours_in_true_proportions(study_of) -> None:
    study = study_of(spacing_mm=(8.0, 1.0, 2.0))
    data = np.frombuffer(base64.b64decode(thumbnail(study, study.labels.array, ACDC, height_pixels=100)), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape[0] == 100
    assert picture.shape[1] > 180  # columns are twice as far apart as rows
    blue, _, red = cv2.split(picture.astype(np.int16))
    assert np.any(red - blue > 100) and np.any(blue - red > 60)
