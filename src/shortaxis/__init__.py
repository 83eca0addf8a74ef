"""Cardiac MR from the scanner's files to masks, clinical indices and a report.

The API is `shortaxis.pipeline`; its functions are reachable here and imported only when they are first used, because
torch takes a second to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Names of `shortaxis.pipeline.__all__`, lazily."""
    if name.startswith("_"):
        raise AttributeError(name)
    pipeline = import_module("shortaxis.pipeline")  # `from shortaxis import pipeline` would ask this function first
    if name not in pipeline.__all__:
        raise AttributeError(f"module 'shortaxis' has no attribute {name!r}")
    return getattr(pipeline, name)
