"""The generated pages of docs/reference say what the source says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from shortaxis.core.errors import every_error

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", REFERENCE / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["errors.md", "notes.md", "exit-codes.md"])
def test_page_is_what_the_source_makes_it(generate: ModuleType, page: str) -> None:
    assert (REFERENCE / page).read_text("utf-8") == generate.pages()[page], "run `make reference`"


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in every_error()]
    assert len(set(codes)) == len(codes)


def test_every_note_code_stands_for_one_sentence(generate: ModuleType) -> None:
    notes = list(dict.fromkeys(generate.notes()))
    assert len({code for code, _ in notes}) == len(notes)


def test_no_code_of_the_source_is_missing_from_the_pages(generate: ModuleType) -> None:
    written = "".join(file.read_text("utf-8") for file in sorted(generate.SOURCE.rglob("*.py")))
    pages = generate.pages()
    assert set(re.findall(r'"(SA-W\d{3})"', written)) == set(re.findall(r"^\| (SA-W\d{3}) ", pages["notes.md"], re.M))
    assert set(re.findall(r'"(SA-E\d{3})"', written)) - {"SA-E000"} <= set(
        re.findall(r"^## (SA-E\d{3}) ", pages["errors.md"], re.M)
    )


def test_what_is_filled_in_later_is_shown_by_its_name(generate: ModuleType) -> None:
    import ast

    node = ast.parse('f"at most {budget.n_bytes} bytes"', mode="eval").body
    assert generate.text_of(node) == "at most &lt;n bytes> bytes"


def test_no_refusal_stands_on_its_page_without_a_way_out(generate: ModuleType) -> None:
    advice = generate.ways_out()
    assert [kind.code for kind in every_error() if kind.__name__ not in advice] == []


def test_words_kept_in_a_variable_or_a_function_are_found(generate: ModuleType) -> None:
    told = generate.ways_out()
    assert any(line.startswith("expected whole numbers within") for line in told["NotIntegerLabels"])
    assert any(line.startswith("expected a gzip file whole to its end") for line in told["DamagedFile"])
