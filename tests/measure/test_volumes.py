"""Volumes, ejection fraction, mass and output by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE, Structure
from shortaxis.measure.volumes import (
    cardiac_output_l_min,
    ejection,
    heart_rate_from_cine,
    mass_g,
    slice_table,
    volume_curve_ml,
    voxel_counts,
)

VOXEL_ML = 10 * 2 * 1 / 1000  # 10 mm slices of 2 x 1 mm pixels: 20 mm3


def two_frames() -> np.ndarray:
    labels = np.zeros((2, 2, 4, 5), np.uint8)  # ACDC's numbers
    labels[0, 0, :2] = 3  # 10 pixels of left ventricle
    labels[0, 1, 0] = 3  # 5
    labels[1, 0, 0] = 3  # 5 at end-systole
    labels[:, 0, 3] = 2  # 5 of myocardium in both
    return labels


def test_voxels_are_counted_per_frame_and_slice() -> None:
    counts = voxel_counts(two_frames(), ACDC)
    assert counts[Structure.LV_CAVITY].tolist() == [[10, 5], [5, 0]]
    assert counts[Structure.RV_CAVITY].tolist() == [[0, 0], [0, 0]]


def test_a_structure_the_scheme_lacks_is_not_counted_as_zero() -> None:
    assert Structure.RV_CAVITY not in voxel_counts(np.ones((1, 1, 2, 2), np.uint8), LEFT_VENTRICLE)


def test_myocardium_labelled_in_parts_is_counted_as_a_whole() -> None:
    labels = np.array([[[[1, 2, 3, 4]]]], np.uint8)
    assert voxel_counts(labels, EMIDEC)[Structure.MYOCARDIUM].tolist() == [[3]]


def test_the_curve_is_voxels_times_voxel_volume() -> None:
    counts = voxel_counts(two_frames(), ACDC)[Structure.LV_CAVITY]
    assert volume_curve_ml(counts, VOXEL_ML) == pytest.approx([0.3, 0.1])
    assert volume_curve_ml(counts, None) == [None, None]


def test_fifteen_and_five_voxels_eject_two_thirds() -> None:
    beat = ejection(15, 5, VOXEL_ML)
    assert (beat.edv_ml, beat.esv_ml, beat.sv_ml) == pytest.approx((0.3, 0.1, 0.2))
    assert beat.ef_percent == pytest.approx(200 / 3)


def test_ejection_fraction_needs_no_spacing() -> None:
    beat = ejection(15, 5, None)
    assert (beat.edv_ml, beat.esv_ml, beat.sv_ml) == (None, None, None)
    assert beat.ef_percent == pytest.approx(200 / 3)


@pytest.mark.parametrize(("ed", "es"), [(0, 0), (0, 5), (15, 0)])
def test_a_ventricle_missed_at_either_phase_has_no_ejection_fraction(ed: int, es: int) -> None:
    beat = ejection(ed, es, VOXEL_ML)
    assert beat.ef_percent is None
    assert beat.sv_ml is None


def test_a_hundred_millilitres_of_myocardium_weigh_105_g() -> None:
    assert mass_g(5000, VOXEL_ML) == pytest.approx(105.0)
    assert mass_g(5000, None) is None
    assert mass_g(0, VOXEL_ML) is None


def test_seventy_millilitres_at_sixty_beats_are_4_point_2_litres() -> None:
    assert cardiac_output_l_min(70.0, 60.0) == pytest.approx(4.2)
    assert cardiac_output_l_min(None, 60.0) is None
    assert cardiac_output_l_min(70.0, None) is None


def test_twenty_frames_of_fifty_ms_are_sixty_beats_a_minute() -> None:
    assert heart_rate_from_cine(20, 50.0, 30, 200) == pytest.approx(60.0)


def test_two_frames_are_no_cycle_and_a_second_of_two_hundred_ms_is_no_heart() -> None:
    assert heart_rate_from_cine(2, 500.0, 30, 200) is None
    assert heart_rate_from_cine(20, 10.0, 30, 200) is None
    assert heart_rate_from_cine(20, None, 30, 200) is None


def test_ten_frames_may_be_a_cycle_and_nine_are_not() -> None:
    assert heart_rate_from_cine(10, 100.0, 30, 200) == pytest.approx(60.0)
    assert heart_rate_from_cine(9, 100.0, 30, 200) is None


def test_the_slowest_and_the_fastest_believable_heart_are_believed() -> None:
    assert heart_rate_from_cine(20, 100.0, 30, 200) == 30.0
    assert heart_rate_from_cine(20, 15.0, 30, 200) == 200.0


def test_a_table_of_no_structures_has_no_slices() -> None:
    assert slice_table({}, {"ed": 0}, VOXEL_ML, 2.0) == []


def test_the_slice_table_has_areas_and_volumes_of_each_slice_and_phase() -> None:
    counts = voxel_counts(two_frames(), ACDC)
    table = slice_table(counts, {"ed": 0, "es": 1}, VOXEL_ML, 2.0)
    assert [row["slice_number"] for row in table] == [1, 2]
    assert [row["slice_index"] for row in table] == [0, 1]
    assert [row["ed_lv_area_mm2"] for row in table] == [20.0, 10.0]
    assert [row["es_lv_volume_ml"] for row in table] == pytest.approx([0.1, 0.0])
    assert [row["ed_rv_area_mm2"] for row in table] == [0.0, 0.0]


def test_the_slice_table_has_nothing_where_spacing_phase_or_structure_is_unknown() -> None:
    counts = voxel_counts(ACDC.translate(two_frames(), LEFT_VENTRICLE), LEFT_VENTRICLE)
    (row, _) = slice_table(counts, {"ed": 0, "es": None}, None, 2.0)
    assert row["ed_myocardium_area_mm2"] is not None
    assert row["ed_lv_volume_ml"] is row["es_lv_area_mm2"] is row["ed_rv_area_mm2"] is None
