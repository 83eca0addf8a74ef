"""One run of some tests with a fault in one module, in a forked process: no file is ever changed.

The process that forks has imported what is heavy and nothing of ours, so that a trial takes as long as its tests.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import CodeType

HEAVY = (
    "numpy", "scipy.ndimage", "scipy.spatial", "scipy.stats", "nibabel", "pydantic", "pytest", "hypothesis",
    "hypothesis.extra.numpy", "torch", "cv2", "safetensors.torch", "pydicom", "typer", "rich", "jinja2",
)  # fmt: skip
NOTICED, SURVIVED, STALLED = "noticed", "survived", "stalled"
_ALL_PASSED = 0


def warm() -> None:
    """Import what every trial needs and no trial changes."""
    for name in HEAVY:
        importlib.import_module(name)


def trial(module: str, source: str | None, tests: Sequence[str], most_seconds: float) -> tuple[str, float]:
    """How the tests took the fault, and how long; `source` None runs them without one."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.setsid()
        status = 2
        try:
            status = _run(module, source, tests)
        finally:
            os._exit(status)
    status = _waited(child, began + most_seconds)
    end = STALLED if status is None else SURVIVED if status == _ALL_PASSED else NOTICED
    return end, time.monotonic() - began


def _run(module: str, source: str | None, tests: Sequence[str]) -> int:
    import pytest

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.dont_write_bytecode = True
    os.environ["HYPOTHESIS_PROFILE"] = "mutate"
    if source is not None:
        _replace(module, compile(source, module, "exec"))
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]))


def _replace(module: str, code: CodeType) -> None:
    """From here on `module` is imported with that code."""
    loader = importlib.machinery.SourceFileLoader
    really_get_code = loader.get_code
    loader.get_code = lambda self, name: code if name == module else really_get_code(self, name)


def _waited(child: int, until: float) -> int | None:
    """The exit status; None where it had to be ended."""
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
