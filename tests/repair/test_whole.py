"""Which repair a scan gets."""

from __future__ import annotations

import numpy as np

from shortaxis.core.labels import ACDC, EMIDEC
from shortaxis.repair.components import keep_heart
from shortaxis.repair.whole import repair_cine_or_scar, repair_heart
from tests.lookalike.ring_study import ring_labels


def test_a_cine_is_repaired_whole_and_late_enhancement_by_components_alone() -> None:
    cine = ring_labels(1, 6, 48, 44, (24.0, 25.0))[0]
    cine[-1] = 0
    cine[-1, 5:40, 5:40] = ACDC.code_of(ACDC.structures[-1])  # a cavity that widens at the end of the stack
    np.testing.assert_array_equal(repair_cine_or_scar(cine, ACDC), repair_heart(cine, ACDC))
    scar = np.where(cine == 3, 1, np.where(cine == 2, 3, 0)).astype(np.uint8)
    np.testing.assert_array_equal(repair_cine_or_scar(scar, EMIDEC), keep_heart(scar, EMIDEC))
    assert not np.array_equal(repair_heart(cine, ACDC), cine)
