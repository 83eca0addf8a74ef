"""Measures do not depend on who is called the prediction, on which way up the heart lies, or on how it is numbered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shortaxis.core.labels import ACDC, EMIDEC, MNMS, SCHEMES, Labels, Structure
from shortaxis.core.study import Study
from shortaxis.measure.agreement import agreement
from shortaxis.measure.aha_segments import segment_numbers, segmented_slices
from shortaxis.measure.boundary import boundary_dice
from shortaxis.measure.calibration import brier_score, expected_calibration_error, reliability_curve
from shortaxis.measure.overlap import dice, jaccard
from shortaxis.measure.surface import surface_dice, surface_distances
from shortaxis.measure.volume_error import volume_error_ml
from shortaxis.measure.volumes import MEASURED, ejection, volume_curve_ml, voxel_counts
from tests.lookalike.ring_study import reorder, ring_study, stored_as
from tests.properties.strategies import mask_pairs

SPACING = st.tuples(st.floats(0.5, 12), st.floats(0.5, 3), st.floats(0.5, 3))
LABELS = hnp.arrays(np.uint8, (2, 3, 4, 5), elements=st.integers(0, 3))
FLIPS = st.lists(st.sampled_from([1, 2, 3]), unique=True)
FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans())
NUMBERS = st.none() | st.floats(-1e6, 1e6)


@given(mask_pairs(), SPACING)
def test_every_score_but_the_one_sided_is_the_same_both_ways(pair, spacing):
    a, b = pair
    assert dice(a, b) == dice(b, a) and jaccard(a, b) == jaccard(b, a) and boundary_dice(a, b) == boundary_dice(b, a)
    assert surface_dice(a, b, spacing, 1.0) == surface_dice(b, a, spacing, 1.0)
    ours, theirs = surface_distances(a, b, spacing), surface_distances(b, a, spacing)
    for name in ("hd_mm", "hd95_mm", "hd95_pooled_mm", "assd_mm"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name))
    assert ours.hd_one_sided_mm is None or ours.hd_one_sided_mm <= ours.hd_mm + 1e-9
    swapped = volume_error_ml(b, a, spacing)
    assert volume_error_ml(a, b, spacing) == (None if swapped is None else -swapped)


@given(mask_pairs(), SPACING)
def test_a_mask_agrees_with_itself_and_scores_stay_in_their_range(pair, spacing):
    a, b = pair
    if a.any():
        assert dice(a, a) == jaccard(a, a) == boundary_dice(a, a) == surface_dice(a, a, spacing, 0.0) == 1
        assert surface_distances(a, a, spacing).hd_mm == 0
    both = dice(a, b), jaccard(a, b)
    assert (both[0] is None) == (both[1] is None) == (not (a.any() or b.any()))
    if both[0] is not None and both[1] is not None:
        assert 0 <= both[1] <= both[0] <= 1 and both[1] == pytest.approx(both[0] / (2 - both[0]))


@given(mask_pairs(), SPACING, st.sampled_from([0, 1, 2]))
def test_scores_do_not_depend_on_which_way_up_the_heart_lies(pair, spacing, axis):
    a, b = pair
    turned = np.flip(a, axis), np.flip(b, axis)
    assert dice(*turned) == dice(a, b) and boundary_dice(*turned) == boundary_dice(a, b)
    ours, theirs = surface_distances(a, b, spacing), surface_distances(*turned, spacing)
    for name in ("hd_mm", "hd95_mm", "assd_mm", "hd_one_sided_mm"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name))


@given(mask_pairs(), st.floats(0.1, 10))
def test_distances_scale_with_the_voxels(pair, factor):
    ours = surface_distances(*pair, (8.0, 1.5, 1.5)).hd95_mm
    theirs = surface_distances(*pair, (8.0 * factor, 1.5 * factor, 1.5 * factor)).hd95_mm
    assert theirs == (None if ours is None else pytest.approx(ours * factor))


@given(LABELS, FLIPS, st.floats(0.001, 2))
def test_volumes_do_not_change_when_the_scan_is_flipped(labels, axes, voxel_ml):
    ours, theirs = voxel_counts(labels, ACDC), voxel_counts(np.flip(labels, axes), ACDC)
    for structure in MEASURED:
        assert volume_curve_ml(ours[structure], voxel_ml) == pytest.approx(volume_curve_ml(theirs[structure], voxel_ml))


@given(LABELS)
def test_volumes_do_not_change_when_a_data_set_numbers_its_structures_otherwise(labels):
    ours, theirs = voxel_counts(labels, ACDC), voxel_counts(ACDC.translate(labels, MNMS), MNMS)
    for structure in MEASURED:
        np.testing.assert_array_equal(ours[structure], theirs[structure])


@given(LABELS, st.sampled_from([("acdc", "mnms"), ("mnms", "acdc"), ("acdc", "mmwhs"), ("lv", "acdc")]))
def test_labels_translated_into_a_wider_scheme_come_back(labels, names):
    ours, theirs = SCHEMES[names[0]], SCHEMES[names[1]]
    labels = np.where(np.isin(labels, list(ours.codes)), labels, 0).astype(np.uint8)
    moved = ours.translate(labels, theirs)
    for structure in ours.structures:
        np.testing.assert_array_equal(ours.mask(labels, structure), theirs.mask(moved, structure))
    np.testing.assert_array_equal(theirs.translate(moved, ours), labels)


@given(hnp.arrays(np.uint8, (1, 2, 4, 4), elements=st.integers(0, 4)))
def test_the_parts_of_the_myocardium_make_up_the_whole_in_every_scheme(labels):
    whole = EMIDEC.mask(labels, Structure.MYOCARDIUM)
    np.testing.assert_array_equal(whole, np.isin(labels, [2, 3, 4]))
    np.testing.assert_array_equal(ACDC.mask(EMIDEC.translate(labels, ACDC), Structure.MYOCARDIUM), whole)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(1e-4, 10))
def test_the_ejection_fraction_needs_no_spacing_and_never_passes_a_hundred(ed, es, voxel_ml):
    with_size, without = ejection(ed, es, voxel_ml), ejection(ed, es, None)
    assert with_size.ef_percent == without.ef_percent and without.edv_ml is None
    if with_size.ef_percent is None:
        assert not (ed and es)
    else:
        assert with_size.ef_percent < 100 and with_size.sv_ml == pytest.approx((ed - es) * voxel_ml)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=12))
def test_agreement_turns_its_sign_with_the_pairs_and_counts_every_one(pairs):
    ours, theirs = agreement(pairs), agreement([(r, p) for p, r in pairs])
    assert ours.n + ours.n_left_out == len(pairs) and ours.mae == theirs.mae
    assert ours.bias == (None if theirs.bias is None else pytest.approx(-theirs.bias))
    if ours.mae is not None and ours.bias is not None:
        assert abs(ours.bias) <= ours.mae * (1 + 1e-9) + 1e-9


@given(hnp.arrays(np.float64, (20,), elements=st.floats(0, 1)), hnp.arrays(bool, (20,)), st.integers(1, 20))
def test_calibration_counts_every_voxel_once_and_stays_between_0_and_1(probabilities, outcomes, bins):
    curve = reliability_curve(probabilities, outcomes, bins)
    error, brier = expected_calibration_error(curve), brier_score(probabilities, outcomes)
    assert sum(curve.counts) == 20 and error is not None and 0 <= error <= 1 and brier is not None and 0 <= brier <= 1


@given(hnp.arrays(np.float64, (30,), elements=st.floats(0, 2 * np.pi, exclude_max=True)), st.integers(0, 2))
def test_every_angle_has_one_segment_of_its_level(angles, level):
    numbers = segment_numbers(angles, level)
    ranges = {0: range(1, 7), 1: range(7, 13), 2: range(13, 17)}
    assert set(numbers.tolist()) <= set(ranges[level])


@given(FLAGS, st.sampled_from([(1.0, 1.0), (1.5, 1.5), (1.0, 1.4)]))
@settings(max_examples=8)
def test_a_piece_of_wall_keeps_its_segment_however_the_picture_is_stored(flags, pixel_mm):
    ours = narrowing_heart(pixel_mm)
    theirs = stored_as(ours, *flags)
    shown, stored = segment_of_every_pixel(ours), segment_of_every_pixel(theirs)
    assert ours.labels is not None
    wall = ours.labels.array[0] == 2
    same = reorder(shown, *flags) == stored
    assert shown[wall].min() > 0 and len(np.unique(shown[wall])) == 16
    assert same[reorder(wall, *flags)].mean() > 0.98  # pixels on the border of two segments may fall to either


def narrowing_heart(pixel_mm: tuple[float, float]) -> Study:
    """Six slices, smaller to the apex, the right ventricle beside the left half of the wall."""
    study = ring_study(n_frames=1, slices=6, rows=80, cols=80, spacing_mm=(8.0, *pixel_mm))
    rows, cols = (np.mgrid[:80, :80] - 40) * np.array(pixel_mm)[:, None, None]
    away, angle = np.hypot(rows, cols), np.rad2deg(np.arctan2(rows, cols)) % 360
    array = np.zeros((1, 6, 80, 80), np.uint8)
    for index, plane in enumerate(array[0]):
        plane[(away < 32 - index) & (angle > 120) & (angle < 240)] = 1
        plane[away < 27 - index] = 2
        plane[away < 18 - index] = 3
    return replace(study, labels=Labels.complete(array, ACDC))


def segment_of_every_pixel(study: Study) -> np.ndarray:
    """[slice, row, col] by the angle about the cavity's centre."""
    assert study.labels is not None and study.grid.pixel_mm is not None
    found, why = segmented_slices(study.labels.array[0], ACDC, study.grid)
    assert why is None and len(found) == 6
    numbers = np.zeros(study.grid.shape, int)
    row, col = np.mgrid[: study.grid.shape[1], : study.grid.shape[2]]
    for one in found:
        down, right = (row - one.centre[0]) * study.grid.pixel_mm[0], (col - one.centre[1]) * study.grid.pixel_mm[1]
        angles = np.arctan2(down, right)
        numbers[one.index] = segment_numbers(one.insertion.along(angles.ravel()), one.level).reshape(angles.shape)
    return numbers
