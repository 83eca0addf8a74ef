"""Where the myocardium alone is labelled, the cavity is what it encloses."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, LEFT_VENTRICLE, MYOCARDIUM_ALONE, Structure
from shortaxis.measure.case import measure_case
from shortaxis.measure.enclosed import ENCLOSED, with_enclosed_cavity
from shortaxis.read.phantom_mouse import MouseRecipe, make_mouse_phantom


def rings() -> np.ndarray:
    """Two frames, two slices: a square ring of 5 x 5 with nothing in it; open in the second frame's second slice."""
    labels = np.zeros((2, 2, 9, 9), np.uint8)
    labels[:, :, 2:7, 2:7] = 1
    labels[:, :, 3:6, 3:6] = 0
    labels[1, 1, 2, 4] = 0
    return labels


def test_the_hole_of_a_closed_ring_is_cavity_and_an_open_ring_has_none() -> None:
    labels, scheme, notes = with_enclosed_cavity(rings(), MYOCARDIUM_ALONE)
    assert (scheme, notes) == (LEFT_VENTRICLE, (ENCLOSED,))
    cavity = scheme.mask(labels, Structure.LV_CAVITY)
    assert cavity.sum(axis=(2, 3)).tolist() == [[9, 9], [9, 0]]
    np.testing.assert_array_equal(scheme.mask(labels, Structure.MYOCARDIUM), rings() == 1)


def test_labels_that_tell_a_cavity_stay_as_they_are() -> None:
    labels = rings()
    assert with_enclosed_cavity(labels, ACDC) == (labels, ACDC, ())


def test_a_phantoms_ejection_fraction_is_found_from_its_myocardium_alone() -> None:
    phantom = make_mouse_phantom(MouseRecipe(frames=2, rows=128, cols=128))
    assert phantom.study.labels is not None
    wall = LEFT_VENTRICLE.translate(phantom.study.labels.array, MYOCARDIUM_ALONE)
    measures = measure_case(phantom.study, wall, MYOCARDIUM_ALONE)
    assert measures["lv"]["ef_percent"] == pytest.approx(phantom.truth.lv.ef_percent)
    assert measures["lv"]["edv_ul"] == pytest.approx(1000 * phantom.truth.lv.edv_ml)
    assert measures["lv"]["mass_mg"] == pytest.approx(1000 * phantom.truth.lv_mass_g)
    assert "SA-W121" in {note["code"] for note in measures["notes"]}
