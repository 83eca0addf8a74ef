"""How much of the myocardium is infarct and how much of it no-reflow, on late enhancement.

The labels part the myocardium: a voxel is healthy, infarct or no-reflow. The percentages are of the whole myocardium,
healthy and not, after the EMIDEC challenge; they need no spacing. Undefined is None with a reason; no infarct is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import LabelScheme, Structure
from shortaxis.measure.ventricles import NO_SPACING, Entry
from shortaxis.measure.volumes import MYOCARDIAL_DENSITY_G_ML

NO_MYOCARDIUM = "no myocardium was found"
DAMAGED = (Structure.INFARCT, Structure.NO_REFLOW)


def percent_of_myocardium(labels: NDArray[np.uint8], scheme: LabelScheme, structure: Structure) -> float | None:
    """Share of the myocardium in labels [slice, row, col] that is `structure`; None (`NO_MYOCARDIUM`) without any."""
    whole = int(np.count_nonzero(scheme.mask(labels, Structure.MYOCARDIUM)))
    return 100.0 * int(np.count_nonzero(scheme.mask(labels, structure))) / whole if whole else None


def infarct(labels: NDArray[np.uint8], scheme: LabelScheme, voxel_ml: float | None) -> dict[str, Entry]:
    """Measures of one stack with their reasons; nothing where `scheme` does not part the myocardium.

    Args:
        labels: [slice, row, col], numbers of `scheme`.
        voxel_ml: volume of a voxel, None where the spacing is unknown.

    Returns:
        For `infarct` and `no_reflow`: `..._volume_ml`, `..._mass_g` (times 1.05 g/ml), `..._percent` of the myocardium.
    """
    found: dict[str, Entry] = {}
    if not scheme.has(Structure.MYOCARDIUM):
        return found
    any_myocardium = bool(scheme.mask(labels, Structure.MYOCARDIUM).any())
    for structure in (part for part in DAMAGED if scheme.has(part)):
        volume_ml = None
        if any_myocardium and voxel_ml is not None:
            volume_ml = int(np.count_nonzero(scheme.mask(labels, structure))) * voxel_ml
        why = None if volume_ml is not None else NO_SPACING if any_myocardium else NO_MYOCARDIUM
        percent = percent_of_myocardium(labels, scheme, structure)
        found[f"{structure}_volume_ml"] = (volume_ml, why)
        found[f"{structure}_mass_g"] = (None if volume_ml is None else volume_ml * MYOCARDIAL_DENSITY_G_ML, why)
        found[f"{structure}_percent"] = (percent, NO_MYOCARDIUM if percent is None else None)
    return found
