"""The source itself: nothing in it could run what a file holds, or reach for a network."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import shortaxis

SRC = Path(shortaxis.__file__).parent
FILES = sorted(SRC.rglob("*.py"))
RUNS = {"eval", "exec", "compile", "__import__"}
UNPICKLES = {"pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open",
             "torch.jit.load", "joblib.load", "yaml.load", "numpy.load", "os.system", "os.popen"}  # fmt: skip
NETWORKS = {"socket", "ssl", "http", "ftplib", "smtplib", "requests", "httpx", "aiohttp", "urllib3", "asyncio", "xmlrpc",
            "urllib.request", "webbrowser", "huggingface_hub"}  # fmt: skip
# Where a module is imported by name: names that stand in the source, or that the caller's own code gave.
BY_NAME = {"__init__.py", "methods/__init__.py", "files/child_side.py", "files/mat_decode.py"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call with its dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def named(call: ast.Call) -> dict[str | None, str]:
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}


def faults(source: str, place: str) -> list[str]:
    """What in a file's source could run, unpickle or fetch something."""
    tree = ast.parse(source)
    found = []
    for name, call in calls(tree):
        is_guarded = name in ("np.load", "numpy.load") and named(call).get("allow_pickle") == "False"
        is_guarded |= name == "torch.load" and named(call).get("weights_only") == "True"
        opens = name in UNPICKLES or name.replace("np.", "numpy.") in UNPICKLES or name == "torch.load"
        if (name in RUNS or opens or any(key == "shell" for key in named(call))) and not is_guarded:
            found.append(f"{place}:{call.lineno} {name}")
        if name.endswith("import_module") and place not in BY_NAME:
            found.append(f"{place}:{call.lineno} {name}")
    for node in ast.walk(tree):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        found += [f"{place}:{node.lineno} imports {m}" for m in modules if m in NETWORKS or m.split(".")[0] in NETWORKS]
    return found


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)", "exec(text)", "pickle.load(stream)", "torch.load(path)", "torch.load(path, weights_only=False)",
        "np.load(path)", "np.load(path, allow_pickle=True)", "importlib.import_module(name)", "import socket",
        "from urllib.request import urlopen", "import http.client", "subprocess.run(line, shell=True)", "os.system(line)",
    ],
)  # fmt: skip
def test_each_of_these_would_be_seen(source: str) -> None:
    assert faults(source, "files/gate.py")


def test_the_guarded_ways_are_let_pass() -> None:
    assert not faults("torch.load(p, weights_only=True)\nnp.load(p, allow_pickle=False)", "files/gate.py")
    assert not faults("from urllib.parse import quote\nnet.eval()", "report/cohort.py")


def test_nothing_in_the_source_runs_unpickles_or_fetches() -> None:
    found = [fault for file in FILES for fault in faults(file.read_text("utf-8"), str(file.relative_to(SRC)))]
    assert found == []


def test_the_weights_distribution_is_two_files_and_a_path() -> None:
    source = Path(__file__).parents[2] / "weights" / "src" / "shortaxis_weights_acdc" / "__init__.py"
    assert faults(source.read_text("utf-8"), "weights") == []
