"""What holds for every test: repeatable, one thread, no network, and real scans only where they are."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
from pathlib import Path

# Before torch or OpenBLAS is imported: they read these once.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from tests.faults import tally  # noqa: E402

# `ci` is the same everywhere and every time; `verify` looks at ten times as many examples (HYPOTHESIS_PROFILE=verify).
settings.register_profile(
    "ci", max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("verify", settings.get_profile("ci"), max_examples=250, derandomize=False, print_blob=True)
settings.register_profile("mutate", settings.get_profile("ci"), max_examples=6)  # a thousand runs of the same tests
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    root = os.environ.get("SHORTAXIS_DATA")
    absent = {
        "realdata": None if root and Path(root).is_dir() else "SHORTAXIS_DATA names no folder of scans",
        "browser": None if any(map(shutil.which, _BROWSERS)) else "no Chromium on the PATH",
        "slow": None if config.getoption("--slow") else "runs with --slow",
    }
    for item in items:
        for marker, reason in absent.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was counted, for `docs/reliability.md`; complete in a run of one process (without -n)."""
    for line in tally.lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real scans; only for tests marked `realdata`."""
    root = os.environ.get("SHORTAXIS_DATA")
    if not root:
        pytest.skip("SHORTAXIS_DATA names no folder of scans")
    return Path(root)


@pytest.fixture(autouse=True)
def _same_every_time() -> None:
    """Every global generator starts at the same point, whatever ran before in this worker."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the global generator is what must be pinned
    if torch := sys.modules.get("torch"):  # a test that needs no torch does not wait for it
        torch.manual_seed(0)
        torch.set_num_threads(1)


def _stays_here(family: int, address: object) -> bool:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True  # a pipe between processes of this machine
    host = address[0] if isinstance(address, tuple) else ""
    return host == "localhost" or host.startswith("127.") or host == "::1"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that would leave the machine fails the test that opened it."""
    really_connect = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if not _stays_here(self.family, address):
            pytest.fail(f"the test tried to reach {address}; nothing here may need a network", pytrace=True)
        really_connect(self, address)  # pyright: ignore[reportArgumentType]

    def look_up(host: object, *rest: object, **named: object) -> object:
        if host not in (None, "", "localhost", "127.0.0.1", "::1"):
            pytest.fail(f"the test tried to look up {host!r}; nothing here may need a network", pytrace=True)
        return really_look_up(host, *rest, **named)  # pyright: ignore[reportArgumentType]

    really_look_up = socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
