"""How far a measured volume is from the reference's: signed error in millilitres, and differences in percent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shortaxis.measure.accept import check_same_shape

Mask = NDArray[np.bool_]
NO_SPACING = "the voxel spacing is unknown"
NO_WHOLE = "the reference volume to relate to is zero"


def volume_error_ml(prediction: Mask, reference: Mask, spacing_mm: Sequence[float] | None) -> float | None:
    """Volume of the prediction minus that of the reference in ml; None (`NO_SPACING`) where the spacing is unknown.

    Empty masks have volume 0: a missed structure errs by minus its volume. Raises GridMismatch.
    """
    check_same_shape(prediction, reference)
    if spacing_mm is None:
        return None
    voxels = int(np.count_nonzero(prediction)) - int(np.count_nonzero(reference))
    return voxels * float(np.prod(spacing_mm)) / 1000.0


def relative_volume_error_percent(prediction: Mask, reference: Mask) -> float | None:
    """Volume error in percent of the reference's own volume, signed; None (`NO_WHOLE`) for an empty reference.

    A ratio of voxel counts: it needs no spacing. Raises GridMismatch.
    """
    check_same_shape(prediction, reference)
    theirs = int(np.count_nonzero(reference))
    return 100.0 * (int(np.count_nonzero(prediction)) - theirs) / theirs if theirs else None


def percentage_difference(predicted: float, reference: float, whole: float) -> float | None:
    """PD in percent: |predicted - reference| / whole, the three in one unit; None (`NO_WHOLE`) if the whole is 0.

    EMIDEC's and the uncertainty paper's PD of infarct and no-reflow: `whole` is the reference myocardium with all its
    parts, so that a case without infarct has a PD too.
    """
    return 100.0 * abs(predicted - reference) / whole if whole else None
