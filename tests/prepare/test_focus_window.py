"""The two preparations: colours out of three planes, a grey scale for a patient, the box, and the focus on it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.errors import BadSpacing, LabelsMissing
from shortaxis.core.found import Found
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE
from shortaxis.core.place import Place
from shortaxis.prepare.biggest_box import biggest_box, restored_box
from shortaxis.prepare.crop import Crop
from shortaxis.prepare.focus import central_focus, focus_weights
from shortaxis.prepare.focus_crop import FocusCropConfig, cut_focus_crop, vary_focus_crop
from shortaxis.prepare.focus_window import (
    FocusWindowConfig,
    cut_focus,
    focus_examples,
    focus_steps,
    jittered,
    vary_focus,
)
from shortaxis.prepare.heart_box import box_of
from shortaxis.prepare.heart_crop import HeartCropConfig, cut_heart, heart_examples, vary_heart
from shortaxis.prepare.pseudo_colour import gauss_moments, gauss_normalise, pseudo_colours
from shortaxis.prepare.resample import Resample
from shortaxis.prepare.slice_window import SliceWindowConfig, cut_slices, slice_examples
from tests.lookalike.ring_study import ring_study

PLAIN = FocusWindowConfig(pixel_mm=2.0, focus=None, jitter_px=0.0)


# --- the focus --------------------------------------------------------------------------------------------------------
def test_the_focus_is_equation_5() -> None:
    centre, delta, alpha = (2.3, 4.1), 3.0, 0.8
    weights = focus_weights((6, 9), centre, delta, alpha)
    for a in range(6):
        for b in range(9):
            squared = (a - centre[0]) ** 2 + (b - centre[1]) ** 2
            assert weights[a, b] == pytest.approx(alpha * math.exp(-squared / delta**2), rel=1e-5)


def test_delta_is_a_share_of_half_the_windows_longer_side() -> None:
    weights = central_focus((5, 9), 1.0)
    assert weights[2, 4] == 1 and weights.argmax() == 2 * 9 + 4
    assert weights[2, 8] == pytest.approx(math.exp(-((4 / 4.5) ** 2)), rel=1e-5)


# --- colours and grey values ------------------------------------------------------------------------------------------
def test_a_stack_takes_its_colours_from_neighbouring_slices_and_repeats_the_edges() -> None:
    study = ring_study(n_frames=3, slices=3)
    found = dict(pseudo_colours(study, 1, lambda frame: study.image[frame].astype(np.float32)))
    np.testing.assert_array_equal(found[0], study.image[1, [0, 0, 1]])
    np.testing.assert_array_equal(found[1], study.image[1, [0, 1, 2]])
    np.testing.assert_array_equal(found[2], study.image[1, [1, 2, 2]])


def test_a_cine_of_one_slice_takes_them_from_neighbouring_frames() -> None:
    study = ring_study(n_frames=3, slices=1)
    for frame, expected in ((0, [0, 0, 1]), (1, [0, 1, 2]), (2, [1, 2, 2])):
        ((index, image),) = pseudo_colours(study, frame, lambda at: study.image[at].astype(np.float32))
        assert index == 0
        np.testing.assert_array_equal(image, study.image[expected, 0])


def test_frames_can_be_asked_for_in_a_stack_and_slices_in_one_slice() -> None:
    study = ring_study(n_frames=3, slices=2)
    stack = dict(pseudo_colours(study, 1, lambda at: study.image[at].astype(np.float32), "frames"))
    np.testing.assert_array_equal(stack[1], study.image[[0, 1, 2], 1])
    single = ring_study(n_frames=3, slices=1)
    ((_, image),) = pseudo_colours(single, 1, lambda at: single.image[at].astype(np.float32), "slices")
    np.testing.assert_array_equal(image, single.image[1, [0, 0, 0]])


def test_gauss_normalisation_is_of_the_patients_whole_image() -> None:
    study = ring_study(n_frames=3)
    mean, deviation = gauss_moments(study, lambda frame: study.image[frame])
    assert mean == pytest.approx(study.image.mean()) and deviation == pytest.approx(study.image.std())
    whole = np.stack([gauss_normalise(study.image[frame], (mean, deviation)) for frame in range(3)])
    assert whole.mean() == pytest.approx(0, abs=1e-5) and whole.std() == pytest.approx(1, abs=1e-5)
    assert not gauss_normalise(np.full((2, 2), 7), (7.0, 0.0)).any()


def test_a_long_cine_is_measured_on_frames_spread_over_it() -> None:
    study = ring_study(n_frames=70, slices=1, rows=30, cols=30)
    seen: list[int] = []

    def prepared(frame: int) -> np.ndarray:
        seen.append(frame)
        return study.image[frame]

    gauss_moments(study, prepared)
    assert len(seen) == 32 and seen[0] == 0 and max(np.diff(seen)) == 3


# --- whole slices -----------------------------------------------------------------------------------------------------
def test_the_first_preparation_keeps_the_slice_as_it_is() -> None:
    study = ring_study()
    samples = list(cut_slices(study, [1], SliceWindowConfig()))
    mean, deviation = study.image.mean(), study.image.std()
    np.testing.assert_allclose(samples[2].image[1], (study.image[1, 2] - mean) / deviation, rtol=1e-4, atol=1e-5)
    assert samples[2].image.shape == (3, 48, 44) and samples[2].place.slices == (2,)


def test_slices_nobody_drew_are_no_examples() -> None:
    study = ring_study(slices=4)
    assert study.labels is not None
    annotated = study.labels.annotated.copy()
    annotated[0, 1], annotated[1, 3, 0] = False, False
    partly = replace(study, labels=replace(study.labels, annotated=annotated))
    places = [(s.place.frame, s.place.slices[0]) for s in slice_examples(partly, ACDC, SliceWindowConfig())]
    assert places == [(0, 0), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2)]
    with pytest.raises(LabelsMissing):
        list(slice_examples(replace(study, labels=None), ACDC, SliceWindowConfig()))


# --- the box ----------------------------------------------------------------------------------------------------------
def test_the_window_is_the_box_and_ten_original_pixels_on_every_side() -> None:
    study = ring_study(rows=64, cols=64, spacing_mm=(8.0, 1.3, 1.3))
    _, crop, resample = focus_steps(study.grid, (20, 22, 39, 45), FocusWindowConfig())
    assert crop == Crop((64, 64), (10, 12), (40, 44))
    assert resample == Resample((40, 44), (80, 88))  # 1.3 mm in 0.65 mm


def test_pixels_become_square() -> None:
    study = ring_study(spacing_mm=(8.0, 1.3, 2.6))
    _, crop, resample = focus_steps(study.grid, (15, 15, 24, 24), FocusWindowConfig(extension_px=0))
    assert crop.size == (10, 10) and resample.target == (20, 40)


def test_a_box_too_large_for_memory_gets_larger_pixels() -> None:
    study = ring_study(rows=90, cols=90, spacing_mm=(8.0, 2.0, 2.0))
    _, _, resample = focus_steps(study.grid, (0, 0, 79, 39), FocusWindowConfig(extension_px=0, most_px=100))
    assert resample.target == (100, 50)


def test_an_unknown_pixel_size_is_scaled_by_the_located_heart_and_refused_without_one() -> None:
    study = ring_study(spacing_mm=None)
    config = FocusWindowConfig(extension_px=0, pixel_mm=1.0, typical_mm=100.0)
    _, _, resample = focus_steps(study.grid, (10, 10, 29, 19), config)
    assert resample.target == (100, 50)
    with pytest.raises(BadSpacing, match="--roi"):
        list(cut_focus(study, None, [0], config))


def test_the_window_is_normalised_once_more_over_the_focused_volume() -> None:
    study = ring_study()
    samples = [s for f in (0, 1) for s in cut_focus(study, (14, 10, 34, 34), [f], FocusWindowConfig(pixel_mm=2.0))]
    middles = np.stack([sample.image[1] for sample in samples])
    assert middles.mean() == pytest.approx(0, abs=1e-4) and middles.std() == pytest.approx(1, abs=1e-4)


def test_the_focus_darkens_the_raw_image_away_from_the_boxs_centre() -> None:
    study = ring_study()
    box = (14.0, 10.0, 34.0, 34.0)
    (sample, *_) = cut_focus(study, box, [0], FocusWindowConfig(pixel_mm=2.0))
    crop = study.image[0, 0, 4:45, :].astype(float)  # rows 14-10 to 34+10, columns 0 to 44 of which 44 lies outside
    raw = np.pad(crop, ((0, 0), (0, 1)))
    weights = focus_weights((41, 45), (20.0, 22.0), 22.5)
    darkened = raw * weights
    ratio = np.ptp(sample.image[1]) / np.ptp(darkened)
    np.testing.assert_allclose(sample.image[1] - sample.image[1].min(), ratio * darkened, atol=1e-3)


def test_examples_unvaried_are_what_prediction_sees() -> None:
    study = ring_study()
    assert study.labels is not None
    for config in (PLAIN, FocusWindowConfig(pixel_mm=2.0, jitter_px=0.0), FocusWindowConfig(jitter_px=0.0)):
        predicted = list(cut_focus(study, box_of(study.labels.array > 0), range(2), config))
        examples = [vary_focus(sample, None, config) for sample in focus_examples(study, ACDC, config)]
        assert len(examples) == len(predicted) == 8
        for one, other in zip(examples, predicted, strict=True):
            assert one.image.shape == other.image.shape
            tolerance = 1e-4 if config.pixel_mm == 2.0 else 0.3  # a resampling of other extent; edges of the ring
            assert np.abs(one.image - other.image).mean() < tolerance


def test_labels_turn_and_flip_with_the_image() -> None:
    study = ring_study()
    config = PLAIN.model_copy(update={"rotation_degrees": 0.0, "flip_chance": 1.0})
    sample = next(focus_examples(study, ACDC, config))
    plain, flipped = vary_focus(sample, None, config), vary_focus(sample, np.random.default_rng(0), config)
    np.testing.assert_allclose(flipped.image, plain.image[:, ::-1, ::-1], atol=1e-4)
    np.testing.assert_array_equal(flipped.fields["labels"].array, plain.fields["labels"].array[::-1, ::-1])
    turned = vary_focus(sample, np.random.default_rng(0), PLAIN)
    heart = np.asarray(turned.fields["labels"].array) == 3
    assert turned.image[1][heart].mean() > turned.image[1][~heart].mean() + 1


def test_the_box_is_of_the_schemes_own_structures() -> None:
    study = ring_study()
    both, left = (next(focus_examples(study, scheme, PLAIN)) for scheme in (ACDC, LEFT_VENTRICLE))
    assert both.image.shape[2] > left.image.shape[2] + 5  # the right ventricle lies beside the left


def test_a_reference_box_is_moved_once_per_study_within_the_jitter() -> None:
    box = (20.0, 20.0, 60.0, 70.0)
    moved = np.array([jittered(box, 5.0, f"case{n}") for n in range(40)])
    assert jittered(box, 5.0, "case7") == tuple(moved[7])
    away = np.abs(moved - np.array(box))
    assert away.max() <= 5 and (away.max(axis=0) >= 3).all() and len(np.unique(moved, axis=0)) > 30
    assert jittered(box, 0.0, "case7") == box


# --- the heart crop through the focus ---------------------------------------------------------------------------------
def test_the_heart_crop_is_seen_through_the_focus_in_training_and_prediction() -> None:
    study, crop = ring_study(), HeartCropConfig(size_px=32, pixel_mm=2.0, room_px=4)
    config, without = FocusCropConfig(crop=crop, focus=2.0), FocusCropConfig(crop=crop, focus=None)
    found = Found((0, 1), boxes=np.tile([14.0, 10.0, 34.0, 34.0], (2, 4, 1)))
    weights = central_focus((32, 32), 2.0)
    plain = next(cut_heart(study, found, [0], crop))
    np.testing.assert_allclose(next(cut_focus_crop(study, found, [0], config)).image, plain.image * weights)
    np.testing.assert_array_equal(next(cut_focus_crop(study, found, [0], without)).image, plain.image)
    example = next(heart_examples(study, ACDC, crop))
    varied = vary_heart(example, np.random.default_rng(1), crop)
    focused = vary_focus_crop(example, np.random.default_rng(1), config)
    np.testing.assert_allclose(focused.image, varied.image * weights)


# --- one box for a patient --------------------------------------------------------------------------------------------
def test_the_biggest_box_holds_every_slices_box() -> None:
    boxes = np.array([[10, 12, 30, 28], [12, 9, 26, 31], [15, 15, 20, 20.0]])
    np.testing.assert_array_equal(biggest_box(boxes, "kept"), [10, 9, 30, 31])


def test_a_stray_far_from_the_others_can_be_dropped() -> None:
    boxes = np.array([[10, 12, 30, 28], [12, 9, 26, 31], [15, 15, 20, 20], [70, 3, 74, 9.0]])
    np.testing.assert_array_equal(biggest_box(boxes, "kept"), [10, 3, 74, 31])
    np.testing.assert_array_equal(biggest_box(boxes, "dropped"), [10, 9, 30, 31])


def test_a_coarse_pixel_covers_all_of_the_studys_pixels_under_it() -> None:
    place = Place(0, (0,), (Resample((40, 40), (10, 10)),))
    np.testing.assert_allclose(restored_box(place, np.array([[2.0, 3.0], [4.0, 3.0]])), [8, 12, 19, 15])
