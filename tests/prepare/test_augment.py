"""Variation moves image, labels and points together, and nothing that was not drawn."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.place import Place
from shortaxis.core.sample import Field, Sample
from shortaxis.prepare.augment import AugmentConfig, Variation, draw, vary_geometry, vary_grey


def sample_with_square(row: int, col: int, side: int = 5, shape: tuple[int, int] = (61, 61)) -> Sample:
    """A bright square, its labels, and its centre as a point."""
    labels = np.zeros(shape, np.uint8)
    labels[row - side // 2 : row + side // 2 + 1, col - side // 2 : col + side // 2 + 1] = 2
    image = np.stack([labels * 10.0, labels * 20.0, labels * 30.0]).astype(np.float32)
    return Sample(
        image, Place(0, (0,)), {"labels": Field(labels, "nearest")}, {"centre": np.array([[float(row), float(col)]])}
    )


def centroid(weights: np.ndarray) -> np.ndarray:
    return (np.indices(weights.shape) * weights).sum((1, 2)) / weights.sum()


VARIATIONS = {
    "nothing": Variation(),
    "rotation": Variation(angle_rad=0.6),
    "rotation the other way": Variation(angle_rad=-1.2),
    "shift": Variation(shift_px=(5.0, -3.5)),
    "growth": Variation(scale=(1.3, 1.3)),
    "stretch": Variation(scale=(0.8, 1.25)),
    "all": Variation(angle_rad=0.4, shift_px=(-4.0, 2.0), scale=(1.2, 0.9), mirror_slices=True),
}


@pytest.mark.parametrize("name", VARIATIONS)
@pytest.mark.parametrize(("row", "col"), [(30, 30), (22, 40), (38, 24)])
@pytest.mark.parametrize("size", [(61, 61), (50, 46)])
def test_a_square_its_labels_and_its_point_move_together(name: str, row: int, col: int, size: tuple[int, int]) -> None:
    moved = vary_geometry(sample_with_square(row, col), VARIATIONS[name], size)
    assert moved.image.shape == (3, *size) and moved.fields["labels"].array.shape == size
    point = moved.points["centre"][0]
    assert np.hypot(*(centroid(moved.image[1]) - point)) < 0.5
    assert np.hypot(*(centroid(moved.fields["labels"].array == 2) - point)) < 0.5


def test_a_shift_is_in_pixels_of_rows_and_columns() -> None:
    moved = vary_geometry(sample_with_square(30, 30), Variation(shift_px=(5.0, -3.0)), (61, 61))
    np.testing.assert_allclose(moved.points["centre"], [[35, 27]])
    np.testing.assert_array_equal(moved.image[0, 33:38, 25:30], 20)


def test_a_scale_above_one_makes_the_heart_larger_about_the_middle() -> None:
    moved = vary_geometry(sample_with_square(30, 20, side=11), Variation(scale=(2.0, 1.0)), (61, 61))
    np.testing.assert_allclose(moved.points["centre"], [[30, 20]])
    drawn = moved.fields["labels"].array == 2
    assert drawn.any(axis=1).sum() == pytest.approx(22, abs=1) and drawn.any(axis=0).sum() == 11


def test_a_rotation_turns_about_the_middle_by_its_angle() -> None:
    moved = vary_geometry(sample_with_square(30, 40), Variation(angle_rad=np.pi / 2), (61, 61))
    np.testing.assert_allclose(np.abs(moved.points["centre"][0] - 30), [10, 0], atol=1e-9)


def test_a_smaller_target_is_the_middle_of_the_source() -> None:
    sample = sample_with_square(30, 30)
    moved = vary_geometry(sample, Variation(), (51, 41))
    np.testing.assert_array_equal(moved.image, sample.image[:, 5:56, 10:51])
    np.testing.assert_array_equal(moved.fields["labels"].array, sample.fields["labels"].array[5:56, 10:51])


def test_mirrored_neighbours_change_places_but_the_slice_stays() -> None:
    sample = sample_with_square(30, 30)
    moved = vary_geometry(sample, Variation(mirror_slices=True), (61, 61))
    np.testing.assert_array_equal(moved.image, sample.image[::-1])


def test_labels_take_no_values_between_structures() -> None:
    moved = vary_geometry(sample_with_square(30, 30), VARIATIONS["all"], (61, 61))
    assert set(np.unique(moved.fields["labels"].array)) == {0, 2}
    assert moved.fields["labels"].array.dtype == np.uint8


def test_what_is_drawn_stays_within_its_config_and_reaches_near_its_limits() -> None:
    config = AugmentConfig(rotation_degrees=20, shift_px=3, log_scale=0.2, log_stretch=0.1, noise=0.2, shading=0.4)
    rng = np.random.default_rng(0)
    drawn = [draw(config, rng) for _ in range(400)]
    angles = np.rad2deg([v.angle_rad for v in drawn])
    shifts = np.array([v.shift_px for v in drawn])
    sizes = np.log([v.scale for v in drawn])
    assert 18 < np.abs(angles).max() <= 20
    assert 2.7 < np.abs(shifts).max() <= 3
    assert 0.18 < np.abs(sizes.mean(1)).max() <= 0.2  # both together
    assert 0.09 < np.abs(np.diff(sizes)).max() / 2 <= 0.1  # one against the other
    assert min(v.noise for v in drawn) >= 0 and 0.15 < max(v.noise for v in drawn) <= 0.2
    assert all(len(v.shading) in (0, 9) and all(abs(s) <= 0.4 for s in v.shading) for v in drawn)
    assert 0.4 < np.mean([v.mirror_slices for v in drawn]) < 0.6


def test_a_config_of_zeros_draws_nothing() -> None:
    fields = (
        "rotation_degrees",
        "shift_px",
        "log_scale",
        "log_stretch",
        "mirror_slices",
        "log_gamma",
        "noise",
        "blur_px",
        "shading",
        "log_contrast",
        "brightness",
        "log_contrast_between_slices",
    )
    still = AugmentConfig.model_validate(dict.fromkeys(fields, 0.0))
    image = sample_with_square(20, 20).image
    for seed in range(5):
        drawn = draw(still, np.random.default_rng(seed))
        sample = vary_geometry(sample_with_square(20, 20), drawn, (61, 61))
        np.testing.assert_array_equal(sample.image, image)
        np.testing.assert_allclose(vary_grey(image, drawn), image, atol=1e-4)


def test_contrast_stretches_brightness_lifts_and_slices_are_scaled_apart() -> None:
    image = np.array([[[0.0, 2.0]], [[0.0, 2.0]]], np.float32)  # spread 1
    varied = vary_grey(image, Variation(contrast=2.0, brightness=0.5, channel_contrast=(1.0, 10.0, 99.0)))
    np.testing.assert_allclose(varied, [[[0.5, 4.5]], [[5.0, 45.0]]], atol=1e-4)


def test_the_same_variation_gives_the_same_grey_values() -> None:
    drawn = Variation(gamma=1.2, noise=0.1, blur_px=0.7, shading=tuple(np.linspace(-0.3, 0.3, 9)), seed=5)
    image = sample_with_square(30, 30).image
    np.testing.assert_array_equal(vary_grey(image, drawn), vary_grey(image, drawn))
    other = vary_grey(image, Variation(noise=0.1, seed=6))
    assert not np.array_equal(vary_grey(image, Variation(noise=0.1, seed=5)), other)


def test_gamma_darkens_the_middle_and_keeps_both_ends() -> None:
    image = np.linspace(0, 1, 25, dtype=np.float32).reshape(1, 5, 5)
    varied = vary_grey(image, Variation(gamma=2.0))
    np.testing.assert_allclose(varied, image**2, atol=1e-4)


def test_shading_changes_smoothly_over_an_oblong_plane() -> None:
    shading = (0.0, 0.0, 0.5) * 3  # brighter towards the last columns
    varied = vary_grey(np.ones((2, 20, 50), np.float32) * np.array([1, 0])[:, None, None], Variation(shading=shading))
    assert varied.shape == (2, 20, 50)
    bright = varied[0]
    np.testing.assert_allclose(bright - bright[:1], 0, atol=1e-5)  # the same in every row
    assert bright[0, -1] > 1.5 and abs(bright[0, 0] - 1) < 1e-3
    assert not varied[1].any()  # what is dark stays dark: it multiplies


def test_blur_stays_within_each_slice_of_a_volume() -> None:
    """A 3D sample [channel, slice, row, col]: the planes on both sides of a bright one stay dark."""
    volume = np.zeros((1, 5, 21, 21), np.float32)
    volume[0, 2, 10, 10] = 1
    varied = vary_grey(volume, Variation(blur_px=1.0))
    assert not varied[0, [0, 1, 3, 4]].any()
    flat = vary_grey(volume[:, 2], Variation(blur_px=1.0))
    np.testing.assert_allclose(varied[:, 2], flat, atol=1e-6)


def test_a_volume_moves_slice_by_slice() -> None:
    flat = sample_with_square(25, 35)
    labels = flat.fields["labels"].array
    volume = Sample(flat.image[None], flat.place, {"labels": Field(np.stack([labels] * 3), "nearest")}, flat.points)
    moved = vary_geometry(volume, VARIATIONS["rotation"], (61, 61))
    alone = vary_geometry(flat, VARIATIONS["rotation"], (61, 61))
    np.testing.assert_array_equal(moved.image[0], alone.image)
    np.testing.assert_array_equal(moved.fields["labels"].array[1], alone.fields["labels"].array)
