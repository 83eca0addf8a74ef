"""Names of cases are safe on every system and different from each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.files.identity import Kept, keeping
from shortaxis.files.names import MAX_LENGTH, output_name, own_name, slug, stem_of, unique


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Müller, Eva (2020)", "Müller, Eva (2020)"),
        ("心脏", "心脏"),
        ('a/b\\c:d*e?f"g<h>i|j', "a-b-c-d-e-f-g-h-i-j"),
        ("a\nb\0c\u200bd", "a-b-c-d"),  # nothing that would not show
        (" .hidden. ", "hidden"),
        ("../..", "-"),
        ("", "case"),
        (" . ", "case"),
        ("NUL.txt", "case-NUL.txt"),
    ],
)
def test_a_name_that_is_kept_loses_only_what_some_system_allows_in_no_file(text: str, expected: str) -> None:
    assert own_name(text) == expected


def test_a_kept_name_is_never_long_and_ends_in_no_dot_or_blank() -> None:
    assert own_name("ü" * 500) == "ü" * MAX_LENGTH
    assert own_name("x" * (MAX_LENGTH - 1) + ". y") == "x" * (MAX_LENGTH - 1)


def test_a_slug_that_is_cut_ends_in_no_sign() -> None:
    assert slug("x" * (MAX_LENGTH - 2) + "-." + "y") == "x" * (MAX_LENGTH - 2)
    assert len(slug("x" * MAX_LENGTH)) == MAX_LENGTH == 80


@pytest.mark.parametrize("port", ["com0", "com9", "LPT1", "lpt9", "con", "prn", "aux", "nul"])
def test_names_that_windows_keeps_for_itself_are_given_to_no_case(port: str) -> None:
    assert slug(port) == own_name(port) == f"case-{port}"
    assert slug(f"{port}0x") == f"{port}0x" and slug(f"x.{port}") == f"x.{port}" and slug("com10") == "com10"


def test_outputs_are_slugs_unless_names_are_kept() -> None:
    assert output_name("Müller, Eva") == "Muller-Eva"
    with keeping(Kept(names=True)):
        assert output_name("Müller, Eva") == "Müller, Eva"
