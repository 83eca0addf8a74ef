"""The files of models that installed packages announce, as `weights/` does."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from shortaxis.core.errors import BadWeights

ENTRY_POINTS = "shortaxis.models"


def announced_files(name: str | None = None) -> Iterator[tuple[str, Path]]:
    """Name and file of every announced model whose file is there; of those called `name` alone where it is given.

    Raises BadWeights where a package cannot say where its model lies.
    """
    for point in entry_points(group=ENTRY_POINTS):
        if name not in (None, point.name):
            continue
        try:
            path = Path(point.load()())
        except (ImportError, AttributeError, TypeError, ValueError, OSError) as problem:
            raise BadWeights(
                f"a package that gives the file of its model {point.name!r}", repr(problem)[:200],
                f"install the package again that announces it ({point.value}), or remove it",
            ) from problem  # fmt: skip
        if path.is_file():
            yield point.name, path
