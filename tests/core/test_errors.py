"""Every refusal has a code of its own and says four things."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from shortaxis.core.errors import BadSpacing, ShortaxisError, every_error

EVERY = list(every_error())


def descendants(kind: type[ShortaxisError]) -> set[type[ShortaxisError]]:
    return {*kind.__subclasses__(), *(below for child in kind.__subclasses__() for below in descendants(child))}


def test_codes_and_titles_are_unique() -> None:
    assert len({kind.code for kind in EVERY}) == len({kind.title for kind in EVERY}) == len(EVERY) > 20
    assert all(re.fullmatch(r"SA-E\d{3}", kind.code) for kind in EVERY)
    assert [kind.code for kind in EVERY] == sorted(kind.code for kind in EVERY)


def test_no_error_is_left_out_of_the_list() -> None:
    assert {kind for kind in descendants(ShortaxisError) if kind.__module__.startswith("shortaxis")} <= set(EVERY)


def test_a_refusal_shows_file_expected_found_and_the_way_out() -> None:
    shown = str(BadSpacing("a spacing above 0", "0 mm", "mend the header", "scan.nii.gz"))
    assert shown.splitlines() == [
        "SA-E021 voxel spacing is not usable",
        "  file:     scan.nii.gz",
        "  expected: a spacing above 0",
        "  found:    0 mm",
        "  way out:  mend the header",
    ]


def test_without_a_file_none_is_shown() -> None:
    refusal = BadSpacing("a", "b", "c")
    assert refusal.path is None and "file:" not in str(refusal)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_a_worker_process_can_hand_a_refusal_back(kind: type[ShortaxisError]) -> None:
    back = pickle.loads(pickle.dumps(kind("expected", "found", "way out", Path("a/b"))))  # noqa: S301 - our own bytes
    assert type(back) is kind and str(back) == str(kind("expected", "found", "way out", Path("a/b")))
    assert (back.expected, back.found, back.way_out, back.path) == ("expected", "found", "way out", Path("a/b"))


def test_a_file_s_own_words_reach_the_terminal_printable_and_of_sane_length() -> None:
    shown = str(BadSpacing("a", "line\nbreak \x1b[2J" + "[" * 5000, "c", "scan\x1b]0;.nii"))
    assert len(shown) < 1200 and len(shown.splitlines()) == 5
    assert all(letter.isprintable() for line in shown.splitlines() for letter in line)
