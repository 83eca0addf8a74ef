"""Dotted keys as nested dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """`{"a": 1, "wall.aha.1": 2}` as `{"a": 1, "wall": {"aha": {"1": 2}}}`, in the order of first appearance."""
    found: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, leaf = key.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return found
