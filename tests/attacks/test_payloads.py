"""Twenty and more payloads in weights and configurations: none runs, imports, spawns, connects or writes anything."""

from __future__ import annotations

import builtins
import ctypes
import importlib
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from tests.attacks import weights_attacks as made
from tests.attacks.weights_attacks import Calls, pickled

ROOT = Path(__file__).parents[2]
CANARY = "canary"
CODE = f"__import__('pathlib').Path('{CANARY}').touch()"
MODULE = f"from pathlib import Path\nPath({CANARY!r}).touch()\n"  # what a file might want to have imported


class WithState:
    """A pickle whose class is the program's own module search: `evil_module` lies on the path."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return importlib.import_module, ("evil_module",)


def _weights(more: object, zipped: bool = True) -> bytes:
    return pickled({"weight": torch.ones(1), "more": more}, zipped)


def _global(module: str, name: str) -> bytes:
    """A pickle that only looks a name up, which imports its module."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"."


PTH: dict[str, bytes] = {
    "system.pth": _weights(Calls(os.system, f"touch {CANARY}")),
    "popen.pth": _weights(Calls(subprocess.Popen, ["touch", CANARY])),
    "exec.pth": _weights(Calls(builtins.exec, CODE)),
    "eval.pth": _weights(Calls(builtins.eval, CODE), zipped=False),
    "open.pth": _weights(Calls(builtins.open, CANARY, "w")),
    "mkdir.pth": _weights(Calls(os.mkdir, CANARY), zipped=False),
    "connect.pth": _weights(Calls(socket.create_connection, ("127.0.0.1", 9), 0.1)),
    "rmtree.pth": _weights(Calls(shutil.rmtree, "nowhere")),
    "library.pth": _weights(Calls(ctypes.CDLL, "libc.so.6")),
    "import.pth": _weights(WithState()),
    "in_a_list.pth": _weights([1, (2, Calls(os.mkdir, CANARY))]),
    "as_a_key.pth": pickle.dumps({Calls(os.mkdir, CANARY): 1}),
    "bare.pth": pickle.dumps(Calls(os.system, f"touch {CANARY}"), protocol=0),
    "lookup.pth": _global("evil_module", "weights"),
    "rebuilt.pth": _weights(Calls(torch.load, "system.pth")),
    "objects.pth": _weights(np.array([Calls(os.mkdir, CANARY)], dtype=object)),
}
MODELS: dict[str, made.Make] = {
    "method.safetensors": made.said(method="evil_module"),
    "path.safetensors": made.said(method="../evil_module"),
    "recipe_key.safetensors": made.recipe("segment", "__class__", value=CODE),
    "recipe_value.safetensors": made.recipe("segment", "widths", value=CODE),
    "target.safetensors": made.recipe("segment", "_target_", value="evil_module.weights"),
    "reduce.safetensors": made.said(recipe={"__reduce__": ["os.system", [f"touch {CANARY}"]]}),
    "card.safetensors": made.card(licence=CODE, trained_on="{{ ''.__class__ }}", citation="<script>"),
    "scheme.safetensors": made.manifest(lambda held: held["scheme"].update(name=f"../../{CANARY}")),
}
TEXTS: dict[str, tuple[str, str]] = {
    "code.toml": ("toml", f'[segment_fit]\noptimiser = "{CODE}"'),
    "key.toml": ("toml", f'"{CODE}" = 1'),
    "class.toml": ("toml", '[segment]\n__class__ = "evil_module.weights"'),
    "hydra.toml": ("toml", '[segment]\n_target_ = "os.system"\n_args_ = ["touch canary"]'),
    "yaml.toml": ("toml", f"!!python/object/apply:os.system ['touch {CANARY}']"),
    "set.txt": ("set", f"segment_fit.steps={CODE}"),
    "interpolated.txt": ("set", "segment_fit.steps=${oc.env:HOME}"),
    "plan.toml": ("plan", f'[[entry]]\nmethod = "{CODE}"\nlabel = "../../{CANARY}"'),
    "split.json": ("split", json.dumps({"py/object": "os.system", "py/reduce": [f"touch {CANARY}"]})),
    "method.txt": ("method", "evil_module:weights"),
    "dotted.txt": ("method", "evil_module.weights"),
}
OPENED = [
    *(("pth", name) for name in PTH), *(("model", name) for name in PTH), *(("tensors", name) for name in PTH),
    *(("model", name) for name in MODELS), *((kind, name) for name, (kind, _) in TEXTS.items()),
]  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """By payload how opening it ended and what the audit hook saw; and what was in the folder before and after."""
    folder = tmp_path_factory.mktemp("payloads")
    (folder / "evil_module.py").write_text(MODULE)
    sound = _sound_files(folder)
    hostile = _hostile_files(folder)
    before = sorted(path.name for path in folder.iterdir())
    request = json.dumps({"sound": sound, "hostile": hostile})
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.audited", str(folder)],
        input=request, capture_output=True, text=True, timeout=120, cwd=folder, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = {entry["name"]: entry for entry in json.loads(done.stdout)}
    return {
        **found,
        "folder": {"before": before, "after": sorted(path.name for path in folder.iterdir()), "made": folder},
    }


def _sound_files(folder: Path) -> list[tuple[str, str]]:
    """One of each kind that is read and one that is refused, so that both ways are warm."""
    (folder / "s.pth").write_bytes(pickled({"weight": torch.ones(1)}, True))
    (folder / "s_old.pth").write_bytes(pickled({"weight": torch.ones(1)}, False))
    (folder / "s_refused.pth").write_bytes(_global("collections", "Counter"))
    (folder / "s_zip_refused.pth").write_bytes(_weights(Calls(len, "harmless")))
    made.bundle(made.sound())(folder).rename(folder / "s.safetensors")
    (folder / "s_plain.safetensors").write_bytes(save({"weight": torch.ones(1)}))
    (folder / "s.toml").write_text("[segment_fit]\nsteps = 3")
    (folder / "s_refused.toml").write_text("[segment_fit]\nstep = 'x'\n")
    (folder / "s_kind.toml").write_text("[segment_fit]\nsteps = 'x'\n")
    (folder / "s.txt").write_text("segment_fit.steps=3")
    (folder / "s_plan.toml").write_text("[[entry]]\nmethod = 'unet'")
    (folder / "s_split.json").write_text('{"folds": [{"train": ["a"], "validation": ["b"]}]}')
    (folder / "s_method.txt").write_text("unet")
    (folder / "s_no_method.txt").write_text("vnet")
    return [
        *(("pth", name) for name in ("s.pth", "s_old.pth", "s_refused.pth", "s_zip_refused.pth")),
        ("model", "s.safetensors"), ("model", "s_plain.safetensors"), ("tensors", "s_plain.safetensors"),
        *(("toml", name) for name in ("s.toml", "s_refused.toml", "s_kind.toml")),
        ("set", "s.txt"), ("plan", "s_plan.toml"), ("split", "s_split.json"), ("split", "s.toml"),
        ("method", "s_method.txt"), ("method", "s_no_method.txt"),
    ]  # fmt: skip


def _hostile_files(folder: Path) -> list[tuple[str, str]]:
    for name, content in PTH.items():
        (folder / name).write_bytes(content)
    for name, make in MODELS.items():
        make(folder / "made").rename(folder / name)
    for name, (_, text) in TEXTS.items():
        (folder / name).write_text(text)
    return [*OPENED, ("unguarded", "mkdir.pth")]


def test_there_are_twenty_and_more() -> None:
    assert len(PTH) + len(MODELS) + len(TEXTS) >= 20


@pytest.mark.parametrize("name", [f"{kind} {name}" for kind, name in OPENED])
def test_nothing_of_it_runs(name: str, told: dict[str, dict[str, Any]]) -> None:
    assert told[name]["seen"] == []


@pytest.mark.parametrize("name", [f"{kind} {name}" for kind, name in OPENED])
def test_it_is_refused_by_code_or_is_only_text(name: str, told: dict[str, dict[str, Any]]) -> None:
    only_text = (
        "model card.safetensors",
        "model scheme.safetensors",
        "plan plan.toml",
    )  # shown escaped, looked up by name, slugged
    assert told[name]["outcome"] == "read" if name in only_text else told[name]["outcome"].startswith("SA-E06")


def test_without_the_guard_the_hook_would_have_seen_it(told: dict[str, dict[str, Any]]) -> None:
    assert any("os.mkdir" in what for what in told["unguarded mkdir.pth"]["seen"])


def test_nothing_was_made_but_by_the_one_that_was_let_loose(told: dict[str, dict[str, Any]]) -> None:
    assert set(told["folder"]["after"]) - set(told["folder"]["before"]) == {CANARY}
