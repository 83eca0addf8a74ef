"""What the DICOM reader has to say beside its study: SA-W060 to SA-W079.

Series are named by number and kind; their free-text descriptions may hold anything and are never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shortaxis.core.study import Note


@dataclass(frozen=True)
class SetAside:
    """Images of one series that are not segmented, and what they are."""

    series_number: int | None
    kind: str
    n_images: int

    def describe(self) -> str:
        """For example `series 7 (perfusion, 120 images)`."""
        number = "without a number" if self.series_number is None else self.series_number
        return f"series {number} ({self.kind}, {counted(self.n_images, 'image')})"


def counted(count: int, thing: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {thing}{'s' * (count != 1)}"


def listed(set_aside: Sequence[SetAside]) -> str:
    """All of them in one line; series of one kind together, as `4 series numbered 2 to 9 (localizer, 12 images)`."""
    kinds: dict[str, dict[int | None, int]] = {}
    for one in set_aside:
        images = kinds.setdefault(one.kind, {})
        images[one.series_number] = images.get(one.series_number, 0) + one.n_images
    return ", ".join(_of_one_kind(kind, images) for kind, images in kinds.items()) or "nothing"


def _of_one_kind(kind: str, images: Mapping[int | None, int]) -> str:
    """The one series by its number; several by how many they are, since each slice may be a series of its own."""
    if len(images) == 1:
        return "".join(SetAside(number, kind, count).describe() for number, count in images.items())
    known = [number for number in images if number is not None]
    numbered = f" numbered {min(known)} to {max(known)}" if len(known) == len(images) else ""
    return f"{len(images)} series{numbered} ({kind}, {counted(sum(images.values()), 'image')})"


def series_set_aside(set_aside: Sequence[SetAside]) -> Note:
    """Series that are no short-axis cine."""
    return Note("SA-W060", f"Not segmented: {listed(set_aside)}.")


def set_aside_elsewhere(set_aside: Sequence[SetAside]) -> Note:
    """Series of an examination (another study's identifier, or another patient's) that has no short-axis cine."""
    return Note("SA-W074", f"Not segmented, of another examination in the same input: {listed(set_aside)}.")


def files_passed_over(n_other: int) -> Note:
    """Files of other formats."""
    return Note("SA-W061", f"Passed over as not DICOM: {counted(n_other, 'file')}.")


def objects_passed_over(n_objects: int) -> Note:
    """DICOM that holds no MR image."""
    told = counted(n_objects, "DICOM file")
    return Note("SA-W062", f"Passed over as without MR images (reports, screenshots, others): {told}.")


def repeated_breath_holds(slices: Sequence[int], series_by_slice: Sequence[int]) -> Note:
    """Slices (1-based) with more than one run, and the series each slice of the stack came from."""
    taken = ", ".join(f"slice {number} from series {series_by_slice[number - 1]}" for number in slices)
    return Note("SA-W063", f"Breath-holds were repeated; the last complete one is used: {taken}.")


def resampled_in_time(counts: Mapping[int, int], usual: int) -> Note:
    """Number of phases by slice (1-based) where it differs from the usual one."""
    which = ", ".join(f"slice {number} ({count})" for number, count in counts.items())
    return Note("SA-W064", f"Slices with another number of phases than {usual} were resampled in time: {which}.")


def duplicates_dropped(n_images: int) -> Note:
    """Images that were there twice."""
    told = counted(n_images, "duplicate image")
    return Note("SA-W065", f"Dropped: {told} (same position, time and pixels).")


def one_series_taken(number: int, others: Sequence[int]) -> Note:
    """One series used, other parallel ones not."""
    names = ", ".join(str(other) for other in others)
    return Note(
        "SA-W066", f"Series {number} alone is an even stack and is used; parallel cine series left out: {names}."
    )


SPACING_UNKNOWN = Note("SA-W067", "PixelSpacing is missing; lengths, areas and volumes cannot be stated.")
FRAME_TIME_UNKNOWN = Note("SA-W068", "The time between frames is not stated plausibly in the files.")


def fact_ignored(name: str) -> Note:
    """A patient fact outside its limits."""
    return Note("SA-W069", f"The patient's {name} in the files is implausible and is not used.")


def several_stacks(n_stacks: int) -> Note:
    """More than one case in the input."""
    return Note("SA-W070", f"The input holds {n_stacks} short-axis cine stacks; each is a case of its own.")


def refused_beside(found: str) -> Note:
    """A stack that failed beside one that did not."""
    return Note("SA-W071", f"Another cine stack of this input could not be used: {found}.")


def slices_drift(drift_mm: float) -> Note:
    """A shear too small to refuse."""
    return Note(
        "SA-W072", f"The slices drift by {drift_mm:.2f} mm within their planes over the stack; this was ignored."
    )


def frames_repeat(slices: Sequence[int]) -> Note:
    """Slices (1-based) of which two phases are the same image."""
    which = ", ".join(map(str, slices))
    return Note(
        "SA-W073", f"Two phases are the same image, pixel by pixel, in slice {which}; the export may be at fault."
    )
