"""Grey values, neighbours, boxes and the heart's crop, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.errors import BadSpacing, LabelsMissing
from shortaxis.core.found import Found
from shortaxis.core.labels import ACDC, MNMS, Labels
from shortaxis.core.study import Study
from shortaxis.prepare.crop import Crop
from shortaxis.prepare.heart_box import box_centre, box_of, overall_box, reference_box
from shortaxis.prepare.heart_crop import (
    TYPICAL_HEART_MM,
    HeartCropConfig,
    cut_heart,
    heart_examples,
    heart_steps,
    vary_heart,
)
from shortaxis.prepare.intensity import standardise, standardise_stack
from shortaxis.prepare.neighbours import neighbour_indices, with_neighbours
from shortaxis.prepare.resample import Resample
from tests.lookalike.ring_study import GREY, ring_study

CONFIG = HeartCropConfig(size_px=40, pixel_mm=2.0, room_px=6)


# --- grey values ------------------------------------------------------------------------------------------------------
def test_each_plane_comes_to_mean_zero_and_deviation_one_by_itself() -> None:
    planes = np.array([[[0, 2], [4, 6]], [[100, 100], [300, 300]]], np.int16)
    scaled = standardise(planes, clip_percent=0)
    np.testing.assert_allclose(scaled[0], (planes[0] - 3) / 5**0.5, rtol=1e-6)
    np.testing.assert_allclose(scaled[1], [[-1, -1], [1, 1]])
    assert scaled.dtype == np.float32


def test_one_bright_vessel_does_not_darken_the_heart() -> None:
    plane = np.random.default_rng(0).normal(100, 10, (64, 64))
    bright = plane.copy()
    bright[3, 5] = 1e5
    np.testing.assert_allclose(standardise(bright), standardise(plane), atol=0.1 + 3)
    assert abs(np.delete(standardise(bright), 3 * 64 + 5) - np.delete(standardise(plane), 3 * 64 + 5)).max() < 0.1


def test_a_plane_without_contrast_becomes_zeros() -> None:
    np.testing.assert_array_equal(standardise(np.full((2, 4, 4), 7)), 0)


def test_scale_and_offset_of_the_scanner_do_not_matter() -> None:
    plane = np.random.default_rng(1).normal(size=(1, 30, 30)).astype(np.float32)
    np.testing.assert_allclose(standardise(plane * 300 + 1000), standardise(plane), atol=1e-3)


# --- neighbours -------------------------------------------------------------------------------------------------------
def test_the_edges_are_their_own_neighbours() -> None:
    assert neighbour_indices(0, 3, 1) == (0, 0, 1)
    assert neighbour_indices(2, 3, 1) == (1, 2, 2)
    assert neighbour_indices(1, 3, 2) == (0, 0, 1, 2, 2)
    assert neighbour_indices(0, 1, 2) == (0, 0, 0, 0, 0)
    assert neighbour_indices(4, 9, 0) == (4,)


def test_neighbours_become_channels_around_the_slice() -> None:
    stack = np.arange(4)[:, None, None] * np.ones((4, 2, 2))
    np.testing.assert_array_equal(with_neighbours(stack, 3, 1)[:, 0, 0], [2, 3, 3])


# --- boxes ------------------------------------------------------------------------------------------------------------
def test_a_box_holds_the_first_and_last_pixels_of_all_planes() -> None:
    mask = np.zeros((2, 3, 10, 12), bool)
    mask[0, 1, 4, 7] = mask[1, 2, 6, 3] = True
    assert box_of(mask) == (4, 3, 6, 7)
    assert box_of(np.zeros((10, 12), bool)) is None
    assert box_centre((4, 3, 6, 8)) == (5, 5.5)


def test_nothing_drawn_has_no_box() -> None:
    assert reference_box(Labels.complete(np.zeros((1, 2, 5, 5), np.uint8), ACDC)) is None


def test_two_slices_gone_astray_do_not_move_the_overall_box() -> None:
    boxes = np.tile(np.array([10.0, 12, 50, 48]), (3, 3, 1))
    boxes[0, 0], boxes[2, 1] = [0, 0, 1, 1], [90, 90, 99, 99]
    assert overall_box(boxes) == (10, 12, 50, 48)


# --- the heart's crop -------------------------------------------------------------------------------------------------
def located(study: Study, box: tuple[float, float, float, float]) -> Found:
    boxes = np.tile(np.array(box), (study.n_frames, study.grid.shape[0], 1))
    return Found(tuple(range(study.n_frames)), boxes=boxes)


def parts(
    study: Study, box: tuple[float, float, float, float] | None, config: HeartCropConfig
) -> tuple[Resample, Crop]:
    _, resample, crop = heart_steps(study.grid, box, config, config.size_px)
    assert isinstance(resample, Resample) and isinstance(crop, Crop)
    return resample, crop


def test_the_crop_lies_around_the_box_at_the_pixel_size_asked_for() -> None:
    study = ring_study(rows=100, cols=80, spacing_mm=(8.0, 1.0, 1.0))
    resample, crop = parts(study, (40, 30, 59, 49), CONFIG)
    assert resample == Resample((100, 80), (50, 40))
    # the middle (49.5, 39.5) of pixels of 1 mm is (24.5, 19.5) in pixels of 2 mm; 40 of them begin 19.5 earlier
    assert crop == Crop((50, 40), (5, 0), (40, 40))


def test_without_a_box_the_middle_of_the_image_is_taken() -> None:
    study = ring_study(rows=101, cols=81, spacing_mm=(8.0, 2.0, 2.0))
    _, crop = parts(study, None, replace_size(41))
    assert crop.origin == (50 - 20, 40 - 20)


def replace_size(size: int) -> HeartCropConfig:
    return CONFIG.model_copy(update={"size_px": size})


def test_a_large_heart_gets_larger_pixels_so_that_it_fits() -> None:
    study = ring_study(rows=200, cols=200, spacing_mm=(8.0, 1.0, 1.0))
    resample, _ = parts(study, (20, 20, 139, 99), CONFIG)  # 120 mm in 0.77 of 40 pixels: 3.896 mm
    assert resample.target == (round(200 / (120 / (0.77 * 40))),) * 2 == (51, 51)
    resample, _ = parts(study, (20, 20, 69, 69), CONFIG)  # 50 mm would fit at 1.62 mm: 2 mm stay
    assert resample.target == (100, 100)


def test_an_oblong_pixel_counts_in_millimetres() -> None:
    study = ring_study(rows=100, cols=200, spacing_mm=(8.0, 2.0, 1.0))
    resample, _ = parts(study, (0, 0, 9, 119), CONFIG)  # 20 mm by 120 mm
    assert resample.target == (round(200 / 3.8961), round(200 / 3.8961))


def test_an_unknown_spacing_is_scaled_by_the_heart() -> None:
    study = ring_study(rows=100, cols=100, spacing_mm=None)
    resample, _ = parts(study, (20, 30, 69, 69), CONFIG)  # 50 pixels stand for a typical heart
    pixel_mm = TYPICAL_HEART_MM / 50
    assert resample.target == (round(100 * pixel_mm / (TYPICAL_HEART_MM / (0.77 * 40))),) * 2


def test_an_unknown_spacing_without_a_box_is_refused_with_a_way_out() -> None:
    with pytest.raises(BadSpacing, match="--roi"):
        list(cut_heart(ring_study(spacing_mm=None), None, [0], CONFIG))


def test_prediction_gets_one_sample_per_frame_and_slice_in_order() -> None:
    study = ring_study(n_frames=3, slices=2)
    samples = list(cut_heart(study, located(study, (10, 10, 40, 36)), [2, 0], CONFIG))
    assert [(s.place.frame, s.place.slices) for s in samples] == [(2, (0,)), (2, (1,)), (0, (0,)), (0, (1,))]
    for sample in samples:
        assert sample.image.shape == (3, 40, 40) and sample.image.dtype == np.float32


def test_training_and_prediction_see_the_same_heart() -> None:
    """The plain example at the network's size is the sample of prediction, given the reference box."""
    study = ring_study(rows=64, cols=60, centre=(30.0, 32.0))
    box = reference_box(study.labels) if study.labels else None
    assert box is not None
    ours = [vary_heart(sample, None, CONFIG) for sample in heart_examples(study, ACDC, CONFIG)]
    theirs = list(cut_heart(study, located(study, box), [0, 1], CONFIG))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.image, other.image, atol=2e-3)


def test_labels_of_an_example_lie_on_its_heart() -> None:
    study = ring_study()
    for sample in heart_examples(study, ACDC, CONFIG):
        drawn = sample.fields["labels"].array
        assert drawn.dtype == np.uint8 and drawn.shape == (52, 52) == sample.image.shape[1:]
        means = [sample.image[1][np.equal(drawn, code)].mean() for code in (1, 2, 3)]
        np.testing.assert_allclose(means, GREY[1:], atol=12)


def test_labels_come_in_the_numbers_of_the_scheme_asked_for() -> None:
    ours, theirs = (next(iter(heart_examples(ring_study(), s, CONFIG))).fields["labels"].array for s in (ACDC, MNMS))
    np.testing.assert_array_equal(theirs, np.array([0, 3, 2, 1])[ours])


def test_what_nobody_annotated_is_no_example() -> None:
    study = ring_study(n_frames=3)
    assert study.labels is not None
    annotated = study.labels.annotated.copy()
    annotated[1] = False
    annotated[2, 3, 0] = False  # one structure of the last slice
    partly = replace(study, labels=replace(study.labels, annotated=annotated))
    places = [(s.place.frame, s.place.slices[0]) for s in heart_examples(partly, ACDC, CONFIG)]
    assert places == [(0, 0), (0, 1), (0, 2), (0, 3), (2, 0), (2, 1), (2, 2)]


def test_a_slice_drawn_empty_is_an_example_of_where_the_heart_ends() -> None:
    study = ring_study(n_frames=1)
    assert study.labels is not None
    study.labels.array[0, 3] = 0
    assert len(list(heart_examples(study, ACDC, CONFIG))) == 4


def test_a_study_without_labels_is_refused() -> None:
    with pytest.raises(LabelsMissing):
        list(heart_examples(replace(ring_study(), labels=None), ACDC, CONFIG))


def test_a_stack_on_one_scale_keeps_a_dark_slice_dark() -> None:
    stack = np.repeat([[[0.0], [4.0]], [[0.0], [1.0]]], 8, axis=2)
    scaled = standardise_stack(stack, stack[:1], clip_percent=0.0)  # the first slice: mean 2, deviation 2
    np.testing.assert_allclose(scaled[:, :, 0], [[-1, 1], [-1, -0.5]])


def test_a_stack_without_contrast_in_its_window_is_zeros() -> None:
    assert not standardise_stack(np.ones((2, 3, 3)), np.ones((2, 3, 3))).any()


def test_grey_values_by_stack_are_the_same_in_prediction_and_in_plain_training_samples() -> None:
    study = ring_study()
    assert study.labels is not None
    config = HeartCropConfig(size_px=32, pixel_mm=2.0, room_px=4, grey="stack")
    box = np.array(reference_box(study.labels))
    located = Found((0,), boxes=np.tile(box, (study.n_frames, study.grid.shape[0], 1)))
    cut = next(iter(cut_heart(study, located, [study.labels.annotated_frames()[0]], config)))
    plain = vary_heart(next(iter(heart_examples(study, study.labels.scheme, config))), None, config)
    np.testing.assert_allclose(cut.image, plain.image, atol=0.15)
