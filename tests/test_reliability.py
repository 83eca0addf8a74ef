"""docs/reliability.md cites what there is: attacks by name, with the codes they get, tests and sources by path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.test_attacks import EVERY

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")
CODE_OF = {attack.name: attack.code for attack in EVERY}


def rows() -> Iterator[list[str]]:
    """The cells of every table row whose table ends in `held by`."""
    held = False
    for line in PAGE.splitlines():
        if not line.startswith("|"):
            held = False
        elif line.rstrip().endswith("held by |"):
            held = True
        elif held and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def cited() -> list[tuple[str, str]]:
    """Each citation with the row's first cells."""
    return [(entry.strip(), " ".join(cells[:2])) for *cells, last in rows() for entry in last.split(";")]


def test_there_are_citations() -> None:
    assert len(cited()) > 80


@pytest.mark.parametrize(("citation", "row"), cited())
def test_it_names_an_attack_or_a_test(citation: str, row: str) -> None:
    if citation.startswith("`"):
        assert (ROOT / citation.strip("`")).exists()
    else:
        assert citation in CODE_OF
        codes = set(re.findall(r"SA-E\d+", row))
        assert not codes or codes & set(CODE_OF[citation].split("|"))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:files|read)/[\w/]+\.py)`", PAGE))))
def test_it_names_a_source_file(path: str) -> None:
    assert (ROOT / "src" / "shortaxis" / path).is_file()
