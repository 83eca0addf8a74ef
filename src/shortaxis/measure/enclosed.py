"""The cavity of labels that hold the myocardium alone: what the wall encloses on each slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from shortaxis.core.labels import LEFT_VENTRICLE, LabelScheme, Structure
from shortaxis.core.study import Note

ENCLOSED = Note(
    "SA-W121",
    "The labels hold the myocardium alone; the cavity is what it encloses, and a slice with an open wall has none.",
)


def with_enclosed_cavity(
    labels: NDArray[np.uint8], scheme: LabelScheme
) -> tuple[NDArray[np.uint8], LabelScheme, tuple[Note, ...]]:
    """Labels [frame, slice, row, col] that tell a left-ventricular cavity, their scheme, and what was done.

    Labels of a scheme that has a cavity, or no myocardium, come back as they are. A published method for the myocardium
    alone (Huang et al. 2021) gives its volumes and ejection fraction so.
    """
    if scheme.has(Structure.LV_CAVITY) or not scheme.has(Structure.MYOCARDIUM):
        return labels, scheme, ()
    wall = scheme.mask(labels, Structure.MYOCARDIUM)
    both = np.zeros(labels.shape, np.uint8)
    in_plane = ndimage.generate_binary_structure(2, 1)[None, None]  # nothing is enclosed across slices or frames
    both[np.asarray(ndimage.binary_fill_holes(wall, in_plane), bool)] = LEFT_VENTRICLE.code_of(Structure.LV_CAVITY)
    both[wall] = LEFT_VENTRICLE.code_of(Structure.MYOCARDIUM)
    return both, LEFT_VENTRICLE, (ENCLOSED,)
