"""Writes errors.md, notes.md and exit-codes.md beside itself from the source: `make reference`.

What stands in those pages is read off `core/errors.py`, off every `raise` and `Note(...)` in the source, and off
`cli/exit_codes.py`, so that they cannot say anything else than the program does.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import shortaxis
from shortaxis.cli.exit_codes import Exit, exit_for
from shortaxis.core.errors import every_error

HERE = Path(__file__).parent
SOURCE = Path(shortaxis.__file__).parent
MADE = "<!-- Made by docs/reference/generate.py (`make reference`); do not edit. -->\n"


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    return {"errors.md": errors_page(), "notes.md": notes_page(), "exit-codes.md": exits_page()}


def errors_page() -> str:
    """Every refusal with its code, and what the source expects and advises where it is raised."""
    lines = [
        MADE,
        "# Refusals\n",
        "A refusal says which file, what was expected, what was found, and the way out. The command line prints it on",
        "stderr and ends with the [exit status](exit-codes.md) given here; the Python API raises the type. In a run over",
        "many cases, a refused case does not stop the others. Codes are stable; sentences may change.\n",
    ]
    advice = ways_out()
    for kind in every_error():
        status = exit_for(kind("", "", ""))
        lines += [f"## {kind.code} {kind.title}\n", f"`{kind.__name__}`, exit status {int(status)}.\n"]
        if ways := advice.get(kind.__name__):
            lines += [*(f"- {way}" for way in ways), ""]
    lines += [
        "## SA-E999 internal error\n",
        f"Exit status {int(Exit.INTERNAL)}. Something the program did not foresee. Run the same line with `--debug`, which",
        "shows where, and report that. It is a mistake in the program even where the input is damaged.",
    ]
    return "\n".join(lines) + "\n"


def notes_page() -> str:
    """Every note an output may carry."""
    rows = sorted({(code, text) for code, text in notes()})
    lines = [
        MADE,
        "# Notes\n",
        "A note is something a reader of the result must know. It is repeated in every output of the case.\n",
        "| code | note |",
        "|---|---|",
        *(f"| {code} | {text} |" for code, text in rows),
    ]
    return "\n".join(lines) + "\n"


def exits_page() -> str:
    """Every exit status."""
    lines = [MADE, "# Exit status\n", "| status | meaning |", "|---|---|"]
    lines += [f"| {int(code)} | {code.meaning} |" for code in Exit]
    return "\n".join(lines) + "\n"


def ways_out() -> dict[str, list[str]]:
    """Type name -> what is expected and the way out where it is raised, each once, in the order of the source."""
    known = {kind.__name__ for kind in every_error()}
    found: dict[str, dict[str, None]] = {}
    for name, arguments in calls():
        if name not in known or len(arguments) < 3:
            continue
        expected, way = text_of(arguments[0]), text_of(arguments[2])
        if expected and way:
            found.setdefault(name, {})[f"expected {expected}: {way}"] = None
    return {name: list(ways) for name, ways in found.items()}


def notes() -> Iterator[tuple[str, str]]:
    """Code and sentence of every `Note(...)` in the source."""
    for name, arguments in calls():
        if name == "Note" and len(arguments) == 2:
            code, text = text_of(arguments[0]), text_of(arguments[1])
            if code and text:
                yield code, text


def calls() -> Iterator[tuple[str, list[ast.expr]]]:
    """Name and positional arguments (expected, found, way out, path for a refusal) of every call in the source."""
    order = ("expected", "found", "way_out", "code", "text")
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                named = {keyword.arg: keyword.value for keyword in node.keywords}
                yield node.func.id, [*node.args, *(named[key] for key in order if key in named)]


def text_of(node: ast.expr) -> str | None:
    """A literal string, what is filled in later shown as `<name>`; None where it is no literal."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("|", "\\|")
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = [
        part.value if isinstance(part, ast.Constant) else f"<{_short(ast.unparse(part.value))}>"
        for part in node.values
        if isinstance(part, ast.Constant | ast.FormattedValue)
    ]
    return "".join(str(part) for part in parts).replace("<", "&lt;").replace("|", "\\|")


def _short(expression: str) -> str:
    names = re.findall(r"[A-Za-z_]+", expression)
    return names[-1].replace("_", " ") if names else "..."


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, "utf-8")
