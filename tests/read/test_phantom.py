"""The phantom is what it says it is: its truth is counted here again, from its labels."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import ACDC, Structure
from shortaxis.read.phantom import Phantom, PhantomRecipe, contraction_curve, make_phantom

SMALL = PhantomRecipe(frames=6, slices=5, rows=96, cols=96)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom(replace(SMALL, slices=9))


def mask(phantom: Phantom, structure: Structure) -> np.ndarray:
    assert phantom.study.labels is not None
    return ACDC.mask(phantom.study.labels.array, structure)


def volume_ml(phantom: Phantom, structure: Structure, frame: int) -> float:
    slice_mm, row_mm, col_mm = phantom.study.grid.spacing_mm or (0, 0, 0)
    return mask(phantom, structure)[frame].sum() * slice_mm * row_mm * col_mm / 1000


def ef_percent(phantom: Phantom, structure: Structure) -> float:
    ed, es = (volume_ml(phantom, structure, f) for f in (phantom.truth.ed_index, phantom.truth.es_index))
    return 100 * (ed - es) / ed


@pytest.mark.parametrize("asked", [15, 25, 45, 60, 75])
def test_the_labels_have_the_asked_ejection_fraction_and_the_closed_form_agrees_within_a_point(asked: int) -> None:
    phantom = make_phantom(replace(SMALL, ef_percent=asked, slices=9, frames=2))
    counted = ef_percent(phantom, Structure.LV_CAVITY)
    assert counted == pytest.approx(asked, abs=0.5)
    assert phantom.truth.lv.ef_percent == pytest.approx(counted, abs=1e-9)
    assert phantom.truth.continuous_lv.ef_percent == pytest.approx(counted, abs=1.0)


def test_the_right_ventricle_ejects_what_the_left_does_unless_asked_otherwise(phantom: Phantom) -> None:
    truth = phantom.truth
    assert truth.rv.edv_ml - truth.rv.esv_ml == pytest.approx(truth.lv.edv_ml - truth.lv.esv_ml, rel=0.05)
    other = make_phantom(replace(SMALL, rv_ef_percent=35, frames=2))
    assert ef_percent(other, Structure.RV_CAVITY) == pytest.approx(35, abs=0.5)


def test_the_end_diastolic_volume_is_the_asked_one() -> None:
    phantom = make_phantom(replace(SMALL, edv_ml=110, frames=2))
    assert volume_ml(phantom, Structure.LV_CAVITY, 0) == pytest.approx(110, rel=0.03)


def test_muscle_is_kept_through_the_cycle(phantom: Phantom) -> None:
    masses = [1.05 * volume_ml(phantom, Structure.MYOCARDIUM, frame) for frame in range(6)]
    es = masses[phantom.truth.es_index]
    assert masses[0] == phantom.truth.lv_mass_g
    assert masses[0] == pytest.approx(phantom.truth.continuous_lv_mass_g, rel=0.03)
    assert es == pytest.approx(masses[0], rel=0.03)
    # between, the valve plane stands inside a slice that counts wholly or not at all: half a slice of muscle
    assert max(masses) / min(masses) < 1.16


def test_the_cavity_is_largest_at_end_diastole_and_smallest_at_end_systole(phantom: Phantom) -> None:
    volumes = [volume_ml(phantom, Structure.LV_CAVITY, frame) for frame in range(6)]
    assert int(np.argmax(volumes)) == phantom.study.facts.ed_index == 0
    assert int(np.argmin(volumes)) == phantom.study.facts.es_index == 2


def test_every_cavity_pixel_borders_only_on_cavity_or_muscle(phantom: Phantom) -> None:
    cavity, muscle = mask(phantom, Structure.LV_CAVITY), mask(phantom, Structure.MYOCARDIUM)
    for frame in range(6):
        for k in range(9):
            grown = binary_dilation(cavity[frame, k])
            assert not (grown & ~cavity[frame, k] & ~muscle[frame, k]).any()


def test_the_wall_thickens_and_the_base_descends(phantom: Phantom) -> None:
    muscle = mask(phantom, Structure.MYOCARDIUM)
    assert muscle[2, 4].sum() > 1.1 * muscle[0, 4].sum()
    slices_with_muscle = muscle.any(axis=(2, 3)).sum(axis=1)
    assert slices_with_muscle[2] == slices_with_muscle[0] - 1


def test_the_right_ventricle_lies_on_the_image_left_and_on_the_patients_right(phantom: Phantom) -> None:
    columns = [np.argwhere(mask(phantom, s)[0, 3])[:, 1].mean() for s in (Structure.RV_CAVITY, Structure.LV_CAVITY)]
    assert columns[0] < columns[1] - 10
    assert phantom.study.grid.affine[0, 0] < 0  # RAS+: x falls towards the patient's left


def test_areas_shrink_from_base_to_apex(phantom: Phantom) -> None:
    for structure in (Structure.RV_CAVITY, Structure.LV_CAVITY):
        areas = mask(phantom, structure)[0].sum(axis=(1, 2))
        assert areas[1] > areas[5] > areas[7]


def test_signal_follows_tissue_and_papillary_muscle_belongs_to_the_cavity(phantom: Phantom) -> None:
    image, cavity = phantom.study.image[0, 4].astype(float), mask(phantom, Structure.LV_CAVITY)[0, 4]
    blood, muscle = np.median(image[cavity]), np.median(image[mask(phantom, Structure.MYOCARDIUM)[0, 4]])
    assert 0.3 < muscle / blood < 0.55
    assert (image[cavity] < 1.3 * muscle).mean() > 0.02


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (make_phantom(replace(SMALL, seed=seed, frames=2)) for seed in (3, 3, 4))
    assert first.study.image.tobytes() == again.study.image.tobytes()
    assert first.study.sha256 == again.study.sha256 != other.study.sha256


@pytest.mark.parametrize("seed", [0, 1])
def test_recorded_shifts_are_those_of_the_labels_centroids(seed: int) -> None:
    moved = make_phantom(replace(SMALL, breath_hold_shift_mm=5, seed=seed, frames=2))
    still = make_phantom(replace(SMALL, breath_hold_shift_mm=0, seed=seed, frames=2))
    assert np.abs(moved.truth.shifts_mm).max() <= 5
    assert not still.truth.shifts_mm.any()
    for k in range(4):
        centroids = [np.argwhere(mask(p, Structure.LV_CAVITY)[0, k]).mean(axis=0) for p in (moved, still)]
        origins = [p.truth.centres_px[k] for p in (moved, still)]
        measured = (centroids[0] - origins[0]) - (centroids[1] - origins[1])
        assert measured == pytest.approx(moved.truth.shifts_px[k], abs=0.25)
    assert moved.truth.shifts_px == pytest.approx(moved.truth.shifts_mm / 1.5625)


def test_contraction_begins_at_zero_peaks_at_end_systole_and_is_smooth() -> None:
    curve = contraction_curve(30, 11)
    assert curve[0] == 0 and curve[11] == pytest.approx(1) and int(np.argmax(curve)) == 11
    assert np.abs(np.diff(curve)).max() < 0.2


@pytest.mark.parametrize(
    "change",
    [
        {"ef_percent": 95},
        {"ef_percent": -5},
        {"ef_percent": float("nan")},
        {"rv_ef_percent": 100},
        {"slices": 5, "slice_mm": 5.0},
        {"rows": 40},
        {"edv_ml": 0},
        {"edv_ml": 5000},
        {"wall_mm": 100},
        {"wall_mm": float("inf")},
        {"pixel_mm": 8},
        {"noise": float("nan")},
        {"seed": -1},
        {"frames": 1},
        {"breath_hold_shift_mm": -1},
    ],
)
def test_an_impossible_heart_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(BadConfiguration):
        make_phantom(replace(SMALL, **change))


def test_the_study_says_that_it_is_a_phantom_and_is_whole(phantom: Phantom) -> None:
    study = phantom.study
    assert "never evidence" in study.notes[0].text
    assert study.image.shape == (6, 9, 96, 96) and study.grid.shape == (9, 96, 96)
    assert study.labels is not None and study.labels.annotated.all()
    assert study.facts.frame_time_ms == pytest.approx(60000 / 65 / 6)
    assert [frame for origin in study.origins for frame in origin.frames] == list(range(6))


@pytest.mark.parametrize(
    ("recipe", "labels_sha256", "image_sum", "image_square_sum"),
    [
        (SMALL, "ed7ae4a8c399fa13", 19930185, 2629810531),
        (replace(SMALL, ef_percent=25, seed=3, slices=9, frames=2), "52b298b9723a90ac", 11757523, 1566109659),
    ],
)
def test_the_human_phantom_is_frozen(
    recipe: PhantomRecipe, labels_sha256: str, image_sum: int, image_square_sum: int
) -> None:
    """Figures were made from it. Labels hold to the bit, grey values to what another processor's sine may round away."""
    study = make_phantom(recipe).study
    assert study.labels is not None
    assert hashlib.sha256(study.labels.array.tobytes()).hexdigest()[:16] == labels_sha256
    image = study.image.astype(np.int64)
    assert image.sum() == pytest.approx(image_sum, rel=1e-7)
    assert (image**2).sum() == pytest.approx(image_square_sum, rel=1e-7)
