"""What can go wrong, one type per situation, each with a stable code.

Every refusal says four things: which file, what was expected, what was found, and the way out. The command line prints
them and exits; the Python API raises them. `docs/reference/errors.md` is made from this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

LONGEST_LINE = 1000  # of what a refusal says of one thing


class ShortaxisError(Exception):
    """Base of every refusal.

    Args:
        expected: what the program needed.
        found: what it met instead.
        way_out: what the reader can do about it.
        path: the file or folder concerned, if there is one.
    """

    code: ClassVar[str] = "SA-E000"
    title: ClassVar[str] = "refused"

    def __init__(self, expected: str, found: str, way_out: str, path: Path | str | None = None) -> None:
        self.expected = expected
        self.found = found
        self.way_out = way_out
        self.path = None if path is None else Path(path)
        super().__init__(self.describe())

    def describe(self) -> str:
        """The refusal as the terminal shows it, one fact per line."""
        where = "" if self.path is None else f"\n  file:     {_line(str(self.path))}"
        return (
            f"{self.code} {self.title}{where}\n  expected: {_line(self.expected)}\n  found:    {_line(self.found)}"
            f"\n  way out:  {_line(self.way_out)}"
        )

    def __reduce__(self) -> tuple[object, ...]:  # so that a worker process can hand it back
        return type(self), (self.expected, self.found, self.way_out, self.path)


def _line(text: str) -> str:
    """A file's own words may stand in a refusal: no control characters reach the terminal, and no essay."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= LONGEST_LINE else f"{plain[:LONGEST_LINE]}..."


# --- files: E001-E019 -------------------------------------------------------------------------------------------------
class MissingFile(ShortaxisError):
    code, title = "SA-E001", "not found"


class UnknownFormat(ShortaxisError):
    code, title = "SA-E002", "not a format this program reads"


class DamagedFile(ShortaxisError):
    code, title = "SA-E003", "damaged or truncated file"


class TooLarge(ShortaxisError):
    code, title = "SA-E004", "larger than the budget allows"


class UnsafeArchive(ShortaxisError):
    code, title = "SA-E005", "archive member escapes its folder"


class WriteFailed(ShortaxisError):
    code, title = "SA-E006", "could not be written"


class OutputExists(ShortaxisError):
    code, title = "SA-E007", "output already exists"


class Unreadable(ShortaxisError):
    code, title = "SA-E008", "could not be read"


class DecoderCrashed(ShortaxisError):
    code, title = "SA-E009", "the decoder crashed on this file"


class DecoderTimedOut(ShortaxisError):
    code, title = "SA-E010", "decoding took longer than allowed"


class PackageMissing(ShortaxisError):
    code, title = "SA-E011", "a package that this needs is not installed"


# --- geometry and voxels: E020-E039 -----------------------------------------------------------------------------------
class WrongDimensions(ShortaxisError):
    code, title = "SA-E020", "wrong number of dimensions"


class BadSpacing(ShortaxisError):
    code, title = "SA-E021", "voxel spacing is not usable"


class BadAffine(ShortaxisError):
    code, title = "SA-E022", "orientation is not usable"


class NonFiniteVoxels(ShortaxisError):
    code, title = "SA-E023", "voxels that are not finite numbers"


class ConstantImage(ShortaxisError):
    code, title = "SA-E024", "image without content"


class GridMismatch(ShortaxisError):
    code, title = "SA-E025", "image and labels lie on different grids"


class UnknownLabel(ShortaxisError):
    code, title = "SA-E026", "label value outside the scheme"


class NotIntegerLabels(ShortaxisError):
    code, title = "SA-E027", "labels are not whole numbers"


# --- studies: E040-E059 -----------------------------------------------------------------------------------------------
class NoStudy(ShortaxisError):
    code, title = "SA-E040", "no usable study here"


class IncompleteStudy(ShortaxisError):
    code, title = "SA-E041", "slices or frames are missing"


class UnevenSlices(ShortaxisError):
    code, title = "SA-E042", "slices are not evenly spaced"


class UnreadableTransferSyntax(ShortaxisError):
    code, title = "SA-E043", "compressed in a way no installed package reads"


class WrongKindOfScan(ShortaxisError):
    code, title = "SA-E044", "not the kind of scan this method is made for"


class BadPatientFacts(ShortaxisError):
    code, title = "SA-E045", "facts about the patient or the frames are not usable"


class LabelsMissing(ShortaxisError):
    code, title = "SA-E046", "no labels where labels are needed"


class DuplicateImages(ShortaxisError):
    code, title = "SA-E047", "the same image stands at two places"


# --- configuration, models, training: E060-E089 -----------------------------------------------------------------------
class UnknownName(ShortaxisError):
    code, title = "SA-E060", "no such name"


class BadConfiguration(ShortaxisError):
    code, title = "SA-E061", "configuration is not usable"


class BadWeights(ShortaxisError):
    code, title = "SA-E062", "weights do not fit"


class ModelMissing(ShortaxisError):
    code, title = "SA-E063", "no trained model"


class LeakingSplit(ShortaxisError):
    code, title = "SA-E064", "a patient stands on both sides of a split"


class LossNotFinite(ShortaxisError):
    code, title = "SA-E065", "training diverged"


class CannotResume(ShortaxisError):
    code, title = "SA-E066", "this run cannot be resumed as asked"


class DeviceMissing(ShortaxisError):
    code, title = "SA-E067", "no such device"


class ProgramFailed(ShortaxisError):
    code, title = "SA-E068", "another program failed"


class MemoryExhausted(ShortaxisError):
    code, title = "SA-E069", "the device's memory ran out"


class WorkerFailed(ShortaxisError):
    code, title = "SA-E070", "a batch could not be prepared"


# --- ourselves: E090-E099 ---------------------------------------------------------------------------------------------
class InternalFault(ShortaxisError):
    code, title = "SA-E090", "an error inside the program"


def every_error() -> Iterator[type[ShortaxisError]]:
    """All error types in the order of their codes."""
    yield from sorted(ShortaxisError.__subclasses__(), key=lambda kind: kind.code)
