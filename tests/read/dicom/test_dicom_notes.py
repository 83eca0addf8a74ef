"""What the DICOM reader says of series it sets aside: one kind, one entry."""

from __future__ import annotations

import pytest

from shortaxis.read.dicom.notes import SetAside, listed, series_set_aside


def test_series_of_one_kind_are_told_together_with_their_count() -> None:
    each_slice_its_own = [SetAside(number, "axial cine stack", 25) for number in range(31, 43)]
    note = series_set_aside([*each_slice_its_own, SetAside(7, "perfusion", 120)])
    assert note.code == "SA-W060"
    assert note.text == (
        "Not segmented: 12 series numbered 31 to 42 (axial cine stack, 300 images), series 7 (perfusion, 120 images)."
    )


@pytest.mark.parametrize(
    ("set_aside", "told"),
    [
        ([], "nothing"),
        ([SetAside(7, "perfusion", 1)], "series 7 (perfusion, 1 image)"),
        ([SetAside(7, "perfusion", 4), SetAside(7, "perfusion", 5)], "series 7 (perfusion, 9 images)"),
        ([SetAside(None, "perfusion", 4)], "series without a number (perfusion, 4 images)"),
        ([SetAside(None, "perfusion", 4), SetAside(2, "perfusion", 5)], "2 series (perfusion, 9 images)"),
        (
            [SetAside(7, "perfusion", 4), SetAside(7, "late enhancement", 5)],
            "series 7 (perfusion, 4 images), series 7 (late enhancement, 5 images)",
        ),
    ],
)
def test_one_series_keeps_its_number_and_several_their_range(set_aside: list[SetAside], told: str) -> None:
    assert listed(set_aside) == told
