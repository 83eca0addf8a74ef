"""Runs in an interpreter of its own: opens every payload of a folder as the program would, and tells what Python saw.

    python -m tests.attacks.audited FOLDER < payloads.json

An audit hook cannot be taken away again, so it is set where nothing else runs. Sound files of every kind are opened first,
so that what is imported on first use is there already; from then on an import, a compilation or a process is the
payload's doing.
"""

from __future__ import annotations

import json
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from shortaxis.cli.options import settings_of
from shortaxis.core.compute import Compute
from shortaxis.core.errors import ShortaxisError
from shortaxis.core.recipe import read_toml
from shortaxis.experiments.compare.folds import read_split
from shortaxis.experiments.compare.plan import read_plan_file
from shortaxis.files.foreign_weights import decode_pth
from shortaxis.files.tensors import load_tensors
from shortaxis.jobs.models import ready_model
from shortaxis.methods import method_named

FORBIDDEN = (
    "exec",
    "compile",
    "import",
    "subprocess.",
    "socket.",
    "ctypes.",
    "marshal.",
    "pickle.",
    "shutil.",
    "code.",
)
HARMLESS_OS = ("os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.getxattr", "os.listxattr")
WRITES = ("w", "a", "x", "+")


def recipe_of(changes: object, path: Path) -> object:
    return method_named("unet").recipes["tuned"].overlaid(changes, path)  # pyright: ignore[reportArgumentType]


OPENERS: dict[str, Callable[[Path], object]] = {
    "pth": decode_pth,  # what the child process runs
    "model": lambda path: ready_model(path, Compute("cpu", False)),
    "tensors": load_tensors,
    "toml": lambda path: recipe_of(read_toml(path), path),
    "set": lambda path: recipe_of(settings_of(path.read_text("utf-8").splitlines()), path),
    "plan": lambda path: read_plan_file(path, "tuned"),
    "split": lambda path: read_split(str(path)),
    "method": lambda path: method_named(path.read_text("utf-8")),
    "unguarded": lambda path: __import__("torch").load(path, weights_only=False),  # shows that the hook sees
}


def outcome(kind: str, path: Path) -> str:
    try:
        OPENERS[kind](path)
    except ShortaxisError as refusal:
        return refusal.code
    except Exception as problem:  # noqa: BLE001 - reported, and then the test fails
        return f"{type(problem).__name__}: {problem}"
    return "read"


def suspicious(event: str, arguments: tuple[object, ...], readable: tuple[str, ...]) -> str | None:
    """What of an audit event opening a configuration or weights has no business doing; None for the rest."""
    if event == "open":
        path, mode, _ = arguments
        outside = isinstance(path, str) and not str(Path(path).absolute()).startswith(readable)
        wrote = isinstance(mode, str) and any(letter in mode for letter in WRITES)
        return f"open {path!r} {mode}" if outside or wrote else None
    forbidden = event.startswith(FORBIDDEN) or (event.startswith("os.") and event not in HARMLESS_OS)
    return f"{event} {arguments!r}"[:300] if forbidden else None


def main(folder: Path) -> None:
    payloads = json.load(sys.stdin)
    libraries = (sysconfig.get_path("purelib"), sysconfig.get_path("stdlib"), str(Path(__file__).parents[2]))
    readable = (str(folder), *libraries, *(place for place in sys.path if place))
    seen: list[str] = []
    watching = False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if watching and (what := suspicious(event, arguments, readable)):
            seen.append(what)

    for kind, name in payloads["sound"]:
        outcome(kind, folder / name)
    sys.addaudithook(hook)
    told = []
    for kind, name in payloads["hostile"]:
        seen.clear()
        watching = True
        end = outcome(kind, folder / name)
        watching = False
        told.append({"name": f"{kind} {name}", "outcome": end, "seen": list(seen)})
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
