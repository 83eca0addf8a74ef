"""The record of a run: one JSON line per step and validation, cut back to the state it resumes from."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any


class Record:
    """Appends lines to `record.jsonl`; lines beyond the resumed step are dropped, for those steps are taken again."""

    def __init__(self, path: Path, step: int, active: bool) -> None:
        self._file = None
        self._began = time.monotonic()
        if not active:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in read_record(path) if line["step"] <= step]
        path.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
        self._file = path.open("a", encoding="utf-8")

    def step(self, step: int, loss: float, learning_rate: float) -> None:
        """Note one optimiser step."""
        self._write({"step": step, "loss": loss, "learning_rate": learning_rate})

    def validation(self, step: int, terms: dict[str, float]) -> None:
        """Note one validation; a value that is not finite becomes null."""
        finite = {name: value if math.isfinite(value) else None for name, value in terms.items()}
        self._write({"step": step, "validation": finite})

    def close(self) -> None:
        """End the record."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps({**line, "seconds": round(time.monotonic() - self._began, 2)}) + "\n")
            self._file.flush()


def read_record(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a record, none where there is no file; a line cut short by a kill is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text("utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines
