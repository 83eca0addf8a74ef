"""A file of JSON lines that grows: what stands in it is whole lines, read back, and nothing of a line that failed."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shortaxis.core.errors import WriteFailed
from shortaxis.files.replace import replace_file


class LineFile:
    """JSON lines at `path`, which begins as `lines` and grows by `add`.

    The beginning replaces an earlier file as `replace_file` does. Raises WriteFailed.
    """

    def __init__(self, path: Path, lines: Iterable[Mapping[str, Any]] = ()) -> None:
        self._path = path
        replace_file(path, b"".join(_encoded(line, path) for line in lines))
        try:
            self._file = io.FileIO(path, "a+")
            self._size = self._file.seek(0, os.SEEK_END)
        except OSError as problem:
            raise _failed(path, problem) from problem

    def add(self, line: Mapping[str, Any]) -> None:
        """Put one line at the end. Raises WriteFailed; the lines before it are then as they were."""
        content = _encoded(line, self._path)
        try:
            if self._file.write(content) != len(content):
                raise OSError("there was room for a part of the line only")
            self._file.seek(self._size)
            if self._file.read(len(content)) != content:
                raise OSError("the line read back differs from what was written")
        except OSError as problem:
            with contextlib.suppress(OSError):  # the write's own refusal is the one worth telling
                self._file.truncate(self._size)
            raise _failed(self._path, problem) from problem
        self._size += len(content)

    def sync(self) -> None:
        """Force what was added to disk. Raises WriteFailed."""
        try:
            os.fsync(self._file.fileno())
        except OSError as problem:
            raise _failed(self._path, problem) from problem

    def close(self) -> None:
        """Force to disk and end. Raises WriteFailed."""
        if not self._file.closed:
            with self._file:
                self.sync()


def _encoded(line: Mapping[str, Any], path: Path) -> bytes:
    try:
        return (json.dumps(line, allow_nan=False) + "\n").encode()
    except (ValueError, TypeError, RecursionError) as problem:
        way_out = "give numbers, text, lists and mappings; None where a number is undefined"
        raise WriteFailed("values that JSON can say", str(problem), way_out, path) from problem


def _failed(path: Path, problem: OSError) -> WriteFailed:
    return WriteFailed("a place to write the file", problem.strerror or str(problem), "check free space", path)
