"""python -m tests.fuzz [--mutants N] [--out FOLDER] [FORMAT ...]: mutants of every format, resumed where it stopped.

One line per format. What a mutant brought to light stands in FOLDER/FORMAT.json by the mutant's number, its file beside it;
the exit status is 1 where there is any.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.fuzz.campaign import Tally, fuzz
from tests.fuzz.formats import FORMATS, mutant


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("formats", nargs="*", metavar="FORMAT", help=", ".join(FORMATS))
    options.add_argument("--mutants", type=int, default=10_000)
    options.add_argument("--out", type=Path, default=Path(".fuzz"))
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    n_findings = 0
    for name in given.formats or FORMATS:
        tally = _resumed(name, given.out, given.mutants)
        sys.stdout.write(f"{tally.line(name)}\n")
        for number, finding in tally.findings.items():
            _save(name, int(number), given.out)
            sys.stdout.write(f"  mutant {number}: {finding.strip().splitlines()[-1][:300]}\n")
        sys.stdout.flush()
        n_findings += len(tally.findings)
    return 1 if n_findings else 0


def _resumed(name: str, out: Path, until: int) -> Tally:
    kept = out / f"{name}.json"
    tally = Tally(**json.loads(kept.read_text("utf-8"))) if kept.is_file() else Tally()

    def keep(now: Tally) -> None:
        kept.with_suffix(".part").write_text(json.dumps(now.as_json(), indent=1), "utf-8")
        kept.with_suffix(".part").replace(kept)

    return fuzz(name, tally, until, keep)


def _save(name: str, number: int, out: Path) -> None:
    """The mutant itself, to open it by hand."""
    with tempfile.TemporaryDirectory() as folder:
        spoilt = mutant(name, FORMATS[name](Path(folder)), number)
        (out / f"{name}-{number}-{spoilt.seed.path.name}").write_bytes(spoilt.content)


if __name__ == "__main__":
    sys.exit(main())
