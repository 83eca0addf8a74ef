"""Scores as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_scores(scores: Mapping[str, Any]) -> None:
    """One line per score; what is not defined is said to be so."""
    table = Table("score", "value", box=None, header_style="bold")
    for name, value in _flat(scores):
        table.add_row(name, _shown(value))
    Console().print(table)


def _flat(values: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        full = f"{above}{name}"
        rows += _flat(value, f"{full}.") if isinstance(value, Mapping) else [(full, value)]
    return rows


def _shown(value: Any) -> str:
    if value is None:
        return "not defined"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
