"""Opens mutants one after the other and tells how each ended. It may be killed by one: the campaign then starts another.

    python -m tests.fuzz.worker FORMAT FOLDER FIRST LAST [--child]

One JSON line before each mutant, and one behind it. With `--child` decoders run in a child process of their own, as they
do for a user; without it they run here, a hundred times faster.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import IO, Any

from shortaxis.core.errors import ShortaxisError
from shortaxis.files import foreign_weights, mat
from shortaxis.files.child_side import limit
from shortaxis.read.dicom import codec as dicom_codec
from tests.fuzz.formats import FORMATS, Mutant, mutant
from tests.fuzz.in_process import decode_here
from tests.fuzz.seed import Said, Seed

MEMORY_BYTES = 2**30  # beyond what the interpreter and its modules take; the largest seed has half a megabyte
LONGEST_REFUSAL = 4000
CHILD_SECONDS = 10.0  # instead of two minutes: thousands of mutants cannot wait that long for the same refusal
ANOTHER_CONTENT = "another content than the sound file's, although a checksum covers it"


def main(format_name: str, folder: Path, first: int, last: int, in_child: bool) -> None:
    """Open the mutants `first` to `last`, the last one excluded."""
    mat.SECONDS = dicom_codec.CHILD_SECONDS = foreign_weights.SECONDS = CHILD_SECONDS
    with os.fdopen(os.dup(1), "w", buffering=1) as told:
        _silence()
        seeds = FORMATS[format_name](folder)
        if not in_child:
            decode_here(lambda word: _tell(told, {"phase": word}))
            for seed in seeds:
                end_of(Mutant(seed, seed.content, False), {})  # what is imported on first use is there before the limit
        limit(MEMORY_BYTES)
        sound: dict[Path, Said | None] = {}
        for number in range(first, last):
            _tell(told, {"begin": number})
            _tell(told, {"end": number, **end_of(mutant(format_name, seeds, number), sound), "peak_kb": _peak_kb()})


def end_of(spoilt: Mutant, sound: dict[Path, Said | None]) -> dict[str, Any]:
    """How opening it ended: accepted, refused with a code, or a finding."""
    seed = spoilt.seed
    if spoilt.must_say_the_same and seed.path not in sound:
        sound[seed.path] = _said_by(seed)
    seed.path.write_bytes(spoilt.content)
    try:
        said = seed.opens(seed.path)
    except ShortaxisError as refusal:
        fault = _fault_of(refusal)
        return {"finding": fault} if fault else {"refused": refusal.code}
    except Exception:  # noqa: BLE001 - this is what is looked for
        return {"finding": traceback.format_exc()[-3000:]}
    finally:
        seed.path.write_bytes(seed.content)
    expected = sound.get(seed.path) if spoilt.must_say_the_same else None
    if expected is not None and not said.items() <= expected.items():
        return {"finding": ANOTHER_CONTENT}
    return {"accepted": True}


def _said_by(seed: Seed) -> Said | None:
    """What the sound file says; None where it is refused, as some of the packages' test files are."""
    seed.path.write_bytes(seed.content)
    try:
        return seed.opens(seed.path)
    except ShortaxisError:
        return None


def _fault_of(refusal: ShortaxisError) -> str | None:
    """What is wrong with a refusal itself."""
    text = refusal.describe()
    if not (refusal.expected and refusal.found and refusal.way_out):
        return f"a refusal that leaves something out: {text}"
    if len(text) > LONGEST_REFUSAL or not all(letter.isprintable() or letter == "\n" for letter in text):
        return f"a refusal that no terminal shows: {text[:500]!r}"
    return None


def _silence() -> None:
    """What libraries print belongs to nobody."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    warnings.simplefilter("ignore")


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _tell(told: IO[str], line: dict[str, Any]) -> None:
    told.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    name, where, begin, end, *rest = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=where) as made:
        main(name, Path(made), int(begin), int(end), "--child" in rest)
