"""Infarct and no-reflow: volume, mass and share of the myocardium, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, EMIDEC, Structure
from shortaxis.core.study import Facts, Grid, Origin, Study
from shortaxis.measure.case import measure_case
from shortaxis.measure.infarct import NO_MYOCARDIUM, infarct, percent_of_myocardium
from shortaxis.measure.ventricles import NO_SPACING

# ten voxels of myocardium: six healthy, three infarct, one no-reflow; two of cavity
LABELS = np.array([[[1, 1, 2, 2, 2, 2], [2, 2, 3, 3, 3, 4]]], np.uint8)


def test_volumes_masses_and_shares() -> None:
    found = infarct(LABELS, EMIDEC, voxel_ml=0.02)
    assert found["infarct_volume_ml"] == (pytest.approx(0.06), None)
    assert found["infarct_mass_g"] == (pytest.approx(0.06 * 1.05), None)
    assert found["infarct_percent"] == (pytest.approx(30.0), None)  # of all ten, not of the seven healthy and no-reflow
    assert found["no_reflow_volume_ml"] == (pytest.approx(0.02), None)
    assert found["no_reflow_percent"] == (pytest.approx(10.0), None)


def test_without_spacing_the_shares_stay() -> None:
    found = infarct(LABELS, EMIDEC, voxel_ml=None)
    assert found["infarct_volume_ml"] == found["infarct_mass_g"] == (None, NO_SPACING)
    assert found["infarct_percent"] == (pytest.approx(30.0), None)


def test_a_healthy_heart_has_an_infarct_of_zero() -> None:
    found = infarct(np.where(LABELS > 2, 2, LABELS).astype(np.uint8), EMIDEC, voxel_ml=0.02)
    assert found["infarct_volume_ml"] == (0.0, None) and found["infarct_percent"] == (0.0, None)


def test_where_no_myocardium_was_found_nothing_is_said_of_it() -> None:
    nothing = np.zeros_like(LABELS)
    assert set(infarct(nothing, EMIDEC, voxel_ml=0.02).values()) == {(None, NO_MYOCARDIUM)}
    assert percent_of_myocardium(nothing, EMIDEC, Structure.INFARCT) is None


def test_a_scheme_that_does_not_part_the_myocardium_has_no_infarct() -> None:
    assert infarct(LABELS, ACDC, voxel_ml=0.02) == {}


@pytest.mark.parametrize("spacing_mm", [(10.0, 1.5, 1.5), None])
def test_a_late_enhancement_case_ends_with_its_infarct(spacing_mm: tuple[float, float, float] | None) -> None:
    grid = Grid((1, 2, 6), np.eye(4), spacing_mm)
    study = Study("scar", np.zeros((1, 1, 2, 6)), grid, (Origin("scar", (0,), False),), Facts(modality="lge"))
    measures = measure_case(study, LABELS[None], EMIDEC)
    assert measures["infarct"]["infarct_percent"] == pytest.approx(30.0)
    if spacing_mm is None:
        assert measures["infarct"]["infarct_volume_ml"] is None
        assert measures["reasons"]["infarct.infarct_volume_ml"] == NO_SPACING
    else:
        assert measures["infarct"]["infarct_volume_ml"] == pytest.approx(3 * 0.0225)
    assert "infarct" not in measure_case(study, np.minimum(LABELS[None], 3), ACDC)
