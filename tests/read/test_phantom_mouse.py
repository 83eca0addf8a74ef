"""The mouse's phantom is a mouse: its size is the asked one, and its truth is counted here again from its labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import LEFT_VENTRICLE, Structure
from shortaxis.measure.case import measure_case
from shortaxis.read.phantom import Phantom
from shortaxis.read.phantom_mouse import MouseRecipe, make_mouse_phantom

SMALL = MouseRecipe(frames=4, rows=128, cols=128)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_mouse_phantom(SMALL)


def test_measured_from_its_labels_it_has_the_known_volumes_in_microlitres_and_the_known_mass_in_milligrams(
    phantom: Phantom,
) -> None:
    assert phantom.study.labels is not None
    measures = measure_case(phantom.study, phantom.study.labels.array, LEFT_VENTRICLE)
    lv = measures["lv"]
    assert lv["ef_percent"] == pytest.approx(60, abs=0.5)
    assert lv["edv_ul"] == pytest.approx(55, rel=0.03)
    assert lv["mass_mg"] == pytest.approx(88.1, rel=0.03)  # of the closed form: VF (R + 1)^2 6.4 mm - 55 ul, times 1.05
    assert lv["mass_mg"] == pytest.approx(1000 * phantom.truth.lv_mass_g)
    assert lv["edv_ul"] == pytest.approx(1000 * phantom.truth.lv.edv_ml)
    assert 0.9 < measures["wall"]["ed_mean_mm"] < 1.15
    assert measures["patient"]["heart_rate_bpm"] == pytest.approx(450)
    assert lv["co_ml_min"] == pytest.approx(lv["sv_ul"] * 450 / 1000)


@pytest.mark.parametrize("asked", [25, 45, 70])
def test_the_labels_have_the_asked_ejection_fraction(asked: int) -> None:
    truth = make_mouse_phantom(replace(SMALL, ef_percent=asked, frames=2)).truth
    assert truth.lv.ef_percent == pytest.approx(asked, abs=0.5)


def test_it_lies_on_the_papers_grid_and_says_whose_it_is(phantom: Phantom) -> None:
    study = phantom.study
    assert study.grid.spacing_mm == (0.8, 0.1307, 0.1307)
    assert np.diag(study.grid.affine)[:3] == pytest.approx([-0.1307, -0.1307, -0.8])
    assert study.facts.species == "mouse"
    assert study.facts.frame_time_ms == pytest.approx(60000 / 450 / 4)
    assert "never evidence" in study.notes[0].text


def test_only_the_left_ventricle_is_labelled(phantom: Phantom) -> None:
    assert phantom.study.labels is not None
    assert phantom.study.labels.scheme is LEFT_VENTRICLE
    assert set(np.unique(phantom.study.labels.array)) == {0, 1, 2}


def test_the_dark_band_takes_signal_from_the_free_wall_alone(phantom: Phantom) -> None:
    dark = make_mouse_phantom(replace(SMALL, dark_band=True, noise=0.0)).study
    plain = make_mouse_phantom(replace(SMALL, noise=0.0)).study
    assert dark.labels is not None and plain.labels is not None
    np.testing.assert_array_equal(dark.labels.array, plain.labels.array)
    lost = 1 - dark.image[0, 5] / np.maximum(plain.image[0, 5], 1)
    wall, cavity = (
        LEFT_VENTRICLE.mask(dark.labels.array[0, 5], s) for s in (Structure.MYOCARDIUM, Structure.LV_CAVITY)
    )
    assert lost[wall].max() > 0.6
    assert np.median(lost[cavity]) == 0
    centre = np.argwhere(cavity)[:, 1].mean()
    columns = np.broadcast_to(np.arange(128), wall.shape)
    assert lost[wall & (columns > centre + 12)].mean() > 5 * lost[wall & (columns < centre - 12)].mean()


@pytest.mark.parametrize(
    "change",
    [{"edv_ul": 140000.0}, {"wall_mm": 9.0}, {"pixel_mm": 1.5}, {"slice_mm": 8.0}, {"slices": 4}, {"rows": 40}],
)
def test_an_impossible_mouse_is_refused(change: dict) -> None:
    with pytest.raises(BadConfiguration):
        make_mouse_phantom(replace(SMALL, **change))
