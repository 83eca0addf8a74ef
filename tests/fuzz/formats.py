"""The formats that are fuzzed, by the name `make fuzz` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.seed import Seed

Seeds = Callable[[Path], list[Seed]]


def _later(module: str, name: str) -> Seeds:
    """Seeds made by a module that is only imported for its format: torch alone takes seconds."""

    def make(folder: Path) -> list[Seed]:
        from importlib import import_module

        return getattr(import_module(f"tests.fuzz.{module}"), name)(folder)

    return make


FORMATS: Mapping[str, Seeds] = {
    "nifti": _later("nifti_seeds", "plain_nifti"),
    "nifti_gz": _later("nifti_seeds", "gz_nifti"),
    "dicom": _later("dicom_seeds", "dicom"),
    "mat": _later("mat_seeds", "mat"),
    "hdf5": _later("mat_seeds", "hdf5"),
    "weights": _later("weights_seeds", "weights"),
    "pth": _later("weights_seeds", "pth"),
    "settings": _later("text_seeds", "settings"),
    "contours": _later("text_seeds", "contours"),
    "tables": _later("text_seeds", "tables"),
}


@dataclass(frozen=True)
class Mutant:
    """One spoilt file.

    Attributes:
        seed: what it was made of.
        content: its bytes.
        must_say_the_same: whether a checksum covers what was changed.
    """

    seed: Seed
    content: bytes
    must_say_the_same: bool


def mutant(format_name: str, seeds: Sequence[Seed], number: int) -> Mutant:
    """The mutant of that number: the same on every machine, whichever were made before it."""
    rng = Random(f"{format_name} {number}")
    seed = rng.choices(seeds, [seed.weight for seed in seeds])[0]
    content, inside = seed.content, bool(seed.rewrapped) and rng.random() < 0.5
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = rng.choice(seed.rewrapped if inside else seed.plain)(content, rng) or b"\0"
        if inside:
            break  # a second one might find nothing to unpack
    return Mutant(seed, content, seed.is_checksummed and not inside)
