"""Body size, and the published ranges of healthy adults that could be verified.

Ranges: Petersen et al. 2017, J Cardiovasc Magn Reson 19:18 (UK Biobank, 804 healthy Caucasians of 45 to 74 years, SSFP
cine at 1.5 T, papillary muscles counted to the cavity). Only the means and standard deviations of the paper's abstract
are used, as mean ± 1.96 SD; its tables for volumes are not repeated here, so those measures have no range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shortaxis.core.study import Facts

SOURCE = "Petersen et al. 2017, J Cardiovasc Magn Reson 19:18; healthy Caucasians of 45 to 74 years; mean ± 1.96 SD"
NO_RANGE = "no range of this measure could be verified against its publication"


@dataclass(frozen=True)
class NormalRange:
    """A range that holds 95 % of a healthy population, from its mean and standard deviation."""

    mean: float
    sd: float

    @property
    def low(self) -> float:
        return self.mean - 1.96 * self.sd

    @property
    def high(self) -> float:
        return self.mean + 1.96 * self.sd


_RANGES: Mapping[str, Mapping[str, NormalRange]] = {
    "female": {"lv.ef_percent": NormalRange(61, 5), "lv.mass_index_g_m2": NormalRange(42, 7)},
    "male": {"lv.ef_percent": NormalRange(58, 5), "lv.mass_index_g_m2": NormalRange(53, 9)},
}


def body_surface_area_m2(height_cm: float | None, weight_kg: float | None) -> float | None:
    """Body surface area by Mosteller 1987 (N Engl J Med 317:1098), sqrt(cm * kg / 3600); None if either is unknown."""
    if height_cm is None or weight_kg is None:
        return None
    return math.sqrt(height_cm * weight_kg / 3600.0)


def normal_ranges(facts: Facts) -> dict[str, dict[str, Any]]:
    """Ranges by dotted key as {low, high, source}; empty for a mouse and where the sex is unknown."""
    if facts.species == "mouse" or facts.sex is None:
        return {}
    return {key: {"low": r.low, "high": r.high, "source": SOURCE} for key, r in _RANGES[facts.sex].items()}
