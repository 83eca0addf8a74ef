"""Keep the heart and drop the strays: connected components of one frame, chosen by where they lie.

The largest component of a label is not always the ventricle: a stomach or a liver taken for a cavity can be larger. So
a component is chosen by anatomy first (the left ventricle is cavity next to myocardium, the right ventricle lies beside
it) and by size second. Pieces are joined over slices with 26-connectivity, so a breath-hold shift between neighbouring
slices does not cut the stack; a piece across one slice that the network missed is kept too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.labels import LabelScheme, Structure

Mask = NDArray[np.bool_]

SMALL = 0.25  # ours: a second piece under a quarter of the main piece's area on the same slices is a stray
OVER_MAIN = 0.5  # ours: a second piece belongs to the heart if half of it lies over or under the main piece
SLICE_GAP = 2  # ours: a piece at most this many slices away; 2 leaves room for one missed slice
CAVITY_SHARE = 0.1  # ours: an empty ring is a missed cavity if the hole is a tenth of the filled outline

_TOUCHING = np.ones((3, 3, 3), bool)
_IN_PLANE = ndimage.generate_binary_structure(2, 1)
_IN_PLANE_3D = _IN_PLANE[None]


def keep_heart(labels: NDArray[np.uint8], scheme: LabelScheme) -> NDArray[np.uint8]:
    """One frame's labels [slice, row, col] without strays and without holes in the left ventricle.

    Parts of the myocardium (infarct, no-reflow) are judged as one: a small infarct is not a stray. Works in pixels, so
    it needs no spacing. Never empties a structure that was there: the best piece stays even where none is convincing.
    """
    if not labels.any():
        return labels.copy()
    box = _box_of(labels > 0)
    result = labels.copy()
    inner = result[box]
    body = _keep_left_ventricle(inner, scheme)
    _keep_right_ventricle(inner, scheme, body)
    _fill_holes(inner, scheme)
    return result


def leave_as_is(labels: NDArray[np.uint8], scheme: LabelScheme) -> NDArray[np.uint8]:
    """No post-processing, for methods whose paper has none: `labels` [slice, row, col] unchanged."""
    return labels


def _box_of(mask: Mask) -> tuple[slice, ...]:
    """The bounding box of a mask that is not empty."""
    return ndimage.find_objects(mask.astype(np.uint8))[0]


def _components(mask: Mask, neighbours: Mask) -> tuple[NDArray[np.int32], int]:
    """Connected components numbered from 1, and how many there are."""
    numbered = np.zeros(mask.shape, np.int32)
    return numbered, int(ndimage.label(mask, neighbours, output=numbered))  # pyright: ignore[reportArgumentType]


def _grown(mask: Mask, neighbours: Mask) -> Mask:
    """The mask and its neighbours."""
    return np.asarray(ndimage.binary_dilation(mask, neighbours), bool)


def _mask(labels: NDArray[np.uint8], scheme: LabelScheme, structure: Structure) -> Mask:
    return scheme.mask(labels, structure) if scheme.has(structure) else np.zeros(labels.shape, bool)


def _keep_left_ventricle(labels: NDArray[np.uint8], scheme: LabelScheme) -> Mask:
    """Drop what is not the left ventricle from `labels` in place; returns where cavity or myocardium is left."""
    cavity, wall = _mask(labels, scheme, Structure.LV_CAVITY), _mask(labels, scheme, Structure.MYOCARDIUM)
    contact = cavity & _grown(wall, _IN_PLANE_3D)
    body = _main_pieces(cavity | wall, lambda piece: float(np.count_nonzero(piece & contact)))
    labels[(cavity | wall) & ~body] = 0
    for part, score in ((cavity, contact), (wall, wall)):
        inside = part & body
        kept = _main_pieces(inside, lambda piece, near=score: float(np.count_nonzero(piece & near)), home=body)
        labels[inside & ~kept] = 0
    return _mask(labels, scheme, Structure.LV_CAVITY) | _mask(labels, scheme, Structure.MYOCARDIUM)


def _keep_right_ventricle(labels: NDArray[np.uint8], scheme: LabelScheme, body: Mask) -> None:
    """Drop right-ventricular pieces that do not lie beside the left ventricle `body`, in place."""
    cavity = _mask(labels, scheme, Structure.RV_CAVITY)
    if not cavity.any():
        return
    distance = _distance_from(body)
    diameter = np.sqrt(body.sum(axis=(1, 2)).max() * 4 / np.pi)  # of the widest slice, in pixels
    beside = distance <= max(diameter / 4, 2.0)

    def score(piece: Mask) -> float:
        near = np.count_nonzero(piece & beside)
        return float(near) if near else -float(distance[piece].min())  # none beside: the nearest

    kept = _main_pieces(cavity, score if body.any() else lambda piece: float(np.count_nonzero(piece)), beside)
    labels[cavity & ~kept] = 0


def _distance_from(body: Mask) -> NDArray[np.float64]:
    """In-plane distance in pixels to the body's outline seen through all slices; zero everywhere without a body."""
    seen = body.any(axis=0)
    if not seen.any():
        return np.zeros(body.shape)
    return np.broadcast_to(np.asarray(ndimage.distance_transform_edt(~seen)), body.shape)


def _main_pieces(mask: Mask, score: Callable[[Mask], float], home: Mask | None = None) -> Mask:
    """The best-scoring component (ties: the larger) and the further pieces that belong to it.

    A further piece belongs if it is not small against the main piece on the same slices, no more than `SLICE_GAP`
    slices away, and mostly over or under the main piece, or, where given, mostly in its `home`: a ring that narrows
    towards the apex does not lie over the wider ring.
    """
    components, count = _components(mask, _TOUCHING)
    if count <= 1:
        return mask
    pieces = [components == number for number in range(1, count + 1)]
    sizes = [int(np.count_nonzero(piece)) for piece in pieces]
    main = max(range(count), key=lambda i: (score(pieces[i]), sizes[i]))
    kept = pieces[main].copy()
    footprint, areas = kept.any(axis=0), kept.sum(axis=(1, 2))
    for i in sorted(set(range(count)) - {main}, key=lambda i: _slice_gap(pieces[i], pieces[main])):
        piece = pieces[i]
        small = sizes[i] < SMALL * areas[piece.any(axis=(1, 2))].sum()
        over = np.count_nonzero(piece & footprint) >= OVER_MAIN * sizes[i]
        near = home is not None and np.count_nonzero(piece & home) >= OVER_MAIN * sizes[i]
        if not small and (over or near) and _slice_gap(piece, kept) <= SLICE_GAP:
            kept |= piece
    return kept


def _slice_gap(piece: Mask, other: Mask) -> int:
    """How many slices apart two pieces are; 0 if they share one."""
    mine, theirs = np.flatnonzero(piece.any(axis=(1, 2))), np.flatnonzero(other.any(axis=(1, 2)))
    return int(np.abs(mine[:, None] - theirs[None]).min())


def _fill_holes(labels: NDArray[np.uint8], scheme: LabelScheme) -> None:
    """Fill background enclosed by cavity and myocardium, slice by slice, in place.

    A hole becomes what mostly surrounds it. An empty ring of myocardium without any cavity on its slice is a cavity
    the network missed, not a solid heart. In a scheme without a cavity every hole of the ring may be the cavity: there
    nothing is filled.
    """
    if not scheme.has(Structure.LV_CAVITY):
        return
    for plane in labels:
        cavity, wall = _mask(plane, scheme, Structure.LV_CAVITY), _mask(plane, scheme, Structure.MYOCARDIUM)
        outline = np.asarray(ndimage.binary_fill_holes(cavity | wall))
        holes, count = _components(outline & (plane == 0), _IN_PLANE)
        for number in range(1, count + 1):
            hole = holes == number
            rim = plane[_grown(hole, _IN_PLANE) & (cavity | wall)]
            missed = not cavity.any() and np.count_nonzero(hole) >= CAVITY_SHARE * np.count_nonzero(outline)
            plane[hole] = scheme.code_of(Structure.LV_CAVITY) if missed else np.bincount(rim).argmax()
