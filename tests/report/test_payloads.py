"""Text that somebody else chose - names of cases, files, models and columns - is text in every output, and nothing more."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import WriteFailed
from shortaxis.core.labels import ACDC
from shortaxis.core.study import Grid, Note, Origin, Study
from shortaxis.files.line_file import LineFile
from shortaxis.files.writer import write_csv, write_json
from shortaxis.measure.case import measure_case
from shortaxis.report.agreement import render_agreement
from shortaxis.report.cohort import CohortEntry, cohort_rows, render_cohort
from shortaxis.report.html import render_case
from shortaxis.report.manifest import RESEARCH_USE
from shortaxis.report.markdown import markdown_table
from shortaxis.report.page import render_page
from shortaxis.report.training import render_training
from tests.report.test_agreement import Pairs, summary_of

TEMPLATES = sorted((Path(__file__).parents[2] / "src/shortaxis/report").glob("*.jinja"))
SAID_IN_TAGS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title><script>alert(1)</script>",
    "' onmouseover='alert(1)", "javascript:alert(1)", "</script><script>alert(1)//", "{{ 7 * 7 }}", "<!--", "&lt;b&gt;",
    "\u2028<svg/onload=alert(1)>",
)  # fmt: skip
FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0",
    "+HYPERLINK(\"http://x\")", "＝1+1", "-1_000", "-", "=", "-inf", "--1", "-1e", "+٣",
)  # fmt: skip
NUMBERS = ("-1", "-1.5", "+2", "-2e3", "-.5", "-1.", "0", "1e-7")


class Tags(HTMLParser):
    """Which elements and attributes a page has, as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]


def a_study(text: str) -> tuple[Study, np.ndarray]:
    labels = np.zeros((2, 3, 24, 24), np.uint8)
    labels[:, :, 6:18, 6:18] = 2
    labels[:, :, 9:15, 9:15] = 3
    grid = Grid((3, 24, 24), np.diag([1.5, 1.5, 8.0, 1.0]), (8.0, 1.5, 1.5))
    study = Study(text, labels * 50, grid, (Origin("x", (0, 1), True),), notes=(Note("SA-W999", text),))
    return replace(
        study, facts=replace(study.facts, convention=text, species="human"), identity={"PatientName": text}
    ), labels


def pages(text: str) -> dict[str, str]:
    study, labels = a_study(text)
    measures = measure_case(study, labels, ACDC)
    failed = {"case": text, "error": {"code": text, "text": text}}
    entries = [CohortEntry(measures, f"{text}/report.html"), CohortEntry(failed)]
    pairs: Pairs = {"lv.ef_percent": {text: (60.0, 50.0), f"{text}2": (40.0, 38.0), f"{text}3": (30.0, 30.0)}}
    summary = summary_of(pairs, name_a=text, name_b=text, only_in_a=[text], off_grid={text: text})
    return {
        "case": render_case(study, labels, ACDC, measures, {"model": text, text: text}),
        "cohort": render_cohort(entries, title=text),
        "training": render_training(text, [{"step": 1, "loss": 0.5, "learning_rate": 0.1, "seconds": 1.0}]),
        "agreement": render_agreement(summary, pairs),
        "compare": render_page("compare.html.jinja", "compare.css", title=text, about=[text], tables=[], figures=[]),
    }


PLAIN = {name: Tags(page) for name, page in pages("a plain name").items()}


@pytest.mark.parametrize("text", SAID_IN_TAGS)
def test_no_text_makes_an_element_a_handler_or_a_link_in_any_page(text: str) -> None:
    for name, page in pages(text).items():
        seen = Tags(page)
        assert seen.elements == PLAIN[name].elements, name
        assert seen.handlers == [], name
        assert not any(link.startswith(("javascript:", "http:", "https:", "//")) for link in seen.links), name
        assert "49" not in page or "{{" not in text or "{{ 7 * 7 }}" in page, "a template inside a name was run"


@pytest.mark.parametrize("text", SAID_IN_TAGS)
def test_the_data_inside_a_page_are_json_that_says_the_text_and_closes_no_script(text: str) -> None:
    page = pages(text)["case"]
    data = page.split('id="case-data">')[1].split("</script>")[0]
    assert json.loads(data)["frames"] == 2


@pytest.mark.parametrize("text", [*SAID_IN_TAGS, "a|b", "a\nb", "`x`"])
def test_a_cell_of_a_markdown_table_stays_one_cell_without_html(text: str) -> None:
    table = markdown_table(["case", "dice"], [{"case": text, "dice": 0.5}])
    assert len(table.splitlines()) == 3 or "\u2028" in text
    assert "<" not in table and table.count("|") - table.count("\\|") == 9


@pytest.mark.parametrize("text", FORMULAS)
def test_a_csv_cell_or_heading_that_a_spreadsheet_would_run_begins_with_an_apostrophe(
    text: str, tmp_path: Path
) -> None:
    write_csv(tmp_path / "a.csv", [{"case": text, text: 1}])
    heading, row = list(csv.reader((tmp_path / "a.csv").open(encoding="utf-8", newline="")))
    assert heading[1] == "'" + text and row[0] == "'" + text


@pytest.mark.parametrize("text", NUMBERS)
def test_a_number_stays_a_number_whatever_its_sign(text: str, tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{"bias": text, "difference": float(text)}])
    (row,) = csv.DictReader((tmp_path / "a.csv").open())
    assert row["bias"] == text and float(row["difference"]) == float(text)


def test_a_cell_that_a_semicolon_would_part_is_quoted(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [{"case": 'x;=1+1;"y"'}])
    assert (tmp_path / "a.csv").read_text() == 'case\n"x;=1+1;""y"""\n'


@pytest.mark.parametrize("text", FORMULAS)
def test_the_table_of_a_cohort_is_disarmed_in_names_notes_and_identity(text: str, tmp_path: Path) -> None:
    study, labels = a_study(text)
    write_csv(tmp_path / "measures.csv", cohort_rows([measure_case(study, labels, ACDC)]))
    (row,) = csv.DictReader((tmp_path / "measures.csv").open(encoding="utf-8", newline=""))
    assert row["case"] == "'" + text and row["identity.PatientName"] == "'" + text
    starts = tuple("=@\t\r\n＝＋－＠")
    assert [key for key, cell in row.items() if cell.startswith(starts)] == []


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_no_json_of_ours_holds_a_number_that_json_does_not_know(number: float, tmp_path: Path) -> None:
    with pytest.raises(WriteFailed):
        write_json(tmp_path / "a.json", {"deep": [{"er": number}]})
    lines = LineFile(tmp_path / "a.jsonl", [{"step": 1}])
    with pytest.raises(WriteFailed):
        lines.add({"loss": float(number)})
    lines.close()
    assert (tmp_path / "a.jsonl").read_text() == '{"step": 1}\n'


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_page_says_that_it_is_for_research_use_only(template: Path) -> None:
    assert RESEARCH_USE in template.read_text("utf-8")


def test_every_page_made_says_so_too() -> None:
    assert [name for name, page in pages("x").items() if RESEARCH_USE not in page] == []


def test_every_table_in_markdown_begins_with_it() -> None:
    """Whoever writes another page of tables begins it with `headed`, or this fails."""
    import shortaxis

    source = Path(shortaxis.__file__).parent
    bare = [
        str(path.relative_to(source))
        for path in sorted(source.rglob("*.py"))
        if path.name != "markdown.py" and ('"# ' in path.read_text("utf-8"))
    ]
    assert bare == []
