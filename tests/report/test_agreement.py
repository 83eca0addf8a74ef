"""The page of two readings: dots and lines lie where the numbers say, and nothing of a name is run."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from shortaxis.jobs.agree import flat
from shortaxis.measure.ef_categories import reclassified
from shortaxis.measure.reliability import DEFINITIONS, reliability
from shortaxis.report.agreement import render_agreement
from shortaxis.report.bland_altman import bland_altman

Pairs = dict[str, dict[str, tuple[float | None, float | None]]]
EF: Pairs = {"lv.ef_percent": {"a": (60.0, 50.0), "b": (40.0, 38.0), "c": (30.0, 30.0), "d": (None, 41.0)}}


def summary_of(pairs: Pairs, **changes: Any) -> dict[str, Any]:
    """As `agree_folders` returns it."""
    found = {
        "name_a": "Reader 1",
        "name_b": "Reader 2",
        "n_cases": 4,
        "only_in_a": [],
        "only_in_b": ["e"],
        "indices": {key: flat(reliability(list(held.values()))) for key, held in pairs.items()},
        "overlap": {},
        "n_on_one_grid": 0,
        "off_grid": {"a": "no masks beside the measures"},
        "ef_categories": vars(reclassified(pairs.get("lv.ef_percent", {}))),
        "definitions": DEFINITIONS,
    }
    return found | changes


def test_dots_and_lines_lie_where_the_numbers_say() -> None:
    key, pairs = "lv.ef_percent", EF["lv.ef_percent"]
    plot = bland_altman(key, pairs, summary_of(EF)["indices"][key])
    assert plot is not None
    assert (plot.title, plot.unit, plot.n) == ("Left ventricle: ejection fraction", "%", 3)
    first, second, third = plot.dots  # means 55, 39, 30; differences 10, 2, 0
    assert first.x > second.x > third.x
    assert first.y < second.y < third.y == plot.zero
    assert (first.x - second.x) / (second.x - third.x) == pytest.approx(16 / 9, rel=0.01)
    assert first.text == "a: A 60.0, B 50.0, difference 10.0 %"
    upper, bias, lower = plot.levels
    assert (upper.look, bias.look, lower.look) == ("limit", "bias", "limit")
    assert bias.y - upper.y == pytest.approx(lower.y - bias.y, abs=0.2)
    assert bias.text == "bias 4.00"


def test_texts_beside_the_lines_do_not_cover_each_other_and_bands_stay_inside() -> None:
    pairs: dict[str, tuple[float | None, float | None]] = {
        f"p{i}": (50.0 + i, 50.0 + i + 0.01 * (i % 2)) for i in range(9)
    }
    pairs["far"] = (90.0, 40.0)
    found = flat(reliability(list(pairs.values())))
    plot = bland_altman("lv.edv_ml", pairs, found)
    assert plot is not None
    places = [level.text_y for level in plot.levels]
    assert all(after - before >= 13 for before, after in pairwise(places))
    for level in plot.levels:
        assert level.band is not None
        assert plot.top <= level.band[0] <= level.band[0] + level.band[1] <= plot.bottom


def test_one_patient_is_a_dot_with_a_bias_and_no_limits() -> None:
    pairs = {"a": (60.0, 50.0)}
    plot = bland_altman("lv.ef_percent", pairs, flat(reliability(list(pairs.values()))))
    assert plot is not None
    assert [(level.look, level.band) for level in plot.levels] == [("bias", None)]
    assert bland_altman("lv.ef_percent", {"a": (None, 1.0)}, {}) is None


def test_the_page_states_counts_intervals_categories_and_who_is_missing() -> None:
    page = render_agreement(summary_of(EF), EF)
    assert "In Reader 2 alone: e." in page
    assert page.count('<circle class="dot"') == 3
    assert "1 left out" in page
    assert "b 40–49 → &lt;40" in page
    assert "a (no masks beside the measures)" in page
    assert "ICC(2,1)" in page and "two-way random, single reading, absolute agreement" in page


def test_the_page_fetches_nothing_and_a_name_is_only_text() -> None:
    pairs: Pairs = {"lv.ef_percent": {"<script>x</script>": (60.0, 50.0), "b": (40.0, 38.0)}}
    page = render_agreement(summary_of(pairs, name_a="<b>A</b>"), pairs)
    assert "<script" not in page and "<b>A</b>" not in page
    assert re.search(r"default-src &#39;none&#39;|default-src 'none'", page)
    assert not re.search(r'(src|href)="', page)


def test_a_mouse_s_microlitres_have_their_picture_too() -> None:
    pairs: Pairs = {"lv.edv_ul": {"a": (60.0, 50.0), "b": (40.0, 38.0)}}
    page = render_agreement(summary_of(pairs), pairs)
    assert "end-diastolic volume (µl)" in page
    assert "No patient has an ejection fraction in both readings; the categories are of heart failure in man." in page
