"""What is installed to run the program, as a CycloneDX 1.5 bill of materials.

    python tools/sbom.py build/sbom.json

The distributions that `shortaxis` and its weights need at run time, in turn, as they are installed here: name, version,
licence as each states it, who needs whom, and a hash over the files that the wheel brought (its RECORD, compiled files
and the installer's own notes left out), so that two installations of one wheel agree. The same environment gives the
same file to the byte.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sys
import uuid
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOTS = ("shortaxis", "shortaxis-weights-acdc")
NOT_OF_THE_WHEEL = re.compile(r"\.pyc$|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$|^\.\./")
LONGEST_LICENCE = 100  # some packages put the whole text where the name belongs
UNKNOWN = "not stated"


def plain(name: str) -> str:
    """A distribution's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed_by(held: Distribution) -> Iterator[str]:
    """What a distribution requires here, extras left out; each name once."""
    names: dict[str, None] = {}
    for line in held.requires or ():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
            names[plain(wanted.name)] = None
    yield from names


def installed(roots: Sequence[str]) -> dict[str, Distribution]:
    """The distributions that `roots` need in turn, the roots among them, by name; what is not installed is left out."""
    found: dict[str, Distribution] = {}
    waiting = [plain(name) for name in roots]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting += needed_by(found[name])
    return dict(sorted(found.items()))


def licence_of(held: Distribution) -> str:
    """As the distribution states it: an SPDX expression, a classifier, or one short line."""
    told = held.metadata
    if expression := told.get("License-Expression"):
        return expression
    classifiers = [line.split(" :: ")[-1] for line in told.get_all("Classifier") or () if line.startswith("License ::")]
    if classifiers:
        return "; ".join(classifiers)
    line = next(iter((told.get("License") or "").strip().splitlines()), "").strip()
    return line if 0 < len(line) <= LONGEST_LICENCE else UNKNOWN


def content_sha256(held: Distribution) -> str | None:
    """A hash over the wheel's own paths and hashes, which its RECORD states; None without one."""
    record = held.read_text("RECORD")
    if record is None:
        return None
    rows = [row for row in csv.reader(io.StringIO(record)) if row and not NOT_OF_THE_WHEEL.search(row[0])]
    lines = sorted(f"{path} {digest}" for path, digest, *_ in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def reference(held: Distribution) -> str:
    """The package's URL, by which the parts of a bill name one another."""
    return f"pkg:pypi/{plain(held.metadata['Name'])}@{held.version}"


def component(held: Distribution, kind: str = "library") -> dict[str, Any]:
    """One distribution as CycloneDX says it."""
    digest = content_sha256(held)
    properties = [] if digest is None else [{"name": "record:sha256", "value": digest}]
    return {
        "type": kind,
        "bom-ref": reference(held),
        "name": plain(held.metadata["Name"]),
        "version": held.version,
        "licenses": [{"license": {"name": licence_of(held)}}],
        "purl": reference(held),
        "properties": properties,
    }


def bill_of_materials(roots: Sequence[str] = ROOTS) -> dict[str, Any]:
    """The whole bill; `roots[0]` is what it is about."""
    held = installed(roots)
    graph = [
        {
            "ref": reference(one),
            "dependsOn": [reference(held[name]) for name in sorted(needed_by(one)) if name in held],
        }
        for one in held.values()
    ]
    main = held[plain(roots[0])]
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(main, "application")},
        "components": [component(one) for one in held.values() if one is not main],
        "dependencies": graph,
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bill, sort_keys=True))
    return {**bill, "serialNumber": f"urn:uuid:{serial}"}


def main() -> None:
    """Write the bill to the path given and say what is in it."""
    path = Path(sys.argv[1])
    bill = bill_of_materials()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(bill, indent=2, ensure_ascii=False) + "\n", "utf-8")
    for one in bill["components"]:
        print(f"{one['name']:28} {one['version']:14} {one['licenses'][0]['license']['name']}")
    print(f"{path}: {len(bill['components'])} components")


if __name__ == "__main__":
    main()
