"""JSON from disk, whoever wrote it: damage is a refusal that names the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shortaxis.core.errors import DamagedFile
from shortaxis.files.intake import read_bytes

BUDGET_BYTES = 64 * 2**20  # measures of a cine take some hundred kilobytes, scores of a cohort some megabytes


def read_json(path: Path) -> Any:
    """What a JSON file in UTF-8 holds.

    Raises DamagedFile for what is no JSON, and what `read_bytes` raises: MissingFile, Unreadable, UnknownFormat, TooLarge.
    """
    content = read_bytes(path, BUDGET_BYTES)
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as problem:  # no JSON, no UTF-8, thousands of digits, nesting without end
        raise DamagedFile("JSON in UTF-8", str(problem), "copy the file again, or make it anew", path) from problem
