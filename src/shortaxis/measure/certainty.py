"""How sure the network was of the heart it drew, as a figure to choose by which cases to look at first.

The mean probability of the chosen class over all pixels labelled as heart, of end diastole and end systole the lower.
Measured on the 20 held-out patients of fold 0 (`benchmarks/certainty.py`; `docs/benchmarks.md` has the figures): it goes
with the Dice of the worse frame, which the lowest slice's does not. LOW is chosen there too, for the embedded model: it is
no calibrated probability, and of another model it means another quality. So a model's card may say its own (`CARD_KEY`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.study import Note

LOW = 0.935
NOTE = Note(
    "SA-W116",
    "The network was less sure of this heart than of most on which it was judged. Look at the masks.",
)
KEY = "heart_probability"
CARD_KEY = "low_heart_probability"  # in a model's card: below it a heart is noted


def heart_probability(
    certainty: NDArray[np.floating], labels: NDArray[np.integer], frames: Sequence[int]
) -> float | None:
    """The lowest frame's mean probability over its heart pixels; None where no frame has any.

    Args:
        certainty: [frame, slice], the mean over a slice's heart pixels; NaN where there are none.
        labels: [frame, slice, row, col], 0 is background.
        frames: 0-based frames to look at.
    """
    means = []
    for frame in frames:
        count = np.count_nonzero(labels[frame], axis=(1, 2))
        if count.sum():
            means.append(float(np.nansum(certainty[frame] * count) / count.sum()))
    return min(means, default=None)


def certainty_in(
    measures: dict[str, Any], certainty: NDArray[np.floating], labels: NDArray[np.integer], low: float = LOW
) -> dict[str, Any]:
    """The measures with a section `certainty`: of ED and ES, of all frames where neither is known; a note below `low`.

    Shapes as in `heart_probability`.
    """
    phases = [measures["phases"][f"{phase}_index"] for phase in ("ed", "es")]
    known = [frame for frame in phases if frame is not None]
    found = heart_probability(certainty, labels, known or range(len(labels)))
    told = {**measures, "certainty": {KEY: found}}
    if found is None:
        return {**told, "reasons": {**measures["reasons"], f"certainty.{KEY}": "no heart was found"}}
    return {**told, "notes": [*measures["notes"], asdict(NOTE)]} if found < low else told
