"""FOANet's second preparation (Zhao et al., ICPR 2020, section III-B): the focused box.

The box, square pixels of fixed size, the Gaussian focus at its centre, a grey scale for the patient, three planes as
colours. Windows are as large as each patient's box, so a training batch holds one sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from shortaxis.core.errors import BadSpacing
from shortaxis.core.labels import LabelScheme
from shortaxis.core.place import Step
from shortaxis.core.recipe import Settings
from shortaxis.core.sample import Sample
from shortaxis.core.study import Grid, Study
from shortaxis.prepare.augment import Variation, vary_geometry
from shortaxis.prepare.crop import Crop, crop_around
from shortaxis.prepare.focus import focus_weights
from shortaxis.prepare.heart_box import Box, box_centre, box_of
from shortaxis.prepare.heart_crop import TYPICAL_HEART_MM, through
from shortaxis.prepare.orient import Orient, orient_to_display
from shortaxis.prepare.pseudo_colour import FloatPlanes, Moments, Successive, gauss_moments, gauss_normalise
from shortaxis.prepare.resample import Resample
from shortaxis.prepare.slice_window import drawn_labels, labelled, slice_samples


class FocusWindowConfig(Settings):
    """The second preparation."""

    extension_px: float = 10.0  # fig. 8a: original pixels added on every side of the box
    pixel_mm: float = 0.65  # III-B, step 2
    most_px: int = 384  # ours: a box the size of the image gets larger pixels rather than all of the memory
    focus: Focus = 1.0  # delta of eq. 5, unstated; ours: half of the window's longer side; None: no FOA
