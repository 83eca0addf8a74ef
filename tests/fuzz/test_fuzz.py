"""A hundred mutants of every format: each is opened or refused by a typed error, and no checksum is passed by.

`make fuzz` opens ten thousand of each. Decoders run inside the worker, which may die of one; such a mutant must end in a
refusal where they run in a child process, as they do for a user.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.campaign import Tally, fuzz
from tests.fuzz.formats import FORMATS, mutant

MUTANTS = 100


@pytest.mark.parametrize("name", FORMATS)
def test_every_mutant_is_opened_or_refused_by_a_typed_error(name: str) -> None:
    tally = fuzz(name, Tally(), MUTANTS)
    assert tally.done == MUTANTS == tally.accepted + sum(tally.refused.values())
    assert not tally.findings
    assert tally.refused, "mutants that are all accepted look at nothing"


def test_a_mutant_has_its_number_for_good(tmp_path: Path) -> None:
    first, again = (FORMATS["settings"](tmp_path / name) for name in ("a", "b"))
    assert [mutant("settings", first, n).content for n in range(40)] == [
        mutant("settings", again, n).content for n in reversed(range(40))
    ][::-1]


def test_an_exception_that_is_no_refusal_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz import worker

    seed = FORMATS["settings"](tmp_path)[0]
    spoilt = mutant("settings", [seed], 0)

    def careless(path: Path) -> dict[str, str]:
        raise KeyError(path.name)

    broken = worker.end_of(spoilt.__class__(seed.__class__(seed.path, seed.content, careless), b"x", False), {})
    assert "KeyError" in broken["finding"]


def test_a_changed_value_behind_a_checksum_is_a_finding(tmp_path: Path) -> None:
    from tests.fuzz import worker
    from tests.fuzz.formats import Mutant
    from tests.fuzz.seed import Seed

    seed = Seed(tmp_path / "scan", b"sound", lambda path: {"value": path.read_text()}, is_checksummed=True)
    assert worker.end_of(Mutant(seed, b"other", True), {}) == {"finding": worker.ANOTHER_CONTENT}
    assert worker.end_of(Mutant(seed, b"sound", True), {}) == {"accepted": True}
