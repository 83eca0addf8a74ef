"""What is finished stays finished: cases appear whole, are known again, and are never taken for another scan's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shortaxis.core.errors import OutputExists, ShortaxisError
from shortaxis.files.json_file import read_json
from shortaxis.read.folders import walk

MANIFEST = "manifest.json"
TABLE, PAGE = "measures.csv", "index.html"  # of a cohort, beside its cases' folders
WAY_OUT = "choose another --out, or give --overwrite"


def source_fingerprint(path: Path, out: Path | None = None) -> str:
    """A hash of which files a case is read from: names below its own, sizes and times of change, not their content.

    Cheap enough to ask of fifty thousand cases before deciding which are done. What an earlier run wrote to `out` is no
    part of the scan, even where `out` is the case's own folder or lies in it.
    """
    files = [path] if path.is_file() else sorted(file for _, inside in walk(path) for file in inside)
    digest = hashlib.sha256()
    for file in files:
        if out is not None and file != path and _is_output(file, path, out):
            continue
        facts = file.stat()
        name = file.relative_to(path.parent)
        digest.update(f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _is_output(file: Path, case: Path, out: Path) -> bool:
    """Whether a file of a case's folder lies in `out` and is a result: all does, unless `out` holds the scan itself."""
    file, case, out = file.resolve(), case.resolve(), out.resolve()
    if not file.is_relative_to(out):
        return False
    if not case.is_relative_to(out):
        return True
    first = out / file.relative_to(out).parts[0]
    return first.name in (TABLE, PAGE) if first == file else first != case and (first / MANIFEST).is_file()


def is_finished(folder: Path, fingerprints: Mapping[str, str]) -> bool:
    """Whether `folder` holds the finished case of these fingerprints (`source`, `settings`).

    Raises OutputExists where it holds results of another scan, or of other settings.
    """
    earlier = read_manifest(folder)
    if earlier is None:
        return False
    held = earlier.get("fingerprints")
    held = held if isinstance(held, dict) else {}
    if held.get("source") != fingerprints["source"]:
        raise OutputExists("results of this scan, or none", "results of another scan", WAY_OUT, folder)
    if held != dict(fingerprints):
        raise OutputExists("results of the same model and options", "results of others", WAY_OUT, folder)
    return True


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """A case's manifest, or None where there is none that can be read: then the case was not finished."""
    try:
        held = read_json(folder / MANIFEST)
    except ShortaxisError:
        return None
    return held if isinstance(held, dict) else None
