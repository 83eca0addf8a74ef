"""Blocks of slices around a heart: interpolated, padded, cut into blocks, and every slice back where it came from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.found import Found, Piece
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE
from shortaxis.prepare.augment import AugmentConfig
from shortaxis.prepare.heart_box import reference_box
from shortaxis.prepare.heart_crop import HeartCropConfig
from shortaxis.prepare.heart_volume import (
    HeartVolumeConfig,
    SliceBlock,
    cut_volumes,
    paste_volumes,
    slice_blocks,
    slice_distance_px,
    vary_volume,
    volume_examples,
)
from tests.lookalike.ring_study import ring_study

PLANE = HeartCropConfig(size_px=32, pixel_mm=2.0, room_px=4, grey="stack", reach=0)
NATIVE = HeartVolumeConfig(plane=PLANE, depth=6)


def planes(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)


def test_slices_between_two_are_weighted_by_their_nearness() -> None:
    block = SliceBlock(source=3, factor=5, first=0, size=11)
    finer = block.apply(planes(0, 10, 30), "linear").astype(np.float32)
    np.testing.assert_allclose(finer[:, 0, 0], [0, 2, 4, 6, 8, 10, 14, 18, 22, 26, 30], rtol=1e-6)


def test_eight_slices_a_mouse_make_thirty_six() -> None:
    """Section III-A: 0.8 mm to 0.16 mm, and 36 slices."""
    assert SliceBlock(source=8, factor=5).fine == 36
    assert [block.size for block in slice_blocks(8, 5, 36)] == [36]


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("depth", [3, 6, 36])
def test_labels_come_back_on_the_source_slices_exactly(factor: int, depth: int) -> None:
    rng = np.random.default_rng(factor)
    labels = rng.integers(0, 4, (6, 5, 4)).astype(np.uint8)
    blocks = slice_blocks(6, factor, depth)
    assert set().union(*(block.sources for block in blocks)) == set(range(6))
    for block in blocks:
        back = block.undo(block.apply(labels, "nearest"), "nearest")
        inside = list(block.sources)
        np.testing.assert_array_equal(back[inside], labels[inside])
        np.testing.assert_array_equal(back[[k for k in range(6) if k not in inside]], 0)


@pytest.mark.parametrize("factor", [1, 3, 5])
def test_probabilities_come_back_exactly_too(factor: int) -> None:
    probs = np.random.default_rng(0).random((2, 4, 5, 5)).astype(np.float32)
    (block,) = slice_blocks(4, factor, 40)
    np.testing.assert_array_equal(block.undo(block.apply(probs, "linear"), "linear"), probs)


def test_a_short_stack_repeats_its_last_slice_and_says_which_are_its_own() -> None:
    (block,) = slice_blocks(2, 1, 4)
    np.testing.assert_array_equal(block.apply(planes(1, 7), "linear")[:, 0, 0], [1, 7, 7, 7])
    np.testing.assert_array_equal(block.held, [True, True, False, False])
    assert block.sources == (0, 1)


def test_a_long_stack_is_covered_by_blocks_that_overlap() -> None:
    assert [block.first for block in slice_blocks(14, 1, 6)] == [0, 6, 8]
    assert [block.first for block in slice_blocks(10, 5, 36)] == [0, 10]


def test_the_distance_of_slices_is_counted_in_pixels_of_the_window() -> None:
    study = ring_study(spacing_mm=(8.0, 1.0, 1.0))
    (sample,) = cut_volumes(study, None, [0], NATIVE)
    distance = slice_distance_px(study.grid, sample.place.steps)
    assert distance == pytest.approx(4.0, rel=0.03)  # pixels of about 2 mm
    assert slice_distance_px(replace(study.grid, spacing_mm=None), sample.place.steps) is None


def test_interpolated_slices_lie_about_as_far_apart_as_asked() -> None:
    study = ring_study(spacing_mm=(8.0, 2.0, 2.0))  # four pixels apart
    config = HeartVolumeConfig(plane=PLANE, depth=20, slice_px=1.3)
    (sample,) = cut_volumes(study, None, [0], config)
    block = sample.place.steps[-1]
    assert isinstance(block, SliceBlock) and block.factor == 3 and block.held.sum() == 10
    assert sample.image.shape == (1, 20, 32, 32) and sample.place.slices == (0, 1, 2, 3)


@pytest.mark.parametrize("slice_px", [None, 1.0])
@pytest.mark.parametrize("slices", [1, 4, 9])
def test_certain_answers_come_back_as_the_labels_they_are(slices: int, slice_px: float | None) -> None:
    study = ring_study(slices=slices)
    config = HeartVolumeConfig(plane=PLANE, depth=6, slice_px=slice_px)
    assert study.labels is not None
    pieces = []
    for sample in cut_volumes(study, None, [1], config):
        codes = study.labels.array[1]
        for step in sample.place.steps:
            codes = step.apply(codes, "nearest")
        one_hot = (codes[None] == np.arange(4)[:, None, None, None]).astype(np.float32)
        pieces.append((sample, Piece(one_hot, None, one_hot[1])))
    found = paste_volumes(pieces, study, [1])
    assert found.probs is not None and found.variance is not None
    np.testing.assert_array_equal(found.probs[0].argmax(0), study.labels.array[1])
    np.testing.assert_array_equal(found.variance[0], study.labels.array[1] == 1)


def test_slices_nobody_drew_and_padding_are_marked() -> None:
    study = ring_study(slices=4)
    assert study.labels is not None
    annotated = study.labels.annotated.copy()
    annotated[0, 2] = False
    annotated[1] = False
    study = replace(study, labels=replace(study.labels, annotated=annotated))
    (example,) = volume_examples(study, ACDC, NATIVE)
    drawn = example.fields["drawn"].array
    np.testing.assert_array_equal(drawn[:, 0, 0], [1, 1, 0, 1, 0, 0])
    assert (drawn == drawn[:, :1, :1]).all() and example.image.shape == (1, 6, 40, 40)


def test_an_unvaried_example_is_what_prediction_sees() -> None:
    study = ring_study()
    assert study.labels is not None
    box = reference_box(study.labels)
    located = Found((0, 1), boxes=np.tile(np.array(box, float), (2, 4, 1)))
    for config in (NATIVE, HeartVolumeConfig(plane=PLANE, depth=20, slice_px=1.0)):
        seen = cut_volumes(study, located, [0, 1], config)
        for one, other in zip(seen, volume_examples(study, ACDC, config), strict=True):
            np.testing.assert_allclose(vary_volume(other, None, config).image, one.image, atol=1e-3)


def test_what_the_window_adds_around_the_image_does_not_count_for_its_scale_where_so_asked() -> None:
    study = ring_study(rows=24, cols=24, centre=(12, 12))  # 48 mm; the window has 64
    bright = replace(study, image=study.image + 100.0)
    imaged = HeartVolumeConfig(plane=PLANE, depth=4, scaled_by="imaged")
    found = Found((0,), boxes=np.tile(np.array((6.0, 6.0, 18.0, 18.0)), (1, 4, 1)))

    def inside(config: HeartVolumeConfig) -> np.ndarray:
        (sample,) = cut_volumes(bright, found, [0], config)
        return sample.image[0, :, 6:26, 6:26]  # well within the image

    assert abs(inside(imaged).mean()) < 0.3 and inside(imaged).std() > 0.5
    assert inside(HeartVolumeConfig(plane=PLANE, depth=4)).mean() > 0.5  # black beyond the image lowered the mean


def test_image_and_fields_are_flipped_together() -> None:
    still = AugmentConfig(
        rotation_degrees=0, shift_px=0, log_scale=0, log_stretch=0, mirror_slices=1.0, log_gamma=0, noise=0, blur_px=0,
        shading=0, log_contrast=0, brightness=0, log_contrast_between_slices=0,
    )  # fmt: skip
    config = HeartVolumeConfig(plane=PLANE.model_copy(update={"augment": still}), depth=6, flip=1.0)
    example = next(iter(volume_examples(ring_study(), LEFT_VENTRICLE, config)))
    plain = vary_volume(example, None, config)
    flipped = vary_volume(example, np.random.default_rng(0), config)
    np.testing.assert_allclose(flipped.image, plain.image[:, ::-1, ::-1, ::-1], atol=1e-3)
    for name, held in plain.fields.items():
        np.testing.assert_array_equal(flipped.fields[name].array, held.array[::-1, ::-1, ::-1])


def test_a_study_without_labels_is_refused() -> None:
    with pytest.raises(LabelsMissing):
        next(iter(volume_examples(replace(ring_study(), labels=None), ACDC, NATIVE)))
