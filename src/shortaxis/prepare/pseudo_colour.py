"""Three successive planes as one colour image, and one grey scale for a patient.

FOANet's two preparations share these (Zhao et al., ICPR 2020, section III-B). Red, green and blue are n-1, n and n+1.
For a cine of one slice n counts frames, for a stack it counts slices; at the ends the edge is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.study import Study
from shortaxis.prepare.neighbours import neighbour_indices, with_neighbours

Successive = Literal["auto", "frames", "slices"]
Moments = tuple[float, float]  # mean, standard deviation
FloatPlanes = NDArray[np.float32]
FRAMES_FOR_MOMENTS = 32  # of a longer cine so many, evenly spread, are enough for two numbers


def gauss_moments(study: Study, prepared: Callable[[int], NDArray[np.generic]]) -> Moments:
    """Mean and standard deviation over a patient's frames as `prepared(frame)` gives them."""
    count = min(study.n_frames, FRAMES_FOR_MOMENTS)
    voxels, total, squares = 0, 0.0, 0.0
    for frame in (at * study.n_frames // count for at in range(count)):
        planes = prepared(frame).astype(np.float64)
        voxels += planes.size
        total += float(planes.sum())
        squares += float(np.square(planes).sum())
    mean = total / voxels
    return mean, float(np.sqrt(max(squares / voxels - mean * mean, 0.0)))


def gauss_normalise(planes: NDArray[np.generic], moments: Moments) -> FloatPlanes:
    """(I - mean) / deviation (section III-B). The paper assumes a deviation above zero; without one, zeros."""
    mean, deviation = moments
    centred = planes.astype(np.float32) - np.float32(mean)
    return centred / np.float32(deviation) if deviation > 1e-6 else np.zeros_like(centred)


def pseudo_colours(
    study: Study, frame: int, prepared: Callable[[int], FloatPlanes], successive: Successive = "auto"
) -> Iterator[tuple[int, FloatPlanes]]:
    """(slice, image [3, row, col]) of one frame, from `prepared(frame)` [slice, row, col].

    `auto`: frames where the study has one slice and more than one frame, else slices.
    """
    slices = study.grid.shape[0]
    if successive == "frames" or (successive == "auto" and slices == 1 and study.n_frames > 1):
        around = np.stack([prepared(other) for other in neighbour_indices(frame, study.n_frames, 1)])
        for index in range(slices):
            yield index, np.ascontiguousarray(around[:, index])
        return
    stack = prepared(frame)
    for index in range(slices):
        yield index, with_neighbours(stack, index, 1)
