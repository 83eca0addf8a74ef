"""The record of a run: one JSON line per step and validation, cut back to the state it resumes from."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

from shortaxis.files.line_file import LineFile


class Record:
    """Appends lines to `record.jsonl`; lines beyond the resumed state are dropped, for those steps are taken again.

    Args:
        path: the file.
        step: optimiser steps of the state that is resumed from.
        validations: validations it knows of; one that was noted and is not in the state is made again.
        active: false in every process but the first.
    """

    def __init__(self, path: Path, step: int, validations: int, active: bool) -> None:
        self._file = None
        self._began = time.monotonic()
        if not active:
            return
        lines = [line for line in read_record(path) if line["step"] <= step]
        known = [line for line in lines if "validation" in line][:validations]
        kept = [line for line in lines if "validation" not in line or line in known]
        self._file = LineFile(path, kept)

    def step(self, step: int, loss: float, learning_rate: float) -> None:
        """Note one optimiser step."""
        self._write({"step": step, "loss": loss, "learning_rate": learning_rate})

    def validation(self, step: int, terms: dict[str, float]) -> None:
        """Note one validation; a value that is not finite becomes null."""
        finite = {name: value if math.isfinite(value) else None for name, value in terms.items()}
        self._write({"step": step, "validation": finite})
        if self._file is not None:
            self._file.sync()

    def close(self) -> None:
        """End the record. Raises WriteFailed, as every method here does."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.add({**line, "seconds": round(time.monotonic() - self._began, 2)})


def read_record(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a record, none where there is no file; a line cut short by a kill is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text("utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            break
        if not isinstance(line, dict) or not isinstance(line.get("step"), int):
            break
        lines.append(line)
    return lines
