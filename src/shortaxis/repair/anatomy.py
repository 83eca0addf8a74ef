"""Is this a heart? Checks of labels against anatomy and physiology, as notes; nothing is changed or refused.

The checks find the failures that a mean score hides: a ventricle missed in the middle of the stack, an open wall, a
curve that jumps. What they cannot see is a plausible heart in the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.core.study import Note

EF_RANGE_PERCENT = (5.0, 85.0)  # ours: outside it a ventricle was mis-drawn more likely than ill
JUMP = 0.2  # ours: a frame a fifth of the largest volume away from both its neighbours
JUMP_FRAMES = 10  # fewer frames are too far apart in time to speak of a jump
NAMED = 4  # places spelled out in a note; the others are counted

Labels = NDArray[np.uint8]
Places = list[tuple[int, int]]


def check_anatomy(
    labels: Labels, scheme: LabelScheme, ed_index: int | None = None, es_index: int | None = None
) -> tuple[Note, ...]:
    """Notes on what is unlike a heart in labels [frame, slice, row, col]; empty if nothing is.

    Codes: SA-W100 empty frames, W101 no left ventricle and W102 no right ventricle on a middle slice, W103 an open
    wall on a middle slice, W104 end-systole larger than end-diastole, W105 ejection fraction outside 5 to 85 %,
    W106 jumps in the volume curve, W107 a right ventricle that grows towards the left one's end-systole or empties by
    more than 85 %. Middle slices are the middle third of the slices from the first to the last on
    which anything is labelled in that frame. Without `ed_index` and `es_index` (0-based) W104, W105 and W107 are left out.
    """
    empty = [(frame, -1) for frame in range(len(labels)) if not labels[frame].any()]
    notes = [_note("SA-W100", "Nothing was labelled in {}.", empty)]
    middle = [(frame, int(i)) for frame, stack in enumerate(labels) for i in _middle_of_heart(stack)]
    if scheme.has(Structure.LV_CAVITY):
        missed = [at for at in middle if not scheme.mask(labels[at], Structure.LV_CAVITY).any()]
        notes.append(_note("SA-W101", "No left ventricular cavity in the middle of the heart: {}.", missed))
    if scheme.has(Structure.RV_CAVITY):
        notes.append(_note("SA-W102", "No right ventricle in the middle of the heart: {}.", _no_rv(labels, scheme)))
    if scheme.has(Structure.MYOCARDIUM) and scheme.has(Structure.LV_CAVITY):
        notes.append(
            _note("SA-W103", "The myocardium does not close round the cavity: {}.", _open(labels, scheme, middle))
        )
    if scheme.has(Structure.LV_CAVITY):
        voxels = np.array([np.count_nonzero(scheme.mask(stack, Structure.LV_CAVITY)) for stack in labels], float)
        notes += [
            *_beat_notes(voxels, ed_index, es_index),
            _note("SA-W106", "The volume curve jumps in {}.", _jumps(voxels)),
        ]
    if scheme.has(Structure.RV_CAVITY):
        notes += _rv_beat_notes(labels, scheme, ed_index, es_index)
    return tuple(note for note in notes if note is not None)


def middle_third(held: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Indices of the middle third of the slices where `held` [slice] is true, rounded outward; never empty unless it is."""
    indices = np.flatnonzero(held)
    return indices[len(indices) // 3 : -(-2 * len(indices) // 3)]


def _middle_of_heart(stack: Labels) -> NDArray[np.intp]:
    """Middle slices of one frame [slice, row, col], an empty slice between labelled ones included."""
    held = np.flatnonzero(stack.any(axis=(1, 2)))
    span = np.zeros(len(stack), bool)
    if held.size:
        span[held[0] : held[-1] + 1] = True
    return middle_third(span)


def _no_rv(labels: Labels, scheme: LabelScheme) -> Places:
    """Middle slices where the right ventricle was missed rather than has ended.

    It ends before the apex, in one reference in fifteen already among the middle slices. So a slice counts only if it
    lies between slices with a right ventricle, or if more than half of the middle slices lack one.
    """
    found: Places = []
    for frame, stack in enumerate(labels):
        held = np.asarray(scheme.mask(stack, Structure.RV_CAVITY).any(axis=(1, 2)))
        middle = _middle_of_heart(stack)
        lacking = middle[~held[middle]]
        if 2 * len(lacking) <= len(middle):
            lacking = [i for i in lacking if held[:i].any() and held[i:].any()]
        found += [(frame, int(i)) for i in lacking]
    return found


def _open(labels: Labels, scheme: LabelScheme, middle: Places) -> Places:
    """Middle slices with a cavity that the myocardium of the slice does not enclose."""
    found: Places = []
    for at in middle:
        cavity, wall = (scheme.mask(labels[at], part) for part in (Structure.LV_CAVITY, Structure.MYOCARDIUM))
        if (cavity & ~np.asarray(ndimage.binary_fill_holes(wall), bool)).any():
            found.append(at)
    return found


def _beat_notes(voxels: NDArray[np.float64], ed_index: int | None, es_index: int | None) -> Iterable[Note]:
    if ed_index is None or es_index is None or not voxels[ed_index] or not voxels[es_index]:
        return
    ef_percent = 100.0 * (1 - voxels[es_index] / voxels[ed_index])
    if ef_percent < 0:
        yield Note(
            "SA-W104",
            f"The left ventricle is larger at end-systole (frame {es_index + 1}) than at end-diastole"
            f" (frame {ed_index + 1}).",
        )
    elif not EF_RANGE_PERCENT[0] <= ef_percent <= EF_RANGE_PERCENT[1]:
        yield Note(
            "SA-W105",
            f"A left ventricular ejection fraction of {ef_percent:.0f} % is outside"
            f" {EF_RANGE_PERCENT[0]:.0f} to {EF_RANGE_PERCENT[1]:.0f} %.",
        )


def _rv_beat_notes(labels: Labels, scheme: LabelScheme, ed_index: int | None, es_index: int | None) -> Iterable[Note]:
    """Of the right ventricle only what no disease explains: at the left one's phases a poor one may hardly move."""
    if ed_index is None or es_index is None:
        return
    ed, es = (np.count_nonzero(scheme.mask(labels[i], Structure.RV_CAVITY)) for i in (ed_index, es_index))
    if ed and es and not 0 <= 1 - es / ed <= EF_RANGE_PERCENT[1] / 100:
        ef_percent = 100.0 * (1 - es / ed)
        yield Note(
            "SA-W107",
            f"A right ventricular ejection fraction of {ef_percent:.0f} % is outside 0 to {EF_RANGE_PERCENT[1]:.0f} %.",
        )


def _jumps(voxels: NDArray[np.float64]) -> Places:
    """Frames whose volume lies far from both neighbours', on the same side; the cine is taken as cyclic."""
    if len(voxels) < JUMP_FRAMES or not voxels.any():
        return []
    before, after = voxels - np.roll(voxels, 1), voxels - np.roll(voxels, -1)
    far = np.minimum(np.abs(before), np.abs(after)) > JUMP * voxels.max()
    return [(int(frame), -1) for frame in np.flatnonzero(far & (before * after > 0))]


def _note(code: str, sentence: str, places: Sequence[tuple[int, int]]) -> Note | None:
    """The sentence with 1-based places filled in; None if there are none. A slice of -1 stands for the whole frame."""
    if not places:
        return None
    words = [f"frame {frame + 1}" + (f" slice {number + 1}" if number >= 0 else "") for frame, number in places[:NAMED]]
    more = len(places) - len(words)
    return Note(code, sentence.format(", ".join(words) + (f" and {more} more" if more else "")))
