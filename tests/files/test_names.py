"""Names of cases are safe on every system and different from each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.files.names import MAX_LENGTH, slug, stem_of, unique


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("patient001_frame01", "patient001_frame01"),
        ("Müller, Eva (2020)", "Muller-Eva-2020"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "case"),
        ("", "case"),
        ("   ", "case"),
        ("心脏", "case"),
        (".hidden", "hidden"),
        ("a..b", "a.b"),
        ("con", "case-con"),
        ("NUL.txt", "case-NUL.txt"),
        ("a\nb\0c", "a-b-c"),
        ("trailing. ", "trailing"),
    ],
)
def test_a_slug_is_letters_digits_and_three_signs(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_a_slug_is_never_long_and_making_it_again_changes_nothing() -> None:
    name = slug("x" * 500)
    assert len(name) == MAX_LENGTH and slug(name) == name


@pytest.mark.parametrize(
    ("name", "stem"), [("a.nii.gz", "a"), ("a.b.NII", "a.b"), ("a.gz", "a.gz"), ("folder", "folder")]
)
def test_the_stem_is_the_name_without_the_nifti_ending(name: str, stem: str) -> None:
    assert stem_of(Path("x") / name) == stem


def test_equal_names_are_told_apart_also_where_case_does_not_count() -> None:
    assert unique(["a", "A", "b", "a", "a-2"]) == ["a", "A-2", "b", "a-3", "a-2-2"]
