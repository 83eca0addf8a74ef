"""The terminal's table says the same as the page."""

from __future__ import annotations

from rich.console import Console

from shortaxis.report.indices import Index
from shortaxis.report.terminal import _cells, _thickening, case_table


def test_indices_reasons_and_notes_are_listed_and_nothing_is_read_as_markup(measures_of, capsys) -> None:
    table = case_table(measures_of(case="[red]x", notes=[{"code": "SA-W001", "text": "Look [bold]here[/]."}]))
    assert capsys.readouterr().out == ""
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(table)
    text = captured.get()
    assert "[red]x" in text and "Look [bold]here[/]." in text
    assert "59.1" in text and "the heart rate is not known" in text
    assert "Research use only. Not for diagnosis." in text


def test_the_phases_stand_first_with_where_they_come_from(measures_of) -> None:
    phases = {"ed_number": 1, "es_number": 12, "source": "found", "found_ed_index": 0, "found_es_index": 11}
    console = Console(width=100)
    with console.capture() as captured:
        console.print(case_table(measures_of(phases=phases)))
    told = [line for line in captured.get().splitlines() if "frame" in line]
    assert [" ".join(line.strip("│ ").replace("│", "").split()) for line in told] == [
        "End-diastolic frame 1 from the left ventricle's volumes",
        "End-systolic frame 12 from the left ventricle's volumes",
    ]


def test_a_reason_that_stands_in_the_line_above_is_not_repeated() -> None:
    nowhere = Index("lv.edv_ml", "End-diastolic volume", "ml", None, "a single frame shows no heartbeat")
    assert [str(text) for text in _cells(nowhere, None)][2] == "a single frame shows no heartbeat"
    assert [str(text) for text in _cells(nowhere, nowhere.reason)][2] == "as above"
    assert [str(text) for text in _cells(nowhere, "another")][2] == "a single frame shows no heartbeat"


def test_thickening_is_told_over_the_segments_that_have_it() -> None:
    segments = {"1": {"thickening_percent": 20.0}, "2": {"thickening_percent": 60.0}, "3": {"thickening_percent": None}}
    name, value, told = _thickening({"lv": {"wall": {"aha": segments}}})
    assert (name, value, told.plain) == ("Thickening", "40", "%  2 of 3 segments, 20 to 60")
    nowhere = {"lv": {"wall": {"aha": {"1": {"thickening_percent": None}}}}}
    reasons = {"lv.wall.aha.1.thickening_percent": "no right ventricle"}
    name, value, told = _thickening({**nowhere, "reasons": reasons})
    assert (value, told.plain) == ("–", "no right ventricle")
