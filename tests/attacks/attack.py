"""An attack: how a bad input is made, what opens it, and the refusal that must follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shortaxis.read.find import find_cases, read_case


@dataclass(frozen=True)
class Attack:
    """One bad input.

    Attributes:
        name: what is wrong with it; also its test's name.
        make: writes it below a folder and returns what is to be opened.
        opens: the reader or command that must refuse it.
        code: the refusal's stable code.
        says: a regular expression that the refusal's text must match: the count, the place, the way out.
    """

    name: str
    make: Callable[[Path], Path]
    opens: Callable[[Path], object]
    code: str
    says: str = ""


def as_segment_reads(path: Path) -> None:
    """Everything at `path`, found and read as `segment` and `check` do."""
    for case in find_cases([path]):
        read_case(case)


def as_measure_reads(folder: Path) -> None:
    """`image.nii.gz` and `labels.nii.gz` in a folder, as `measure` reads them."""
    from shortaxis.pipeline import measure_files

    measure_files(folder / "image.nii.gz", folder / "labels.nii.gz", folder / "out")


def as_evaluate_reads(folder: Path) -> None:
    """The folders `reference` and `prediction`, as `evaluate` reads them."""
    from shortaxis.pipeline import evaluate_folders

    evaluate_folders(folder / "reference", folder / "prediction", folder / "out")
