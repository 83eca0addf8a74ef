"""The focus of attention: a Gaussian weight around the located heart (Zhao et al., ICPR 2020, section II-E, eq. 5)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, PositiveFloat

from shortaxis.core.recipe import none_in_words

Focus = Annotated[PositiveFloat | None, BeforeValidator(none_in_words)]
"""Delta of equation 5 as a share of half the window's longer side; None (`none` in a configuration): no focus."""


def focus_weights(
    size: tuple[int, int], centre: tuple[float, float], delta_px: float, alpha: float = 1.0
) -> NDArray[np.float32]:
    """Equation 5: alpha exp(-|(a, b) - (a*, b*)|^2 / delta^2) for every pixel of `size`, float32 [row, col].

    Args:
        size: rows and columns.
        centre: (a*, b*), the object's centre as (row, col), continuous pixel coordinates.
        delta_px: the scale; at this distance the weight is alpha / e.
        alpha: the weight in the centre. Its value is unstated; a Gauss normalisation afterwards takes any factor out.
    """
    rows = np.square((np.arange(size[0]) - centre[0]) / delta_px)
    cols = np.square((np.arange(size[1]) - centre[1]) / delta_px)
    return (alpha * np.exp(-rows)[:, None] * np.exp(-cols)[None]).astype(np.float32)


def central_focus(size: tuple[int, int], share: float) -> NDArray[np.float32]:
    """The focus on the middle of a window; delta is `share` of half its longer side."""
    middle = (size[0] - 1) / 2, (size[1] - 1) / 2
    return focus_weights(size, middle, share * max(size) / 2)
