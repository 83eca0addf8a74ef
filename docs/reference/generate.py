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
NOTE_CODE = r"SA-W\d{3}"
EMPTY = [ast.Constant(None)] * 2
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
    found: dict[str, dict[str, None]] = {}
    for name, expected, way in refusals():
        found.setdefault(name, {})[f"expected {expected}: {way}"] = None
    return {name: list(ways) for name, ways in found.items()}


def refusals() -> Iterator[tuple[str, str, str]]:
    """Type name, what is expected and the way out of every refusal in the source, words put in their variables' places."""
    known = {kind.__name__ for kind in every_error()}
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        functions = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        outside = _assigned(tree.body)
        for function in functions.values():
            inside = _assigned(list(ast.walk(function)))
            for call in ast.walk(function):
                if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
                    continue
                raised, meant = call, outside | _as_of(call.lineno, inside)
                maker = functions.get(call.func.id)
                if maker is not None and (inner := _refusal_of(maker, known)) is not None:
                    raised, meant = inner, meant | _given(maker, call)  # `_damaged(found, path)` and the like
                if isinstance(raised.func, ast.Name) and raised.func.id in known and len(raised.args) >= 3:
                    for expected in _texts(raised.args[0], meant):
                        for way in _texts(raised.args[2], meant):
                            yield raised.func.id, expected, way


def _assigned(nodes: list[ast.stmt] | list[ast.AST]) -> dict[str, list[ast.expr]]:
    """Name -> what is assigned to it, tuples taken apart."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1):
            continue
        target, value = node.targets[0], node.value
        pairs = zip(target.elts, value.elts, strict=False) if _both_tuples(target, value) else [(target, value)]  # pyright: ignore[reportAttributeAccessIssue]
        for name, part in pairs:
            if isinstance(name, ast.Name):
                found.setdefault(name.id, []).append(part)
    return found


def _as_of(line: int, assigned: dict[str, list[ast.expr]]) -> dict[str, list[ast.expr]]:
    """What each name holds at a line: the last assignment above it."""
    above = {name: [value for value in values if value.lineno <= line] for name, values in assigned.items()}
    return {name: [max(values, key=lambda value: value.lineno)] for name, values in above.items() if values}


def _both_tuples(target: ast.expr, value: ast.expr) -> bool:
    return isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)


def _refusal_of(function: ast.FunctionDef, known: set[str]) -> ast.Call | None:
    """The refusal that a function of one statement makes; None for every other function."""
    body = function.body
    value = body[-1].value if len(body) == 1 and isinstance(body[-1], ast.Return) else None
    makes = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in known
    return value if isinstance(value, ast.Call) and makes else None


def _given(function: ast.FunctionDef, call: ast.Call) -> dict[str, list[ast.expr]]:
    """Parameter -> argument."""
    return {parameter.arg: [value] for parameter, value in zip(function.args.args, call.args, strict=False)}


def _texts(node: ast.expr, words: dict[str, list[ast.expr]], depth: int = 0) -> list[str]:
    """Every text that an expression may stand for; none where it is computed."""
    if isinstance(node, ast.IfExp):
        return _texts(node.body, words, depth) + _texts(node.orelse, words, depth)
    if isinstance(node, ast.Name) and depth < 3:
        return [text for value in words.get(node.id, []) for text in _texts(value, words, depth + 1)]
    text = text_of(node)
    return [] if not text else [text]


def notes() -> Iterator[tuple[str, str]]:
    """Code and sentence of every note in the source: of every call that begins with a note's code."""
    for _, arguments in calls():
        code, text = (text_of(argument) for argument in [*arguments[:2], *EMPTY[len(arguments) :]])
        if text and re.fullmatch(NOTE_CODE, code or ""):
            yield str(code), text.replace("{}", "&lt;where>")


def calls() -> Iterator[tuple[str, list[ast.expr]]]:
    """Name and arguments of every call in the source."""
    order = ("code", "text")
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
