"""A slice with its neighbours, as channels."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = TypeVar("Kind", bound=np.generic)


def neighbour_indices(index: int, count: int, reach: int) -> tuple[int, ...]:
    """`index - reach ... index + reach` within `count`, the edges repeated."""
    return tuple(min(max(other, 0), count - 1) for other in range(index - reach, index + reach + 1))


def with_neighbours(stack: NDArray[Kind], index: int, reach: int) -> NDArray[Kind]:
    """Planes [2 * reach + 1, row, col] around one plane of `stack` [n, row, col] (slices, or frames)."""
    return stack[list(neighbour_indices(index, len(stack), reach))]
