"""The page of a training run says and draws what the record holds."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from shortaxis.report.training import MOST_POINTS, binned, minutes_taken, render_training


def step(number: int, loss: float | None, seconds: float, rate: float | None = 0.01) -> dict[str, Any]:
    return {"step": number, "loss": loss, "learning_rate": rate, "seconds": seconds}


def validation(number: int, seconds: float, **terms: float | None) -> dict[str, Any]:
    return {"step": number, "validation": terms, "seconds": seconds}


def figures(page: str) -> dict[str, tuple[str, str]]:
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)<small>(.*?)</small>", page)
    return {name: (value, beside) for name, value, beside in found}


def panels(page: str) -> dict[str, str]:
    return dict(re.findall(r"<figure>\s*<figcaption><strong>(.*?)</strong>(.*?)</figure>", page, re.DOTALL))


def points(part: str) -> list[list[tuple[float, float]]]:
    """Every polyline of a panel as its points."""
    lists = re.findall(r'<polyline points="(.*?)"', part)
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in text.split())] for text in lists]


def test_the_numbers_at_the_top_are_those_of_the_record() -> None:
    record = [step(1, 0.8, 30), step(2, 0.6, 60), validation(2, 75, loss=0.5), step(3, 0.4, 100)]
    shown = figures(render_training("run", [*record, validation(3, 120, loss=0.7)]))
    assert shown == {
        "Step": ("3", ""),
        "Minutes so far": ("2.0", ""),
        "Steps per minute": ("1.5", "validation included"),
        "Training loss": ("0.4", "last step"),
        "Validation loss": ("0.5", "lowest, step 2"),
    }


def test_the_minutes_of_a_resumed_run_are_those_of_all_its_parts() -> None:
    assert minutes_taken([step(1, 1, 30), step(2, 1, 90), step(3, 1, 12), step(4, 1, 30)]) == pytest.approx(2.0)
    assert minutes_taken([]) == 0.0


def test_losses_stand_at_their_steps_on_a_scale_that_has_zero() -> None:
    part = panels(render_training("run", [step(2, 1.0, 1), step(4, 0.5, 2)]))["Loss"]
    ((first, second),) = points(part)
    ticks = {text: float(y) for y, text in re.findall(r'y="([\d.]+)" text-anchor="end">([\d.]+)<', part)}
    zero, one = ticks["0"] - 4, ticks["1"] - 4  # a tick's text hangs 4 below its line
    assert first[1] == pytest.approx(one) and second[1] == pytest.approx((zero + one) / 2, abs=0.1)
    assert "linear" in part
    left = float(re.findall(r'<line class="grid" x1="(\d+)"', part)[0])
    assert first[0] - left == pytest.approx((second[0] - left) / 2, abs=0.1)


def test_a_loss_that_falls_through_decades_is_drawn_on_a_logarithmic_scale() -> None:
    part = panels(render_training("run", [step(n, 10.0 ** (1 - n), n) for n in (1, 2, 3)]))["Loss"]
    ((a, b, c),) = points(part)
    assert "logarithmic" in part
    assert b[1] - a[1] == pytest.approx(c[1] - b[1], abs=0.2)


def test_a_long_run_is_drawn_by_means_of_equally_many_steps() -> None:
    series = [(n, float(n)) for n in range(1, 3 * MOST_POINTS + 1)]
    assert binned(series)[:2] == [(2, 2.0), (5, 5.0)]
    assert len(binned(series)) == MOST_POINTS
    page = render_training("run", [step(n, loss, n) for n, loss in series])
    assert "training (mean of 3 steps)" in page and '<polygon class="band"' in page
    last = 3 * MOST_POINTS
    assert figures(page)["Training loss"] == (f"{last - 1}", "mean of the last 3 steps")


def test_a_mean_is_over_the_known_values_only() -> None:
    series = [(n, None if n % 2 else 4.0) for n in range(1, 2 * MOST_POINTS + 1)]
    assert {value for _, value in binned(series)} == {4.0}


def test_every_validation_term_has_its_line_and_its_name() -> None:
    record = [validation(n, n, loss=1.0, dice=0.5 / n, cross_entropy=0.2) for n in (1, 2, 3)]
    part = panels(render_training("run", record))["Validation terms"]
    assert re.findall(r'<b class="(c\d)">(.*?)</b>', part) == [("c0", "dice"), ("c1", "cross_entropy")]
    assert [len(line) for line in points(part)] == [3, 3] and part.count("<circle") == 6


def test_without_validation_there_is_no_panel_for_it() -> None:
    page = render_training("run", [step(1, 0.5, 1), step(2, 0.4, 2)])
    assert list(panels(page)) == ["Loss", "Learning rate"]
    assert figures(page)["Validation loss"] == ("–", "none recorded")


@pytest.mark.parametrize("unknown", [None, float("nan"), float("inf")])
def test_a_value_that_is_not_finite_leaves_a_gap(unknown: float | None) -> None:
    losses = [1.0, 0.9, unknown, 0.7, 0.6]
    page = render_training("run", [step(n, loss, n, None) for n, loss in enumerate(losses, 1)])
    assert [len(line) for line in points(panels(page)["Loss"])] == [2, 2]
    assert "nan" not in page and "inf" not in page.replace("initial", "") and "Learning rate" not in panels(page)
    shown = render_training("run", [validation(1, 1, loss=unknown, dice=0.5)])
    assert figures(shown)["Validation loss"] == ("–", "none recorded")


def test_one_line_is_one_dot() -> None:
    page = render_training("run", [step(1, 0.5, 0.0)])
    assert panels(page)["Loss"].count("<circle") == 1 and points(panels(page)["Loss"]) == []
    assert figures(page)["Steps per minute"][0] == "–"


@pytest.mark.parametrize("losses", [[0.0, 0.0], [-1.0, -2.0], [5.0, 5.0], [1e-9, 1e9]])
def test_any_range_of_losses_stays_inside_the_picture(losses: list[float]) -> None:
    part = panels(render_training("run", [step(n, loss, n) for n, loss in enumerate(losses, 1)]))["Loss"]
    ((a, b),) = points(part)
    assert all(12 <= y <= 224 and 62 <= x <= 734 for x, y in (a, b))


def test_an_empty_record_says_so() -> None:
    assert "Nothing is recorded yet." in render_training("run", [])


def test_names_are_text_never_markup_and_nothing_is_fetched() -> None:
    page = render_training("<b>run</b>", [validation(1, 1, **{"loss": 1.0, "<i>": 0.5})])
    assert "&lt;b&gt;run" in page and "<i>" not in page
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"""(?:src|href)=|url\(|https?:""", page)


def test_the_learning_rate_is_linear_however_low_it_ends() -> None:
    part = panels(render_training("run", [step(1, 1.0, 1, 1e-2), step(2, 1.0, 2, 5e-3), step(3, 1.0, 3, 1e-9)]))
    ((a, b, c),) = points(part["Learning rate"])
    assert b[1] - a[1] == pytest.approx(c[1] - b[1], abs=0.2)
