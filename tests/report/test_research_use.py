"""Every page that the program writes says what it may be used for."""

from __future__ import annotations

from pathlib import Path

import pytest

import shortaxis
from shortaxis.report.manifest import RESEARCH_USE

SRC = Path(shortaxis.__file__).parent
PAGES = sorted(SRC.rglob("*.jinja"))


def test_there_are_pages() -> None:
    assert len(PAGES) >= 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_it_is_for_research_only(page: Path) -> None:
    assert RESEARCH_USE in page.read_text("utf-8")
