"""The volume-time curve puts volumes where their frames are."""

from __future__ import annotations

import pytest

from shortaxis.report.curve import curve_of, times_by_frame, volumes_by_frame


def test_volumes_are_scaled_from_zero_to_a_round_ceiling() -> None:
    curve = curve_of({"curve": {"frame": [0, 1, 2], "lv_ml": [100.0, 50.0, 100.0], "rv_ml": None}}, 3)
    assert curve is not None
    (line,) = curve.lines
    highest = curve.y_ticks[-1]
    assert curve.y_ticks[0].at == curve.bottom and curve.y_ticks[0].text == "0"
    heights = [curve.bottom - y for y in line.y if y is not None]
    assert heights[0] / (curve.bottom - highest.at) == pytest.approx(100 / float(highest.text), rel=1e-3)
    assert heights[1] == pytest.approx(heights[0] / 2, abs=0.02)
    assert curve.frame_x[0] == curve.left and curve.frame_x[-1] == curve.right


def test_frames_stand_at_their_times() -> None:
    curve = curve_of({"curve": {"frame": [0, 1, 2], "time_ms": [10.0, 20.0, 50.0], "lv_ml": [3.0, 2.0, 3.0]}}, 3)
    assert curve is not None and curve.times_ms == (0.0, 10.0, 40.0)
    assert curve.frame_x[1] - curve.left == pytest.approx((curve.right - curve.left) / 4)


def test_a_frame_without_volume_leaves_a_gap() -> None:
    curve = curve_of({"curve": {"frame": [0, 1, 3, 4], "lv_ml": [9.0, 8.0, 7.0, 9.0]}}, 5)
    assert curve is not None
    assert curve.lines[0].y[2] is None
    assert len(curve.lines[0].pieces) == 2


def test_a_single_frame_has_no_curve() -> None:
    assert curve_of({"curve": {"frame": [0], "lv_ml": [100.0]}}, 1) is None


@pytest.mark.parametrize("measures", [{}, {"curve": None}, {"curve": {"frame": [0, 1], "lv_ml": [None, None]}}])
def test_without_volumes_there_is_no_curve(measures: dict) -> None:
    assert curve_of(measures, 2) is None


def test_a_heart_that_was_never_found_is_a_line_at_zero() -> None:
    curve = curve_of({"curve": {"frame": [0, 1], "lv_ml": [0.0, 0.0]}}, 2)
    assert curve is not None and set(curve.lines[0].y) == {float(curve.bottom)}


def test_numbers_that_are_not_finite_count_as_missing() -> None:
    assert volumes_by_frame({"frame": [0, 1], "lv_ml": [float("nan"), 5.0]}, "lv", 2) == [None, 5.0]


@pytest.mark.parametrize("times", [None, [0.0], [0.0, 0.0], [0.0, None], [5.0, 1.0]])
def test_times_that_do_not_increase_for_every_frame_are_not_used(times: list | None) -> None:
    assert times_by_frame({"time_ms": times}, 2) is None


def test_a_mouse_heart_of_a_few_microlitres_has_readable_ticks() -> None:
    curve = curve_of({"curve": {"frame": [0, 1], "lv_ml": [0.062, 0.02]}}, 2)
    assert curve is not None
    assert [tick.text for tick in curve.y_ticks] == ["0", "0.02", "0.04", "0.06", "0.08"]
