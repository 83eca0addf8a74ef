"""A data set's own table as text: comma-separated, with a line of names at its head."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from shortaxis.core.errors import DamagedFile
from shortaxis.files.intake import read_bytes

BUDGET_BYTES = 16 * 2**20  # a line per patient


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows by column; a cell that is missing is an empty text, one too many is left out.

    What is no UTF-8 is replaced: it stands in the columns that nobody needs here.

    Raises DamagedFile for what is no such table, and what `read_bytes` raises: MissingFile, Unreadable, TooLarge.
    """
    text = read_bytes(path, BUDGET_BYTES).decode("utf-8-sig", errors="replace")
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as problem:  # a null character, or a cell without end
        raise DamagedFile("a table of comma-separated cells", str(problem), "copy it again", path) from problem
    return [{key: value or "" for key, value in row.items() if isinstance(key, str)} for row in rows]
