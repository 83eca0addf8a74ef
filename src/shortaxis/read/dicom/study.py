"""A folder, zip or file of DICOM -> the short-axis cine in it.

The way: files (`files`) -> frames (`frames`) -> runs by series, position and time (`sort`) -> what they
show (`views`) -> a stack (`stack`) -> pixels (`pixels`). Names, identifiers, dates and UIDs of the
patient stay in here; a study carries numbers, its geometry and a name that is the caller's or a hash, and of identity
only what was asked for by name (`identity`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from shortaxis.core.errors import NoStudy, ShortaxisError
from shortaxis.core.study import Note, Origin, Study
from shortaxis.files.size import Announced, announce
from shortaxis.files.voxels import finite_voxels, refuse_constant
from shortaxis.read.dicom import notes
from shortaxis.read.dicom.facts import facts_of
from shortaxis.read.dicom.files import dicom_sources, looks_like_dicom
from shortaxis.read.dicom.frames import Frame, frames_of
from shortaxis.read.dicom.identity import identity_of
from shortaxis.read.dicom.notes import SetAside
from shortaxis.read.dicom.phases import resample_phases
from shortaxis.read.dicom.pixels import load
from shortaxis.read.dicom.repeats import check_repeats
from shortaxis.read.dicom.sort import Run, by_patient_and_study, by_series, runs_of
from shortaxis.read.dicom.stack import Stack, build_stack, count_slices, grid_of, parallel_groups
from shortaxis.read.dicom.views import (
    MIN_PHASES,
    MIN_SLICES,
    is_called_short_axis,
    not_a_cine,
    not_one_beat,
    not_short_axis,
    set_aside_by_tags,
)

__all__ = ["PlacedStudy", "looks_like_dicom", "read_dicom", "read_dicom_placed"]

STORED_BYTES, RESCALED_BYTES = 2, 4  # of a voxel: scanners store 16 bits; rescaled ones are single precision


@dataclass(frozen=True, eq=False)
class PlacedStudy:
    """A study and where in it each file's image went.

    Attributes:
        study: the study.
        places: (frame, slice), 0-based, by file name below the input; only of slices that were not resampled in time.
    """

    study: Study
    places: Mapping[str, tuple[int, int]]


def read_dicom(path: Path, name: str | None = None) -> tuple[Study, ...]:
    """The short-axis cine stacks at `path`, normally one.

    Short axis, localiser, long axis, maps and so on are told apart as `views` says; what is not used is named in a
    note. A breath-hold taken twice counts once, the last complete one. Different patients or examinations, and stacks
    of different orientation or size, are studies of their own.

    Args:
        path: a folder of any layout, a zip, or one (multi-frame) file; DICOM by content, not by name.
        name: the study's name; without it `case-` and eight digits of a hash of the files' content.

    Raises:
        NoStudy: no short-axis cine; lists what there is.
        IncompleteStudy, UnevenSlices: no stack is whole; says which slice is at fault.
            BadSpacing, BadAffine: a spacing that cannot be; a gantry tilt.
        DuplicateImages, ConstantImage, NonFiniteVoxels: slices that share an image, or show nothing.
        UnreadableTransferSyntax, DamagedFile, DecoderCrashed, DecoderTimedOut, UnsafeArchive, TooLarge, MissingFile,
        Unreadable.
    """
    return tuple(placed.study for placed in read_dicom_placed(path, name))


def read_dicom_placed(path: Path, name: str | None = None) -> tuple[PlacedStudy, ...]:
    """As `read_dicom`, with the place of every file's image. Raises the same."""
    with dicom_sources(path) as (sources, n_other):
        frames: list[Frame] = []
        n_empty = 0
        for source in sources:
            images = frames_of(source)
            frames += images
            n_empty += not images
        findings = [_examine(group, path) for group in by_patient_and_study(frames)]
        stacks = [(finding, stack) for finding in findings for stack in finding.stacks]
        if not stacks:
            _refuse(findings, path)
        common = _common_notes(findings, n_other, n_empty)
        placed = []
        for number, (finding, stack) in enumerate(stacks, 1):
            own = name if name is None or len(stacks) == 1 else f"{name}-{number}"
            placed.append(_study(stack, finding, common, own, path))
    return tuple(placed)


@dataclass(eq=False)
class _Findings:
    """What one examination of one patient holds."""

    stacks: list[Stack] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    refusals: list[ShortaxisError] = field(default_factory=list)
    n_duplicates: int = 0

    def put_aside(self, frames: Sequence[Frame], kind: str) -> None:
        self.set_aside.append(SetAside(frames[0].series.number, kind, len(frames)))


def _examine(frames: Sequence[Frame], path: Path) -> _Findings:
    findings = _Findings()
    cines, short = _runs(frames, findings)
    groups = parallel_groups(cines)
    for group in groups:
        together = [frame for run in group for frame in run.frames]
        reason = not_short_axis(together, group[0].plane.normal)
        n_slices = count_slices(group)
        if n_slices < MIN_SLICES:
            called = is_called_short_axis(together)
            reason = f"{'short-axis' if called else 'long-axis'} cine of {notes.counted(n_slices, 'slice')}"
        if reason is not None:
            for run in group:
                findings.put_aside(run.frames, reason)
            continue
        try:
            findings.stacks.append(build_stack(group, short, path))
        except ShortaxisError as problem:
            findings.refusals.append(problem)
    findings.stacks.sort(key=lambda stack: len(stack.runs), reverse=True)
    return findings


def _runs(frames: Sequence[Frame], findings: _Findings) -> tuple[list[Run], list[Run]]:
    """Cine runs, and runs with too few phases; everything that is no cine goes to `findings`."""
    cines: list[Run] = []
    short: list[Run] = []
    for series in by_series(frames):
        without = [frame for frame in series if frame.plane is None]
        if without:
            findings.put_aside(without, "images without a position")
        placed = [frame for frame in series if frame.plane is not None]
        kind = set_aside_by_tags(placed) if placed else None
        if kind is not None:
            findings.put_aside(placed, kind)
            continue
        runs, n_duplicates = runs_of(placed)
        findings.n_duplicates += n_duplicates
        for run in runs:
            reason = not_a_cine(run.frames)
            if reason is None:
                cines.append(run)
                continue
            findings.put_aside(run.frames, reason)
            if not_one_beat(run.frames) is None:
                short.append(run)
    return cines, short


def _refuse(findings: Sequence[_Findings], path: Path) -> None:
    refusals = [refusal for finding in findings for refusal in finding.refusals]
    if refusals:
        raise refusals[0]
    kinds = notes.listed([one for finding in findings for one in finding.set_aside])
    expected = f"a short-axis cine: {MIN_SLICES} or more parallel slices with {MIN_PHASES} or more phases each"
    raise NoStudy(expected, kinds, "give the folder that holds the short-axis cine series", path)


def _common_notes(findings: Sequence[_Findings], n_other: int, n_empty: int) -> list[Note]:
    n_stacks = sum(len(finding.stacks) for finding in findings)
    said = [notes.files_passed_over(n_other)] if n_other else []
    if n_empty:
        said.append(notes.objects_passed_over(n_empty))
    if n_stacks > 1:
        said.append(notes.several_stacks(n_stacks))
    said += [notes.refused_beside(refusal.found) for finding in findings for refusal in finding.refusals]
    elsewhere = [one for finding in findings if not finding.stacks for one in finding.set_aside]
    if elsewhere:  # of an examination with a stack they are named beside it
        said.append(notes.set_aside_elsewhere(elsewhere))
    return said


def _study(stack: Stack, finding: _Findings, common: Sequence[Note], name: str | None, path: Path) -> PlacedStudy:
    announce(_size(stack, path))
    pixels = load([run.frames for run in stack.runs])
    repeats = check_repeats(pixels.runs, path)
    stored = np.stack([resample_phases(planes, stack.n_phases) for planes in pixels.runs], axis=1)
    image, filled = finite_voxels(stored, path)
    refuse_constant(image, path)
    facts, said = facts_of(stack)
    grid = grid_of(stack)
    if finding.set_aside:
        said.append(notes.series_set_aside(finding.set_aside))
    if finding.n_duplicates:
        said.append(notes.duplicates_dropped(finding.n_duplicates))
    if grid.spacing_mm is None:
        said.append(notes.SPACING_UNKNOWN)
    study = Study(
        name=name or f"case-{pixels.sha256[:8]}",
        image=image,
        grid=grid,
        origins=(Origin(f"series{stack.series_numbers[0]}", tuple(range(stack.n_phases)), True, path),),
        facts=facts,
        notes=(*stack.notes, *repeats, *filled, *said, *common),
        sha256=pixels.sha256,
        keeps_image=True,
        identity=identity_of(stack.runs[0].frames[0].source),
    )
    return PlacedStudy(study, _places(stack))


def _size(stack: Stack, path: Path) -> Announced:
    """What the stack will take: its slices twice, as they are decoded and as they are stacked."""
    frames = [frame for run in stack.runs for frame in run.frames]
    rescaled = any((frame.slope, frame.intercept) != (1, 0) for frame in frames)
    shape = (stack.n_phases, *grid_of(stack).shape)
    voxel_bytes = RESCALED_BYTES if rescaled else STORED_BYTES
    held = math.prod(shape) * (2 * voxel_bytes + rescaled)  # and which are finite
    return Announced(shape, voxel_bytes, held, is_written_back=True, path=path)


def _places(stack: Stack) -> dict[str, tuple[int, int]]:
    return {
        frame.source.name: (phase, index)
        for index, run in enumerate(stack.runs)
        for phase, frame in enumerate(run.frames)
        if len(run.frames) == stack.n_phases
    }
