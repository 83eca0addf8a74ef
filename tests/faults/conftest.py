"""Places to break: a folder another user may enter, one in memory, a small file system of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disk import mounted, unmount


@pytest.fixture
def ground() -> Iterator[Path]:
    """A folder that another user may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder in memory where there is such a place: what is cut at fifty points waits for no true disk."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as name:  # noqa: S108
        yield Path(name)


@pytest.fixture
def tmpfs(ground: Path) -> Iterator[Path]:
    """A file system of a few megabytes; skipped where none can be mounted."""
    place = ground / "small"
    if not mounted(place):
        pytest.skip("no tmpfs can be mounted here: that takes root, or a user who may")
    yield place
    unmount(place)
