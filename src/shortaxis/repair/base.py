"""The left ventricle's basal slices through the beat: one that is ventricle in diastole is not given up lightly.

Ours, not any paper's. Whether the most basal slice is still ventricle in systole a network decides anew in every frame,
with great confidence and often wrongly; one slice more at end-diastole than at end-systole is worth 4 to 12 points of
ejection fraction. ACDC's readers kept the basal slice at end-systole in 78 of 100 training patients. On folds 0 and 1
(40 patients held out) the networks gave it up as the reader did in four slices, with a highest probability of the cavity
below 0.006, and against the reader in five (in one of them the reader had it in neither phase), with one of 0.06 to 0.44.
So a slice beyond a frame's own base that is ventricle in diastole is kept where the cavity's probability came to
`least_probability` somewhere in diastole's cavity, in frames that go on without a gap from one that has the slice. In a
whole cine those with a mere fragment of it get the whole too, and so does a frame alone between two that have it.

What is drawn there are the slice's own outline and cavity in diastole, each shrunk and moved as that of the apical
neighbour is in this frame: a network's probabilities of a few hundredths are too ragged to draw by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.found import Doubt
from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.core.study import Note

DIASTOLIC = 0.9  # of the largest volume: the frames that are asked which slices are ventricle
FRAGMENT = 1 / 3  # of what is expected: a cavity smaller than this is none
BRISK = 10  # frames a beat from which a slice cannot be left for one frame alone

Counts = NDArray[np.integer]  # pixels [frame, slice]
Flags = NDArray[np.bool_]  # [frame], or [frame, slice]
Mask = NDArray[np.bool_]  # [row, col]


@dataclass(frozen=True)
class HoldBase:
    """Keeps basal slices through the beat (`core.method.BeatRepair`)."""

    least_probability: float = 0.02

    def doubts(
        self, frame: int, probs: NDArray[np.float32], likeliest: NDArray[np.uint8], scheme: LabelScheme
    ) -> list[Doubt]:
        """The slices of a frame in which the network finds no cavity and yet does not rule one out.

        A slice whose cavity a repair of the frame took away is none of them.

        Args:
            frame: its 0-based number.
            probs: float32 [class, slice, row, col], class 0 the background, the others in the order of `scheme.structures`.
            likeliest: uint8 [slice, row, col], the likeliest class before any repair, as the scheme's number.
            scheme: those numbers.
        """
        if not (scheme.has(Structure.LV_CAVITY) and scheme.has(Structure.MYOCARDIUM)):
            return []
        empty = ~(likeliest == scheme.code_of(Structure.LV_CAVITY)).any(axis=(1, 2))
        possible = probs[1 + scheme.structures.index(Structure.LV_CAVITY)] >= self.least_probability
        doubtful = np.flatnonzero(empty & possible.any(axis=(1, 2)))
        return [Doubt(frame, int(index), possible[index].copy()) for index in doubtful]

    def settle(
        self, labels: NDArray[np.uint8], doubts: Sequence[Doubt], scheme: LabelScheme
    ) -> tuple[NDArray[np.uint8], tuple[Note, ...]]:
        """Labels [frame, slice, row, col] with those doubtful slices kept that diastole has, and a note naming them."""
        if not doubts:
            return labels, ()
        counts = scheme.mask(labels, Structure.LV_CAVITY).sum(axis=(2, 3))
        if not counts.any():
            return labels, ()
        reference, order = diastole(counts)
        has, fragment = counts > 0, fragments(counts, reference)
        possible = np.zeros_like(has)
        for doubt in doubts:
            cavity = _cavity(labels[reference, doubt.slice_index], scheme)
            possible[doubt.frame, doubt.slice_index] = (doubt.possible & cavity).any()
        held, kept = labels.copy(), []
        for index, neighbour in reversed([*pairwise(order[: len(order) // 2 + 1])]):  # the basal half, outwards
            added = to_draw(has[:, index], fragment[:, index], possible[:, index], has[:, neighbour])
            for frame in map(int, np.flatnonzero(added)):
                plane = contracted(held[frame], labels[reference], index, neighbour, scheme)
                if _cavity(plane, scheme).any():  # else there was no room for it, or it shrank to nothing
                    held[frame, index], has[frame, index] = plane, True
                    kept.append((frame, index))
        return held, _told(kept)


def fragments(cavity: Counts, reference: int) -> Flags:
    """Which cavities [frame, slice] are less than `FRAGMENT` of what the reference frame leads to expect."""
    volumes = _volumes(cavity)
    expected = cavity[reference] * (volumes / volumes[reference])[:, None]
    return (cavity > 0) & (cavity < FRAGMENT * expected)


def to_draw(has: Flags, fragment: Flags, possible: Flags, neighbour: Flags) -> Flags:
    """The frames that are given a slice; the beat is a circle.

    Args:
        has: [frame], those that have it, if only as a fragment.
        fragment: [frame], those that have a fragment alone; it is passed through, and drawn over where frames are many.
        possible: [frame], those where the network does not rule it out.
        neighbour: [frame], those that have its apical neighbour; no other can be given it.
    """
    keeps, passes = has & ~fragment, (possible | fragment) & neighbour
    while True:
        grown = keeps | (passes & (np.roll(keeps, 1) | np.roll(keeps, -1)))
        if (grown == keeps).all():
            break
        keeps = grown
    if len(has) < BRISK:
        return keeps & ~has
    alone = np.roll(keeps, 1) & np.roll(keeps, -1) & neighbour
    return (keeps | alone) & (~has | fragment)


def diastole(cavity: Counts) -> tuple[int, list[int]]:
    """The frame that says which slices are ventricle, and these from base to apex.

    Volumes are compared on the slices that at least half of the frames have. Of the frames with at least `DIASTOLIC` of
    the largest the base is the median one, so that a slice drawn in one frame of many does not count; the frame is the
    largest that has it. The base is the wider end.
    """
    volumes = _volumes(cavity)
    largest = int(volumes.argmax())
    held = np.flatnonzero(cavity[largest])
    from_base = 1 if cavity[largest, held[0]] >= cavity[largest, held[-1]] else -1
    frames = np.flatnonzero(volumes >= DIASTOLIC * volumes[largest])
    bases = [int(np.flatnonzero(cavity[frame])[::from_base][0]) * from_base for frame in frames]
    base = sorted(bases)[(len(bases) - 1) // 2]
    reference = max(
        (frame for frame, own in zip(frames, bases, strict=True) if own == base), key=lambda at: volumes[at]
    )
    return int(reference), [int(index) for index in np.flatnonzero(cavity[reference])[::from_base]]


def _volumes(cavity: Counts) -> NDArray[np.float64]:
    """Pixels [frame] on the slices that at least half of the frames have; on all where none is so common."""
    common = (cavity > 0).mean(axis=0) >= 0.5
    return cavity[:, common | ~common.any()].sum(axis=1).astype(float)


def contracted(
    frame: NDArray[np.uint8], reference: NDArray[np.uint8], index: int, neighbour: int, scheme: LabelScheme
) -> NDArray[np.uint8]:
    """The labels [row, col] of slice `index` of a frame, with the left ventricle of the reference frame's slice drawn in.

    Outline and cavity each are shrunk about their centre and moved as those of slice `neighbour` are from reference to
    frame. What else is labelled stays. Both frames are [slice, row, col].
    """
    result = frame[index].copy()
    result[_outline(result, scheme)] = 0  # a fragment gives way
    free = result == 0
    outline, cavity = (
        _moved(part(reference[index], scheme), part(reference[neighbour], scheme), part(frame[neighbour], scheme))
        for part in (_outline, _cavity)
    )
    wall = scheme.unions.get(Structure.MYOCARDIUM, (Structure.MYOCARDIUM,))[0]
    result[outline & free] = scheme.code_of(wall)
    result[cavity & outline & free] = scheme.code_of(Structure.LV_CAVITY)
    return result


def _moved(mask: Mask, before: Mask, after: Mask) -> Mask:
    """A mask scaled about its centre and moved as `before` is to become `after`."""
    centre, was, becomes = (np.array(ndimage.center_of_mass(part)) for part in (mask, before, after))
    scale = np.sqrt(np.count_nonzero(after) / np.count_nonzero(before))
    offset = centre - (centre + becomes - was) / scale
    found = ndimage.affine_transform(mask.astype(np.float32), np.full(2, 1 / scale), offset, order=1)
    return np.asarray(found >= 0.5)


def _cavity(plane: NDArray[np.uint8], scheme: LabelScheme) -> Mask:
    return scheme.mask(plane, Structure.LV_CAVITY)


def _outline(plane: NDArray[np.uint8], scheme: LabelScheme) -> Mask:
    """Cavity and wall together."""
    return _cavity(plane, scheme) | scheme.mask(plane, Structure.MYOCARDIUM)


def _told(kept: Sequence[tuple[int, int]]) -> tuple[Note, ...]:
    if not kept:
        return ()
    places = "; ".join(
        f"slice {index + 1} of frame {', '.join(str(frame + 1) for frame, at in kept if at == index)}"
        for index in sorted({index for _, index in kept})
    )
    return (
        Note(
            "SA-W118", f"Kept as left ventricle as in diastole, where the network found none or a fragment: {places}."
        ),
    )
