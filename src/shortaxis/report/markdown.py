"""Tables as Markdown, with what each column means below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shortaxis.report.manifest import RESEARCH_USE


def headed(title: str) -> str:
    """How every page of tables begins."""
    return f"# {title}\n\n{RESEARCH_USE}"


def markdown_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], places: int = 3) -> str:
    """A pipe table; numbers stand right, an undefined value is an en dash."""
    numeric = {name for name in columns if all(isinstance(row.get(name), (int, float, type(None))) for row in rows)}
    lines = [
        _line(columns),
        _line(["---:" if name in numeric and rows else "---" for name in columns]),
        *(_line([_shown(row.get(name), places) for name in columns]) for row in rows),
    ]
    return "\n".join(lines)


def defined(columns: Mapping[str, str]) -> str:
    """A list of columns with their definitions."""
    return "\n".join(f"- `{name}`: {text}" for name, text in columns.items())


def _shown(value: Any, places: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.{places}f}"
    text = str(value).replace("&", "&amp;").replace("<", "&lt;")  # Markdown lets HTML through
    return text.replace("|", "\\|").replace("\n", " ").replace("\r", " ")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
