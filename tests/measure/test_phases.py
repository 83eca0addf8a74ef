"""End-diastole and end-systole on curves written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.errors import BadPatientFacts
from shortaxis.measure.phases import find_phases

BEAT = [round(150 + 50 * np.cos(2 * np.pi * frame / 20)) for frame in range(20)]  # 200 at frame 0, 100 at frame 10


def test_the_largest_frame_is_end_diastole_and_the_smallest_end_systole() -> None:
    phases = find_phases(BEAT)
    assert (phases.ed_index, phases.es_index, phases.source, phases.reason) == (0, 10, "found", None)


def test_of_equal_frames_the_first_counts() -> None:
    phases = find_phases([5, 9, 9, 3, 3])
    assert (phases.ed_index, phases.es_index) == (1, 3)


def test_given_phases_are_used_and_the_found_ones_stated_beside_them() -> None:
    phases = find_phases(BEAT, given_ed=1, given_es=9)
    assert (phases.ed_index, phases.es_index, phases.source) == (1, 9, "given")
    assert (phases.found_ed_index, phases.found_es_index) == (0, 10)


def test_one_given_phase_leaves_the_other_to_be_found() -> None:
    phases = find_phases(BEAT, given_ed=1)
    assert (phases.ed_index, phases.es_index, phases.source) == (1, 10, "partly given")


def test_a_frame_without_a_ventricle_is_missed_and_not_end_systole() -> None:
    assert find_phases([9, 7, 0, 5, 8]).es_index == 3


@pytest.mark.parametrize(("frame", "volume"), [(5, 260), (15, 40), (19, 40)])
def test_a_frame_that_jumps_out_of_the_curve_is_neither_phase(frame: int, volume: int) -> None:
    phases = find_phases([*BEAT[:frame], volume, *BEAT[frame + 1 :]])
    assert (phases.ed_index, phases.es_index) == (0, 10)


def test_the_sharp_extremes_of_a_normal_beat_are_not_taken_for_outliers() -> None:
    sharp = [200, 198, 180, 155, 130, 110, 100, 108, 130, 150, 165, 175, 185, 195, 199]
    phases = find_phases(sharp)
    assert (phases.ed_index, phases.es_index) == (0, 6)


@pytest.mark.parametrize(
    "coarse",
    [
        [140, 127, 114, 80, 70, 79, 95, 125, 128, 129, 132, 135],  # a phantom's own volumes
        [137, 134, 122, 110, 99, 71, 97, 110, 120, 123, 132, 126],  # with a basal slice that only end-systole lacks
        [134, 122, 110, 99, 71, 97, 110, 120, 123, 124, 126, 129],
        [180, 172, 160, 146, 130, 114, 96, 84, 110, 132, 146, 156, 166, 172, 176],
    ],
)
def test_the_end_systole_of_a_coarse_cine_is_sharp_and_no_outlier(coarse: list[int]) -> None:
    phases = find_phases(coarse)
    assert (phases.ed_index, phases.es_index) == (0, coarse.index(min(coarse)))


def test_two_frames_that_jump_out_together_are_neither_phase() -> None:
    phases = find_phases([*BEAT[:3], 30, 30, *BEAT[5:]])
    assert (phases.ed_index, phases.es_index) == (0, 10)


def test_a_frame_that_jumps_out_of_a_coarse_cine_is_neither_phase() -> None:
    beat = [round(150 + 50 * np.cos(2 * np.pi * frame / 12)) for frame in range(12)]
    phases = find_phases([*beat[:9], 10, *beat[10:]])  # 150 without the fault
    assert (phases.ed_index, phases.es_index) == (0, 6)


def test_two_frames_are_enough() -> None:
    phases = find_phases([60, 150])
    assert (phases.ed_index, phases.es_index) == (1, 0)


@pytest.mark.parametrize(
    ("counts", "words"),
    [([80], "single frame"), ([0, 0, 0], "no frame"), ([0, 70, 0], "fewer than two"), ([70, 70], "the same")],
)
def test_a_curve_without_a_beat_has_no_phases_and_says_why(counts: list[int], words: str) -> None:
    phases = find_phases(counts)
    assert (phases.ed_index, phases.es_index) == (None, None)
    assert phases.reason is not None
    assert words in phases.reason


def test_a_single_frame_stated_to_be_end_diastole_is_end_diastole() -> None:
    phases = find_phases([80], given_ed=0)
    assert (phases.ed_index, phases.es_index, phases.found_ed_index) == (0, None, None)
    assert phases.reason is not None


def test_a_given_frame_outside_the_cine_is_refused_by_its_number() -> None:
    with pytest.raises(BadPatientFacts, match="frame number 21"):
        find_phases(BEAT, given_es=20)


def test_of_frames_as_small_as_each_other_the_first_after_end_diastole_is_end_systole() -> None:
    level = [50, 100, 90, 70, 40.5, 40, 40.5, 60]  # span 60: within 0.6 of 40 is as small as 40
    assert find_phases([int(10 * v) for v in level]).es_index == 4
    falling = [50, 100, 90, 70, 41, 40, 40.5, 60]
    assert find_phases([int(10 * v) for v in falling]).es_index == 5
    wrapped = [40.5, 50, 60, 100, 90, 80, 60, 40]  # ED at 3: going round, 7 comes before 0
    assert find_phases([int(10 * v) for v in wrapped]).es_index == 7
