"""The order of the folders, held by a machine: who may import whom, how long a file may be, what it may be called."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import shortaxis

SRC = Path(shortaxis.__file__).parent
FILES = sorted(SRC.rglob("*.py"))

# Folder -> the folders it may see beside itself. `train` and `predict` know a Stage, not its name: no `methods` there.
SEES = {
    "core": set(),
    "files": {"core"},
    "read": {"core", "files"},
    "prepare": {"core"},
    "losses": {"core"},
    "repair": {"core"},
    "methods": {"core", "prepare", "losses", "repair"},
    "measure": {"core", "repair"},
    "predict": {"core", "files", "prepare"},
    "train": {"core", "files", "prepare", "losses", "measure", "predict"},
    "report": {"core", "files", "measure"},
}
SEES["jobs"] = set(SEES)
SEES["pipeline"] = set(SEES)
SEES["experiments"] = {*SEES, "pipeline"}
SEES["cli"] = {*SEES, "experiments"}


def folder_of(file: Path) -> str:
    return file.relative_to(SRC).parts[0].removesuffix(".py")


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Every module a file imports, at its top or inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the order of the folders"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strangers(source: str, folder: str) -> set[str]:
    """The folders of ours that `source` imports and a file of `folder` may not."""
    names = (name.split(".") for name in imported_names(ast.parse(source)))
    seen = {parts[1] for parts in names if parts[0] == "shortaxis" and len(parts) > 1}
    return seen - SEES[folder] - {folder, "__version__"}


def test_a_forbidden_import_would_be_seen() -> None:
    assert strangers("def f():\n    from shortaxis.methods import foanet", "train") == {"methods"}
    assert strangers("from shortaxis import pipeline", "measure") == {"pipeline"}
    assert strangers("import shortaxis.files.gate", "core") == {"files"}
    assert strangers("from shortaxis.core.study import Study", "train") == set()


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.parent != SRC or f.stem == "pipeline"], ids=lambda f: str(f.relative_to(SRC))
)
def test_imports_run_down_the_way_only(file: Path) -> None:
    assert strangers(file.read_text("utf-8"), folder_of(file)) == set()


def test_every_folder_has_its_place_in_the_order() -> None:
    folders = {path.name for path in SRC.iterdir() if (path / "__init__.py").exists()}
    assert folders <= set(SEES)


def test_no_file_is_longer_than_500_lines() -> None:
    lengths = {str(file.relative_to(SRC)): len(file.read_text("utf-8").splitlines()) for file in FILES}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{file.relative_to(SRC)}:{node.lineno} {node.name}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    }
    assert long == set()


def test_no_name_says_nothing() -> None:
    empty = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert [path for path in SRC.rglob("*") if path.stem in empty] == []


def test_every_module_says_what_it_is() -> None:
    silent = [str(f.relative_to(SRC)) for f in FILES if not ast.get_docstring(ast.parse(f.read_text("utf-8")))]
    assert silent == []


def test_nothing_speaks_to_the_terminal_outside_the_command_line() -> None:
    loud = {
        f"{file.relative_to(SRC)}:{node.lineno}"
        for file in FILES
        if folder_of(file) != "cli"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert loud == set()


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom shortaxis.cli.main import status_of\nstatus_of(['--help'])\n"
        "heavy = {'torch', 'numpy', 'scipy', 'cv2', 'pydicom', 'nibabel', 'matplotlib', 'pydantic', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"
    assert "segment" in done.stdout
