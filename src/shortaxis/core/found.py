"""What a stage finds: probabilities or boxes, on the study's own grid, with what was doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.study import Note

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Inferred:
    """A network's answer for one batch, on the samples' own pixels. Probabilities, never logits, leave a stage.

    Attributes:
        probs: [batch, class, ...] summing to 1 over classes, class 0 the background; None for a locator.
        corners: [batch, 2, 2]: the box's first and last corner as (row, col); None for a segmenter.
        variance: [batch, ...] spread over Monte-Carlo passes; None where a stage makes one pass.
        samples: uint8 [batch, sample, ...] the likeliest class of each Monte-Carlo pass; None where there is one pass.
    """

    probs: Tensor | None = None
    corners: Tensor | None = None
    variance: Tensor | None = None
    samples: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Piece:
    """One sample's share of an `Inferred`, as numpy arrays without the batch axis."""

    probs: NDArray[np.float32] | None
    corners: NDArray[np.float64] | None
    variance: NDArray[np.float32] | None
    samples: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """A stage's result for some frames of a study, on the study's grid.

    Attributes:
        frames: 0-based frames covered, in the order of the arrays' first axis.
        probs: float32 [frame, class, slice, row, col]; None for a locator.
        boxes: float64 [frame, slice, 4] as (first row, first col, last row, last col), continuous pixel coordinates
            of the study's rows and columns; None for a segmenter.
        variance: float32 [frame, slice, row, col]; None where there is none.
        samples: uint8 [frame, sample, slice, row, col], class numbers of each Monte-Carlo pass; None where there is one.
        notes: what every output must repeat.
    """

    frames: tuple[int, ...]
    probs: NDArray[np.float32] | None = None
    boxes: NDArray[np.float64] | None = None
    variance: NDArray[np.float32] | None = None
    samples: NDArray[np.uint8] | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, eq=False)
class Doubt:
    """A slice of a frame in which a network finds no left ventricular cavity and yet does not rule one out.

    Attributes:
        frame: 0-based.
        slice_index: 0-based.
        possible: bool [row, col], true where a cavity is not ruled out.
    """

    frame: int
    slice_index: int
    possible: NDArray[np.bool_]
