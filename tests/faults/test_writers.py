"""A disk that is full, limited or refuses: one typed error, what was there is untouched, nothing else is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.core.errors import WriteFailed
from shortaxis.files.writer import write_text
from tests.faults import tally
from tests.faults.disk import (
    DENIALS,
    PAGE,
    SPACES,
    Denial,
    Space,
    files_below,
    skip_unless_denied,
)
from tests.faults.writers import WRITERS, Writer

CUTS = 50
A_FEW = 2


def ground_for(fault: Space | Denial, request: pytest.FixtureRequest) -> Path:
    elsewhere = "in_memory" if isinstance(fault, Space) else "ground"
    place: Path = request.getfixturevalue("tmpfs" if fault.on_tmpfs else elsewhere)
    folder = place / "out"
    folder.mkdir()
    return folder


def size_of(writer: Writer, folder: Path) -> int:
    """Bytes of the longest file that the write makes."""
    writer.begin(folder)()
    return max(map(len, files_below(folder).values()))


def refused(writer: Writer, fault: Space, folder: Path, cut: int) -> None:
    act = writer.begin(folder)
    before = files_below(folder)
    with fault.runs_out(folder, cut), pytest.raises(WriteFailed) as caught:
        act()
    assert caught.value.code == "SA-E006" and caught.value.path is not None
    assert files_below(folder) == before, f"cut at {cut}"
    tally.count("cuts (writers x faults)", writer.name, fault.name)


def cut_at(n_cuts: int, writer: Writer, fault: Space, request: pytest.FixtureRequest) -> None:
    folder = ground_for(fault, request)
    (folder / "probe").mkdir()
    longest = size_of(writer, folder / "probe")
    last = longest - 1 - (PAGE if fault.on_tmpfs else 0)  # a growing file's last page may have room already
    assert last >= CUTS * PAGE
    for number in range(n_cuts):
        own = folder / f"cut{number}"
        own.mkdir()
        refused(writer, fault, own, number * last // (n_cuts - 1))
        for path in sorted(own.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize("fault", SPACES, ids=lambda fault: fault.name)
@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_disk_without_room_leaves_the_earlier_files_and_nothing_else(
    writer: Writer, fault: Space, request: pytest.FixtureRequest
) -> None:
    cut_at(A_FEW, writer, fault, request)


@pytest.mark.slow
@pytest.mark.parametrize("fault", SPACES, ids=lambda fault: fault.name)
@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_disk_without_room_does_so_wherever_the_file_is_cut(
    writer: Writer, fault: Space, request: pytest.FixtureRequest
) -> None:
    cut_at(CUTS, writer, fault, request)


@pytest.mark.parametrize("denial", DENIALS, ids=lambda denial: denial.name)
@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_disk_that_refuses_leaves_the_earlier_files_and_nothing_else(
    writer: Writer, denial: Denial, request: pytest.FixtureRequest
) -> None:
    folder = ground_for(denial, request)
    skip_unless_denied(denial, folder)
    act = writer.begin(folder)
    before = files_below(folder)
    with denial.denies(folder), pytest.raises(WriteFailed) as caught:
        act()
    assert caught.value.code == "SA-E006"
    assert files_below(folder) == before
    act()  # what was in the way is gone
    assert files_below(folder) != before
    tally.count("refusals (writers x ways)", writer.name, denial.name)


@pytest.mark.parametrize("target", ["/dev/full", "/dev/null"])
def test_a_device_is_never_replaced_by_a_file(target: str) -> None:
    device = Path(target)
    if not device.is_char_device():
        pytest.skip(f"no {target} here")
    with pytest.raises(WriteFailed, match="no plain file"):
        write_text(device, "x")
    assert device.is_char_device()
