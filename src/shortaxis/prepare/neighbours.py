"""A slice with its neighbours, as channels."""

from __future__ import annotations

from typing import Annotated, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

Kind = TypeVar("Kind", bound=np.generic)
MOST_REACH = 3
Reach = Annotated[int, Field(ge=0, le=MOST_REACH)]
"""How many neighbouring slices on each side go along, as channels; for fields of `Settings`."""


def neighbour_indices(index: int, count: int, reach: int) -> tuple[int, ...]:
    """`index - reach ... index + reach` within `count`, the edges repeated."""
    return tuple(min(max(other, 0), count - 1) for other in range(index - reach, index + reach + 1))


def with_neighbours(stack: NDArray[Kind], index: int, reach: int) -> NDArray[Kind]:
    """Planes [2 * reach + 1, row, col] around one plane of `stack` [n, row, col] (slices, or frames)."""
    return stack[list(neighbour_indices(index, len(stack), reach))]
