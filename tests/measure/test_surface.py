"""Surface distances by hand and against a restatement by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage

from shortaxis.core.errors import BadSpacing, GridMismatch
from shortaxis.measure.nearest import surface_gaps, surface_of
from shortaxis.measure.surface import assd_of_directions, surface_distances

SPACING_MM = (8.0, 1.5, 1.25)


def restated_surface(mask: np.ndarray) -> np.ndarray:
    """Indices of voxels with a face neighbour outside, one voxel at a time."""
    found = []
    for voxel in np.argwhere(mask):
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            neighbour = voxel.copy()
            neighbour[axis] += step
            inside = all(0 <= n < size for n, size in zip(neighbour, mask.shape, strict=True))
            if not inside or not mask[tuple(neighbour)]:
                found.append(voxel)
                break
    return np.array(found)


def restated(prediction: np.ndarray, reference: np.ndarray) -> tuple[float, float, float, float]:
    """hd, hd95, pooled hd95, assd from all pairs of surface voxels."""
    ours, theirs = restated_surface(prediction), restated_surface(reference)
    pairs = np.linalg.norm((ours[:, None] - theirs[None]) * np.array(SPACING_MM), axis=-1)
    there, back = pairs.min(axis=1), pairs.min(axis=0)
    both = np.concatenate([there, back])
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return float(both.max()), float(hd95), float(np.percentile(both, 95)), float(both.mean())


@pytest.mark.parametrize("seed", range(6))
def test_distances_equal_the_brute_force_restatement(seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((2, 5, 14, 12)) < (0.02, 0.3, 0.9)[seed % 3]
    got = surface_distances(masks[0], masks[1], SPACING_MM)
    assert (got.hd_mm, got.hd95_mm, got.hd95_pooled_mm, got.assd_mm) == pytest.approx(restated(masks[0], masks[1]))


def test_two_voxels_three_columns_apart_are_three_columns_apart_by_every_measure() -> None:
    a, b = np.zeros((2, 1, 1, 6), bool)
    a[0, 0, 1] = b[0, 0, 4] = True
    got = surface_distances(a, b, SPACING_MM)
    assert (got.hd_mm, got.hd95_mm, got.hd95_pooled_mm, got.assd_mm) == pytest.approx((3.75,) * 4)


def test_the_default_hd95_is_the_larger_direction_and_the_pooled_one_is_smaller() -> None:
    line, point = np.zeros((2, 1, 1, 21), bool)
    line[..., :] = True
    point[..., 0] = True
    got = surface_distances(line, point, (1.0, 1.0, 1.0))
    assert got.hd_mm == pytest.approx(20.0)
    assert got.hd95_mm == pytest.approx(19.0)  # of 0..20; the way back is 0
    assert got.hd95_pooled_mm == pytest.approx(np.percentile([*range(21), 0], 95))
    assert got.assd_mm == pytest.approx(210 / 22)


def test_equal_masks_are_at_distance_zero() -> None:
    cube = np.ones((3, 4, 4), bool)
    got = surface_distances(cube, cube, SPACING_MM)
    assert (got.hd_mm, got.hd95_mm, got.assd_mm) == (0.0, 0.0, 0.0)
    assert got.reason is None


def test_the_image_border_counts_as_outside() -> None:
    full = np.ones((3, 3, 3), bool)
    expected = full.copy()
    expected[1, 1, 1] = False
    np.testing.assert_array_equal(surface_of(full), expected)


def test_a_corner_neighbour_outside_does_not_make_a_surface() -> None:
    mask = np.ones((5, 5), bool)
    mask[1, 1] = False
    assert not surface_of(mask)[2, 2]
    assert surface_of(mask)[1, 2]


@pytest.mark.parametrize(
    ("prediction", "reference", "spacing_mm", "words"),
    [
        (0, 0, SPACING_MM, "neither"),
        (0, 1, SPACING_MM, "missing from the prediction"),
        (1, 0, SPACING_MM, "prediction alone"),
        (1, 1, None, "spacing is unknown"),
    ],
)
def test_undefined_distances_are_none_with_a_reason(prediction, reference, spacing_mm, words) -> None:
    got = surface_distances(np.full((2, 3, 3), bool(prediction)), np.full((2, 3, 3), bool(reference)), spacing_mm)
    assert (got.hd_mm, got.hd95_mm, got.hd95_pooled_mm, got.assd_mm) == (None,) * 4
    assert got.reason is not None
    assert words in got.reason


def test_masks_of_two_shapes_and_spacings_that_are_none_are_refused() -> None:
    mask = np.ones((2, 3, 3), bool)
    with pytest.raises(GridMismatch):
        surface_distances(mask, mask[:1], SPACING_MM)
    for spacing_mm in ((1.0, 1.0), (1.0, 0.0, 1.0), (1.0, float("nan"), 1.0)):
        with pytest.raises(BadSpacing):
            surface_distances(mask, mask, spacing_mm)


@pytest.mark.parametrize("seed", range(3))
def test_distances_equal_those_of_the_way_the_libraries_take(seed: int) -> None:
    """Erosion by the cross and a distance transform, as MONAI and MedPy do; they differ in the last line."""
    masks = np.random.default_rng(seed).random((2, 4, 12, 12)) < 0.4
    cross = ndimage.generate_binary_structure(3, 1)
    ours, theirs = (mask ^ ndimage.binary_erosion(mask, cross) for mask in masks)
    there = np.asarray(ndimage.distance_transform_edt(~theirs, sampling=SPACING_MM))[ours]
    back = np.asarray(ndimage.distance_transform_edt(~ours, sampling=SPACING_MM))[theirs]
    got = surface_distances(masks[0], masks[1], SPACING_MM)
    assert got.hd95_mm == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert got.hd95_pooled_mm == pytest.approx(np.percentile(np.hstack([there, back]), 95))


def test_the_mean_of_directions_weighs_each_direction_alike_and_the_assd_each_voxel() -> None:
    """On a line: from 1 to the nearest of 0 and 5 it is 1; back from 0 it is 1 and from 5 it is 4."""
    prediction, reference = np.zeros(6, bool), np.zeros(6, bool)
    prediction[1], reference[[0, 5]] = True, True
    assert assd_of_directions(surface_gaps(prediction, reference, (1.0,))) == (1 + (1 + 4) / 2) / 2 == 1.75
    assert surface_distances(prediction, reference, (1.0,)).assd_mm == (1 + 1 + 4) / 3 == 2.0


def test_the_mean_of_directions_is_undefined_where_the_distances_are() -> None:
    mask = np.ones((2, 3), bool)
    assert assd_of_directions(surface_gaps(mask, ~mask, (1.0, 1.0))) is None
    assert assd_of_directions(surface_gaps(mask, mask, None)) is None
