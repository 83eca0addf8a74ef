"""What labels must be before anything is measured on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import GridMismatch, UnknownLabel
from shortaxis.core.labels import LabelScheme


def check_same_shape(prediction: NDArray[np.generic], reference: NDArray[np.generic]) -> None:
    """Raise GridMismatch unless the two arrays have one shape."""
    if prediction.shape != reference.shape:
        raise GridMismatch(
            f"labels of the reference's shape {reference.shape}",
            f"{prediction.shape}",
            "restore the prediction to the study's own grid first",
        )


def check_labels(labels: NDArray[np.uint8], image: NDArray[np.generic], scheme: LabelScheme) -> None:
    """Raise GridMismatch unless labels [frame, slice, row, col] lie on the image, UnknownLabel on a stranger's number."""
    check_same_shape(labels, image)
    used = sum(np.bincount(frame.ravel(), minlength=256) for frame in labels)  # by frame: it counts in 64 bits
    strangers = set(np.flatnonzero(used).tolist()) - {0, *scheme.codes}
    if strangers:
        raise UnknownLabel(
            f"0 and the numbers of the scheme {scheme.name}: {', '.join(map(str, scheme.codes))}",
            f"{', '.join(map(str, sorted(strangers)))}",
            "name the scheme that the labels were drawn in",
        )
