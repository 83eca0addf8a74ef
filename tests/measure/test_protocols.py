"""Each challenge's scoring on masks small enough to score by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from shortaxis.core.errors import BadConfiguration, BadPatientFacts, LabelsMissing, UnknownName, WrongDimensions
from shortaxis.core.labels import ACDC, EMIDEC, LEFT_VENTRICLE, MNMS, Labels, LabelScheme
from shortaxis.core.study import Facts, Grid, Study
from shortaxis.measure.protocols import PROTOCOLS, protocol_named
from shortaxis.measure.protocols.acdc import index_pairs
from shortaxis.measure.protocols.protocol import Judged, Row

SPACING_MM = (10.0, 2.0, 2.0)  # a voxel of 0.04 ml


def a_study(labels: NDArray[np.uint8], scheme: LabelScheme, name: str = "a", ed: int | None = 0) -> Study:
    """A labelled study of two phases, the first frame ED."""
    shape = labels.shape
    grid = Grid((shape[1], shape[2], shape[3]), np.diag([2.0, 2.0, 10.0, 1.0]), SPACING_MM)
    facts = Facts(species="human", ed_index=ed, es_index=None if ed is None else 1)
    return Study(name, labels, grid, (), facts, Labels.complete(labels, scheme))


def two_phases(lv: tuple[int, int], wall: int = 2, rv: int = 1) -> NDArray[np.uint8]:
    """[2, 1, 4, 12] in ACDC's numbers: rows of so many voxels; LV of `lv[0]` at ED and `lv[1]` at ES."""
    labels = np.zeros((2, 1, 4, 12), np.uint8)
    for frame, count in enumerate(lv):
        labels[frame, 0, 0, :count] = 3
        labels[frame, 0, 2, :wall] = 2
        labels[frame, 0, 3, 8 : 8 + rv] = 1
    return labels


def only(rows: tuple[Row, ...] | list[dict[str, object]], **wanted: str) -> Row:
    """The one row that has these values."""
    (row,) = (row for row in rows if all(row[key] == value for key, value in wanted.items()))
    return row


def test_acdc_scores_overlap_and_distance_by_hand() -> None:
    study = a_study(two_phases((8, 4)), ACDC)
    rows = PROTOCOLS["acdc"].score(Judged(study, two_phases((6, 4)), ACDC))
    row = only(rows, structure="lv_cavity", phase="ED")
    assert row["dice"] == pytest.approx(2 * 6 / 14)
    assert row["hd_mm"] == pytest.approx(4.0)  # two voxels of 2 mm
    assert (row["volume_ml"], row["reference_volume_ml"]) == pytest.approx((0.24, 0.32))
    assert row["dice_script"] == row["dice"]
    assert len(rows) == 6


def test_acdc_s_script_gives_a_missed_structure_a_distance_of_1_and_ours_none() -> None:
    study = a_study(two_phases((8, 4), rv=0), ACDC)
    rows = PROTOCOLS["acdc"].score(Judged(study, two_phases((8, 4), wall=0, rv=0), ACDC))
    missed, neither = only(rows, structure="myocardium", phase="ED"), only(rows, structure="rv_cavity", phase="ED")
    assert [missed[key] for key in ("dice", "hd_mm", "dice_script", "hd_mm_script")] == [0.0, None, 0.0, 1.0]
    assert [neither[key] for key in ("dice", "hd_mm", "dice_script", "hd_mm_script")] == [None, None, 1.0, 0.0]
    structures, _ = PROTOCOLS["acdc"].summarise(rows)
    row = only(structures.rows, structure="rv_cavity", phase="ED")
    assert (row["n"], row["n_in_neither"], row["dice_mean"], row["n_hd"]) == (1, 1, None, 0)
    assert (row["dice_script_mean"], row["hd_mm_script_mean"]) == (1.0, 0.0)


def test_acdc_s_indices_agree_as_bland_and_altman_say() -> None:
    rows: list[dict[str, object]] = []
    for name, ours, theirs in (("a", (8, 4), (10, 5)), ("b", (10, 4), (10, 4)), ("c", (12, 3), (10, 3))):
        study = a_study(two_phases(theirs), ACDC, name)
        rows += PROTOCOLS["acdc"].score(Judged(study, two_phases(ours), ACDC))
    ef = index_pairs(rows)["lv_ef_percent"]
    assert [pair for both in ef for pair in both] == pytest.approx([50, 50, 60, 60, 75, 70])
    _, indices = PROTOCOLS["acdc"].summarise(rows)
    volume = only(indices.rows, index="lv_edv_ml")  # differences of -2, 0, 2 voxels of 0.04 ml
    assert (volume["n"], volume["bias"], volume["sd"]) == pytest.approx((3, 0.0, 0.08))
    assert (volume["loa_low"], volume["loa_high"]) == pytest.approx((-1.96 * 0.08, 1.96 * 0.08))
    assert volume["mae"] == pytest.approx(0.16 / 3)
    mass = only(indices.rows, index="myocardium_mass_g")
    assert (mass["bias"], mass["n"]) == pytest.approx((0.0, 3))
    assert index_pairs(rows)["myocardium_mass_g"][0] == pytest.approx((0.08 * 1.05, 0.08 * 1.05))


def test_a_ventricle_missed_at_a_phase_has_no_ejection_fraction_and_is_counted() -> None:
    study = a_study(two_phases((8, 4)), ACDC)
    _, indices = PROTOCOLS["acdc"].summarise(PROTOCOLS["acdc"].score(Judged(study, two_phases((8, 0)), ACDC)))
    assert [only(indices.rows, index="lv_ef_percent")[key] for key in ("n", "n_left_out")] == [0, 1]
    assert only(indices.rows, index="lv_edv_ml")["n"] == 1


def test_without_a_known_phase_two_phase_scoring_is_refused() -> None:
    study = a_study(two_phases((8, 4)), ACDC, ed=None)
    for name in ("acdc", "mnms"):
        with pytest.raises(BadPatientFacts, match="end-diastole"):
            PROTOCOLS[name].score(Judged(study, two_phases((8, 4)), ACDC))


def test_mnms_reads_its_own_numbers() -> None:
    labels = two_phases((8, 4))
    swapped = np.array([0, 3, 2, 1], np.uint8)[labels]  # M&Ms counts from the left ventricle
    rows = PROTOCOLS["mnms"].score(Judged(a_study(swapped, MNMS), labels, ACDC))
    assert {row["dice"] for row in rows} == {1.0}
    (table,) = PROTOCOLS["mnms"].summarise(rows)
    assert [(row["structure"], row["phase"]) for row in table.rows][:2] == [("lv_cavity", "ED"), ("lv_cavity", "ES")]
    assert {row["hd_mm_mean"] for row in table.rows} == {0.0}


def test_mnms_has_jaccard_and_medpy_s_average_distance_which_is_not_ours() -> None:
    study = a_study(two_phases((9, 4)), ACDC)
    rows = PROTOCOLS["mnms"].score(Judged(study, two_phases((1, 4)), ACDC))
    row = only(rows, structure="lv_cavity", phase="ED")
    assert row["jaccard"] == pytest.approx(1 / 9)
    # From the reference's nine voxels 0, 2, ... 16 mm, their mean 8; from ours 0. Over all ten voxels it would be 7.2.
    assert row["assd_medpy_mm"] == pytest.approx((0.0 + 8.0) / 2)
    (table,) = PROTOCOLS["mnms"].summarise(rows)
    means = only(table.rows, structure="lv_cavity", phase="ED")
    assert (means["jaccard_mean"], means["assd_medpy_mm_mean"]) == pytest.approx((1 / 9, 4.0))
    assert means["jaccard_sd"] is None  # of one patient


def late_enhancement(wall: int, infarct: int = 0, no_reflow: int = 0) -> NDArray[np.uint8]:
    """[1, 2, 3, 12] in EMIDEC's numbers: cavity in both slices, muscle in the first alone, its parts from the left."""
    labels = np.zeros((1, 2, 3, 12), np.uint8)
    labels[0, :, 0, 0] = 1
    labels[0, 0, 2, :wall] = 2
    labels[0, 0, 2, :infarct] = 3
    labels[0, 0, 2, :no_reflow] = 4
    return labels


def test_emidec_has_the_code_s_and_the_pages_columns_beside_each_other() -> None:
    study = a_study(late_enhancement(8, infarct=4), EMIDEC, ed=None)
    rows = PROTOCOLS["emidec"].score(Judged(study, late_enhancement(6, infarct=2), EMIDEC))
    wall = only(rows, structure="myocardium")
    assert wall["dice_code"] == pytest.approx(2 * 6 / 14)
    assert wall["dice_page"] == pytest.approx((2 * 6 / 14 + 1) / 2)  # the second slice has neither: 1
    assert (wall["hd_code_voxels"], wall["hd_page_mm"]) == pytest.approx((2.0, 4.0))
    assert (wall["volume_difference_ml"], wall["volume_difference_mm3"]) == pytest.approx((0.08, 80.0))
    infarct = only(rows, structure="infarct")
    assert infarct["dice_code"] == pytest.approx(2 * 2 / 6)
    assert infarct["pd_percent"] == pytest.approx(100 * 2 / 8)
    assert (infarct["hd_code_voxels"], infarct["hd_page_mm"]) == (None, None)


def test_emidec_s_later_code_counts_no_reflow_as_infarct_and_turns_the_spacing_round() -> None:
    study = a_study(late_enhancement(8, infarct=4, no_reflow=3), EMIDEC, ed=None)
    rows = PROTOCOLS["emidec"].score(Judged(study, late_enhancement(6, infarct=4, no_reflow=1), EMIDEC))
    assert [row["structure"] for row in rows] == ["myocardium", "infarct", "infarct_with_no_reflow", "no_reflow"]
    infarct, both = only(rows, structure="infarct"), only(rows, structure="infarct_with_no_reflow")
    assert infarct["dice_code"] == pytest.approx(2 * 1 / (3 + 1)) and both["dice_code"] == 1.0
    assert (infarct["pd_percent"], both["pd_percent"]) == pytest.approx((100 * 2 / 8, 0.0))
    wall = only(rows, structure="myocardium")
    assert (wall["hd_page_mm"], wall["hd_later_code"]) == pytest.approx((4.0, 20.0))  # two columns, 2 mm or 10 mm each


def test_emidec_s_code_takes_the_cavity_into_its_distance() -> None:
    theirs, ours = late_enhancement(8), late_enhancement(8)
    ours[0, 1, 0, 0], ours[0, 1, 0, 5] = 0, 1  # the cavity of the second slice five voxels away; the muscle is the same
    row = only(
        PROTOCOLS["emidec"].score(Judged(a_study(theirs, EMIDEC, ed=None), ours, EMIDEC)), structure="myocardium"
    )
    assert row["hd_page_mm"] == 0.0
    assert row["hd_code_voxels"] == pytest.approx(5**0.5)  # to the muscle of the first slice: 2 rows and 1 slice away


def test_emidec_gives_what_is_in_neither_mask_dice_1_and_says_how_often() -> None:
    study = a_study(late_enhancement(8), EMIDEC, ed=None)
    rows = PROTOCOLS["emidec"].score(Judged(study, late_enhancement(8), EMIDEC))
    none = only(rows, structure="no_reflow")
    assert (none["outcome"], none["dice_code"], none["dice_page"], none["pd_percent"]) == ("neither", 1.0, 1.0, 0.0)
    (table,) = PROTOCOLS["emidec"].summarise(rows)
    row = only(table.rows, structure="no_reflow")
    assert (row["n"], row["n_in_neither"], row["dice_code_mean"], row["n_hd_page"]) == (1, 1, 1.0, 0)


def test_emidec_is_for_a_single_frame() -> None:
    labels = np.concatenate([late_enhancement(8)] * 2)
    with pytest.raises(WrongDimensions, match="2 frames"):
        PROTOCOLS["emidec"].score(Judged(a_study(labels, EMIDEC), labels, EMIDEC))


def rings(radii: tuple[float, ...], slices: int = 1) -> NDArray[np.uint8]:
    """[frame, slice, 48, 48] in the left ventricle's numbers: cavities of these radii, walls of 4 pixels."""
    row, col = np.mgrid[:48, :48]
    away = np.hypot(row - 24, col - 24)
    planes = [np.where(away < radius, 1, np.where(away < radius + 4, 2, 0)) for radius in radii]
    return np.repeat(np.stack(planes)[:, None], slices, axis=1).astype(np.uint8)


def test_lvquan_errors_are_means_over_frames_and_phases_a_share() -> None:
    theirs, ours = rings((12, 10, 8, 11)), rings((12, 10, 11, 8))
    areas = (theirs == 1).sum(axis=(1, 2, 3)) * 4.0, (ours == 1).sum(axis=(1, 2, 3)) * 4.0
    stated = {"a1_cavity_mm2": [area + 4.0 for area in areas[0]], "phase": [0.0, 1.0, 1.0, 1.0]}
    rows = PROTOCOLS["lvquan"].score(Judged(a_study(theirs, LEFT_VENTRICLE), ours, LEFT_VENTRICLE, stated))
    indices, phases = PROTOCOLS["lvquan"].summarise(rows)
    from_masks = only(indices.rows, against="reference masks", index="a1_cavity_mm2")
    assert from_masks["n"] == 4
    assert from_masks["mae"] == pytest.approx(np.abs(areas[1] - areas[0]).mean())
    assert from_masks["correlation"] == pytest.approx(np.corrcoef(*areas)[0, 1])
    against_stated = only(indices.rows, against="stated values", index="a1_cavity_mm2")
    assert against_stated["mae"] == pytest.approx(np.abs(areas[1] - areas[0] - 4.0).mean())
    # Ours: largest in frame 1, smallest in frame 4, so systole in 2, 3, 4. The reference's own: systole in 2 and 3.
    rates = {row["against"]: row["error_rate_percent"] for row in phases.rows}
    assert rates == {"reference masks": 25.0, "stated values": 0.0}


def test_lvquan_s_means_are_of_areas_diameters_and_walls() -> None:
    theirs, ours = rings((12, 10, 8, 11)), rings((12, 10, 11, 8))
    rows = PROTOCOLS["lvquan"].score(Judged(a_study(theirs, LEFT_VENTRICLE), ours, LEFT_VENTRICLE))
    indices, _ = PROTOCOLS["lvquan"].summarise(rows)
    mean = only(indices.rows, index="mean of A1 and A2, mm2")
    parts = [only(indices.rows, index=key)["mae"] for key in ("a1_cavity_mm2", "a2_myocardium_mm2")]
    assert mean["mae"] == pytest.approx(sum(parts) / 2)
    assert {row["against"] for row in indices.rows} == {"reference masks"}


def test_a_frame_without_a_cavity_is_left_out_and_counted() -> None:
    theirs, ours = rings((12, 10, 8, 11)), rings((12, 10, 8, 11))
    ours[2] = 0
    rows = PROTOCOLS["lvquan"].score(Judged(a_study(theirs, LEFT_VENTRICLE), ours, LEFT_VENTRICLE))
    row = only(PROTOCOLS["lvquan"].summarise(rows)[0].rows, index="d2_i_a_mm")
    assert (row["n"], row["n_left_out"], row["mae"]) == (3, 1, 0.0)


def test_lvquan_is_for_a_single_slice() -> None:
    labels = rings((12, 10), slices=3)
    with pytest.raises(WrongDimensions, match="3 slices"):
        PROTOCOLS["lvquan"].score(Judged(a_study(labels, LEFT_VENTRICLE), labels, LEFT_VENTRICLE))


def test_a_scheme_that_lacks_a_structure_is_refused_with_the_option_to_change() -> None:
    with pytest.raises(BadConfiguration, match=r"rv_cavity[\s\S]*--prediction-scheme acdc"):
        protocol_named("acdc").check_scheme(LEFT_VENTRICLE, "--prediction-scheme")
    with pytest.raises(BadConfiguration, match="infarct, no_reflow"):
        protocol_named("emidec").check_scheme(ACDC, "--reference-scheme")
    protocol_named("lvquan").check_scheme(ACDC, "--prediction-scheme")  # it tells both structures


def test_an_unknown_protocol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="acdc, emidec, lvquan, mnms"):
        protocol_named("brats")


def test_a_study_without_reference_cannot_be_judged() -> None:
    study = a_study(late_enhancement(8), EMIDEC, ed=None)
    bare = Study(study.name, study.image, study.grid, (), study.facts)
    with pytest.raises(LabelsMissing):
        PROTOCOLS["emidec"].score(Judged(bare, late_enhancement(8), EMIDEC))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_column_is_defined_and_every_defined_column_is_there(name: str) -> None:
    rules = PROTOCOLS[name]
    labels = {"acdc": two_phases((8, 4)), "mnms": two_phases((8, 4)), "emidec": late_enhancement(8)}
    array = labels.get(name, rings((12, 10, 8)))
    rows = rules.score(Judged(a_study(array, rules.scheme), array, rules.scheme))
    assert set(rows[0]) == set(rules.case_columns)
    for table in rules.summarise(rows):
        assert set(table.rows[0]) == set(table.columns)
