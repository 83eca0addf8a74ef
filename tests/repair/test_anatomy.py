"""Each check speaks on a heart with that fault and is silent on a sound one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from shortaxis.core.labels import ACDC, LEFT_VENTRICLE
from shortaxis.repair.anatomy import check_anatomy, middle_third

RV, MYO, LV = 1, 2, 3
Labels = NDArray[np.uint8]


def beating(radii: list[int], slices: int = 6) -> Labels:
    """One frame per cavity radius, in pixels; the same on every slice."""
    rows, cols = np.mgrid[:48, :48]
    radius = np.hypot(rows - 24, cols - 28)
    frames = []
    for inner in radii:
        plane = np.zeros((48, 48), np.uint8)
        plane[np.hypot(rows - 24, cols - 5) < 5] = RV
        plane[radius < inner + 4] = MYO
        plane[radius < inner] = LV
        frames.append(np.repeat(plane[None], slices, axis=0))
    return np.stack(frames)


def codes(labels: Labels, **phases: int) -> list[str]:
    return [note.code for note in check_anatomy(labels, ACDC, **phases)]


def test_a_sound_heart_gets_no_note() -> None:
    assert codes(beating([10, 7]), ed_index=0, es_index=1) == []


def test_an_empty_frame_is_named() -> None:
    labels = beating([10, 7, 9])
    labels[1] = 0
    (note,) = check_anatomy(labels, ACDC)
    assert (note.code, note.text) == ("SA-W100", "Nothing was labelled in frame 2.")


@pytest.mark.parametrize(("structure", "code"), [(LV, "SA-W101"), (RV, "SA-W102")])
def test_a_ventricle_missing_on_a_middle_slice_is_named_with_its_place(structure: int, code: str) -> None:
    labels = beating([10, 7])
    labels[1, 2][labels[1, 2] == structure] = 0
    (note,) = check_anatomy(labels, ACDC)
    assert note.code == code
    assert "frame 2 slice 3." in note.text


def test_a_middle_slice_with_nothing_on_it_lacks_both_ventricles() -> None:
    labels = beating([10])
    labels[0, 3] = 0
    assert codes(labels) == ["SA-W101", "SA-W102"]


@pytest.mark.parametrize("last", [3, 4])
def test_a_right_ventricle_that_ends_before_the_apex_is_normal(last: int) -> None:
    labels = beating([10])
    labels[0, last:][labels[0, last:] == RV] = 0
    assert codes(labels) == []


def test_a_right_ventricle_on_none_of_the_middle_slices_is_noted() -> None:
    labels = beating([10])
    labels[0, 2:][labels[0, 2:] == RV] = 0
    assert codes(labels) == ["SA-W102"]


def test_a_scheme_without_right_ventricle_does_not_miss_it() -> None:
    assert check_anatomy(ACDC.translate(beating([10, 7]), LEFT_VENTRICLE), LEFT_VENTRICLE) == ()


def test_a_wall_with_a_gap_is_open() -> None:
    labels = beating([10])
    labels[0, 2, 24, 36:44] = 0
    assert codes(labels) == ["SA-W103"]


def test_end_systole_larger_than_end_diastole_is_noted() -> None:
    assert codes(beating([7, 10]), ed_index=0, es_index=1) == ["SA-W104"]


@pytest.mark.parametrize("radii", [[14, 5], [10, 10]])
def test_an_ejection_fraction_that_no_heart_has_is_noted(radii: list[int]) -> None:
    assert codes(beating(radii), ed_index=0, es_index=1) == ["SA-W105"]  # 87 % and 0 %


@pytest.mark.parametrize(("ed_slices", "es_slices"), [(3, 6), (6, 0.5)])
def test_a_right_ventricle_that_grows_or_all_but_vanishes_is_noted(ed_slices: float, es_slices: float) -> None:
    labels = beating([10, 7])
    for frame, share in ((0, ed_slices), (1, es_slices)):
        right = np.argwhere(labels[frame] == RV)
        labels[frame][tuple(right[round(len(right) * share / 6) :].T)] = 0
    assert "SA-W107" in codes(labels, ed_index=0, es_index=1)
    assert "SA-W107" not in codes(labels)


def test_a_jump_in_the_volume_curve_is_noted_and_a_beat_is_none() -> None:
    beat = [12, 12, 11, 10, 9, 8, 8, 9, 10, 11, 12, 12]
    assert codes(beating(beat)) == []
    beat[8] = 6
    (note,) = check_anatomy(beating(beat), ACDC)
    assert (note.code, note.text) == ("SA-W106", "The volume curve jumps in frame 9.")


def test_many_places_are_counted_rather_than_listed() -> None:
    (note,) = check_anatomy(np.zeros((9, 2, 4, 4), np.uint8), ACDC)
    assert note.text.endswith("frame 4 and 5 more.")


@pytest.mark.parametrize(
    ("count", "expected"), [(0, []), (1, [0]), (2, [0, 1]), (3, [1]), (6, [2, 3]), (9, [3, 4, 5]), (10, [3, 4, 5, 6])]
)
def test_the_middle_third_is_rounded_outward(count: int, expected: list[int]) -> None:
    held = np.zeros(12, bool)
    held[:count] = True
    assert middle_third(held).tolist() == expected
