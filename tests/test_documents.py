"""The documents name what there is: links lead somewhere, commands and methods are the program's own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from shortaxis.cli.main import app
from shortaxis.methods import method_names

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "weights").rglob("*.md")])
COMMANDS = {command.callback.__name__.replace("_", "-") for command in app.registered_commands if command.callback}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_it(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    files = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in files if not (page.parent / target).exists()] == []


def headings_of(page: Path) -> set[str]:
    """The anchors that a page's headings give: lower case, hyphens for spaces, other punctuation gone."""
    outside_code = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", outside_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s:]*)#([^)\s]+)\)", page.read_text("utf-8"))
    pages = {file: (page.parent / file).resolve() if file else page for file, _ in targets}
    assert [(file, anchor) for file, anchor in targets if anchor not in headings_of(pages[file])] == []


def test_the_readme_lists_exactly_the_methods_there_are() -> None:
    section = (ROOT / "README.md").read_text("utf-8").split("## Methods")[1].split("\n## ")[0]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)) == sorted(method_names())


def command_lines() -> list[str]:
    """Every `shortaxis ...` line of a code block, without its comment."""
    blocks = [block for page in PAGES for block in re.findall(r"```\n(.*?)```", page.read_text("utf-8"), re.DOTALL)]
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return sorted({line for line in lines if line.startswith("shortaxis ")})


@pytest.mark.parametrize("line", command_lines())
def test_every_command_shown_exists_with_its_options(line: str) -> None:
    import typer.main

    name, *words = shlex.split(line.replace("...", ""))[1:]
    assert name in COMMANDS
    command = typer.main.get_command(app).commands[name]  # pyright: ignore[reportAttributeAccessIssue]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known
