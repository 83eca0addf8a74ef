"""Grey values: MR has no unit, so every plane is brought to its own scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def standardise(planes: NDArray[np.generic], clip_percent: float = 0.5) -> NDArray[np.float32]:
    """Planes [..., row, col] clipped at two percentiles, then to mean 0 and standard deviation 1, each by itself.

    Clipping keeps one bright vessel from darkening the heart. A plane without contrast becomes zeros.
    """
    pixels = planes.astype(np.float32).reshape(*planes.shape[:-2], -1)
    if clip_percent > 0:
        # every fourth pixel is enough for a percentile and four times as fast
        low, high = np.percentile(pixels[..., ::4], [clip_percent, 100 - clip_percent], axis=-1, keepdims=True)
        pixels = np.clip(pixels, low.astype(np.float32), high.astype(np.float32))
    centred = pixels - pixels.mean(axis=-1, keepdims=True)
    spread = centred.std(axis=-1, keepdims=True)
    scaled = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-6)
    return scaled.reshape(planes.shape)


def standardise_stack(
    stack: NDArray[np.generic], window: NDArray[np.generic], clip_percent: float = 0.5
) -> NDArray[np.float32]:
    """A stack [slice, row, col] on one scale: `window`, a part of it, gets mean 0 and standard deviation 1.

    Blood and muscle keep their difference from slice to slice, so that an apex in dark lung is not taken for blood.
    """
    pixels = window.astype(np.float32).reshape(-1)
    low, high = np.percentile(pixels[::4], [clip_percent, 100 - clip_percent]).astype(np.float32)
    inside = np.clip(pixels, low, high)
    spread = float(inside.std())
    clipped = np.clip(stack.astype(np.float32), low, high)
    return (clipped - float(inside.mean())) / spread if spread > 1e-6 else np.zeros_like(clipped)
