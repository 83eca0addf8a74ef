"""What the tuned recipes do to every frame after segmentation. Ours, not any paper's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.repair.apex import drop_false_apex
from shortaxis.repair.atria import drop_atria
from shortaxis.repair.components import keep_heart


def repair_heart(labels: NDArray[np.uint8], scheme: LabelScheme) -> NDArray[np.uint8]:
    """One frame's labels [slice, row, col] with strays removed, holes closed, atria and a false apex dropped."""
    return drop_false_apex(drop_atria(keep_heart(labels, scheme), scheme), scheme)


def repair_cine_or_scar(labels: NDArray[np.uint8], scheme: LabelScheme) -> NDArray[np.uint8]:
    """`repair_heart` for cines; on late enhancement strays and holes alone, for its short stacks may end in mid-heart."""
    return keep_heart(labels, scheme) if scheme.has(Structure.INFARCT) else repair_heart(labels, scheme)
