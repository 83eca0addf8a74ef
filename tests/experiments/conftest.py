"""A comparison of two methods on phantoms, made once by the command line itself."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from shortaxis.cli.main import status_of


def compared(*words: object) -> tuple[int, str]:
    """The exit status of `shortaxis compare ...` and what it printed."""
    out, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(told):
        status = status_of(["compare", *map(str, words)])
    return status, out.getvalue() + told.getvalue()


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `compare --quick` with two methods, one of which samples, on one fold."""
    out = tmp_path_factory.mktemp("compare")
    words = ("unet", "uncertainty-unet", "--quick", "--mc-samples", 2, "--by-epoch", 2, "--device", "cpu")
    status, told = compared(*words, "--out", out)
    assert status == 0, told
    return out
