"""Segments on hearts whose parts are where we put them, and on the phantom, whatever way it is stored."""

from __future__ import annotations

import numpy as np
import pytest

from shortaxis.core.labels import ACDC, LEFT_VENTRICLE
from shortaxis.core.study import Grid
from shortaxis.measure import aha_segments
from shortaxis.measure.aha_segments import APICAL, BASAL, MID, SEGMENTS, segment_numbers, segmented_slices
from shortaxis.measure.aha_wall import aha_wall, segment_thickness_mm
from shortaxis.measure.insertion import AS_DISPLAYED, find_insertion, septal_arc
from shortaxis.measure.phases import Phases, find_phases
from shortaxis.measure.rays import crossed_mm
from shortaxis.read.phantom import Phantom, PhantomRecipe, make_phantom
from tests.lookalike.ring_study import stored_as

RV, MYO, LV = 1, 2, 3
PIXEL_MM = (1.0, 1.0)
DISPLAY = np.diag([-1.0, -1.0, 8.0, 1.0])  # columns to the left, rows to the back
TWO = Phases(0, 1, "given", 0, 1)


def heart(slices: int = 6, septum_deg: tuple[float, float] = (120, 240), wall_mm: float = 8.0) -> np.ndarray:
    """A round heart [slice, row, col] that narrows from the first slice on; the septum between two image angles."""
    rows, cols = np.mgrid[:90, :90] - 45
    away = np.hypot(rows, cols)
    angle = np.rad2deg(np.arctan2(rows, cols)) % 360
    labels = np.zeros((slices, 90, 90), np.uint8)
    for index, plane in enumerate(labels):
        inner = 20 - index
        plane[(away < inner + wall_mm + 6) & (angle > septum_deg[0]) & (angle < septum_deg[1])] = RV
        plane[away < inner + wall_mm] = MYO
        plane[away < inner] = LV
    return labels


def grid_of(labels: np.ndarray, affine: np.ndarray = DISPLAY, spacing_mm: bool = True) -> Grid:
    slices, rows, cols = labels.shape
    return Grid((slices, rows, cols), affine, (8.0, *PIXEL_MM) if spacing_mm else None)


def insertion_of(labels: np.ndarray, grid: Grid):
    plane = labels[0]
    return find_insertion(plane == LV, plane == MYO, plane == RV, PIXEL_MM, grid)


# --- landmarks --------------------------------------------------------------------------------------------------------
def test_the_septum_is_the_arc_that_touches_the_right_ventricle() -> None:
    labels = heart()
    arc = septal_arc(labels[0] == LV, labels[0] == MYO, labels[0] == RV, PIXEL_MM)
    assert arc is not None
    assert np.rad2deg(arc) == pytest.approx((120, 240), abs=4)


def test_the_anterior_insertion_is_the_upper_end_of_the_septum_as_scanners_show_it() -> None:
    found = insertion_of(heart(), grid_of(heart()))
    assert found is not None
    assert np.rad2deg(found.anterior_rad) == pytest.approx(240, abs=4)  # up and to the left
    assert found.turn == AS_DISPLAYED.turn
    assert np.rad2deg(found.along(np.deg2rad(np.array([180.0, 90.0])))) == pytest.approx([60, 150], abs=4)


def test_a_header_that_puts_the_septum_on_the_left_gives_no_insertion() -> None:
    assert insertion_of(heart(), grid_of(heart(), np.diag([1.0, -1.0, 8.0, 1.0]))) is None


def test_a_gap_of_two_pixels_between_right_ventricle_and_wall_is_bridged() -> None:
    labels = heart()
    rows, cols = np.mgrid[:90, :90] - 45
    labels[0][(labels[0] == RV) & (np.hypot(rows, cols) < 30)] = 0
    assert insertion_of(labels, grid_of(labels)) is not None


# --- numbering --------------------------------------------------------------------------------------------------------
def test_segments_are_numbered_from_the_anterior_insertion_through_the_septum() -> None:
    middles = np.deg2rad(np.array([30, 90, 150, 210, 270, 330]))
    assert segment_numbers(middles, BASAL).tolist() == [2, 3, 4, 5, 6, 1]
    assert segment_numbers(middles, MID).tolist() == [8, 9, 10, 11, 12, 7]
    assert segment_numbers(np.deg2rad(np.array([60.0, 150, 240, 330, 14, 16, 104, 106])), APICAL).tolist() == [
        14, 15, 16, 13, 13, 14, 14, 15,
    ]  # fmt: skip


def test_the_stack_is_parted_into_thirds_from_the_wide_end() -> None:
    labels = heart(6)
    slices, reason = segmented_slices(labels, ACDC, grid_of(labels))
    assert reason is None
    assert {part.index: part.level for part in slices} == {0: 0, 1: 0, 2: 1, 3: 1, 4: 2, 5: 2}
    turned, _ = segmented_slices(labels[::-1], ACDC, grid_of(labels))
    assert {part.index: part.level for part in turned} == {5: 0, 4: 0, 3: 1, 2: 1, 1: 2, 0: 2}


def test_a_thick_septum_is_thick_in_the_septal_segments_alone() -> None:
    labels = heart()
    rows, cols = np.mgrid[:90, :90] - 45
    angle = np.rad2deg(np.arctan2(rows, cols)) % 360
    for index, plane in enumerate(labels):
        grown = (np.hypot(rows, cols) < 20 - index + 12) & (angle > 120) & (angle < 240)
        plane[grown & (plane == RV)] = MYO  # 12 mm instead of 8
    slices, _ = segmented_slices(labels, ACDC, grid_of(labels))
    found = segment_thickness_mm(labels, ACDC, slices, PIXEL_MM)
    assert [found[n] for n in (2, 3, 8, 9)] == pytest.approx([12] * 4, abs=0.4)
    assert [found[n] for n in (1, 4, 5, 6, 7, 10, 11, 12)] == pytest.approx([8] * 8, abs=0.4)
    assert found[14] > 11
    assert found[16] == pytest.approx(8, abs=0.4)


def test_a_wall_thick_in_front_is_thick_in_the_anterior_segments() -> None:
    labels = heart()
    rows, cols = np.mgrid[:90, :90] - 45
    angle = np.rad2deg(np.arctan2(rows, cols)) % 360
    for index, plane in enumerate(labels):
        plane[(np.hypot(rows, cols) < 20 - index + 12) & (angle > 240) & (angle < 300) & (plane == 0)] = MYO
    slices, _ = segmented_slices(labels, ACDC, grid_of(labels))
    found = segment_thickness_mm(labels, ACDC, slices, PIXEL_MM)
    assert (found[1], found[7]) == pytest.approx((12, 12), abs=0.5)
    assert (found[4], found[10]) == pytest.approx((8, 8), abs=0.4)


def test_near_the_apex_where_the_septum_shrinks_the_landmark_of_the_slice_above_holds() -> None:
    labels = heart()
    tip = heart(septum_deg=(120, 165))
    labels[4:] = tip[4:]
    slices, _ = segmented_slices(labels, ACDC, grid_of(labels))
    assert np.rad2deg([part.insertion.anterior_rad for part in slices]) == pytest.approx([240] * 6, abs=4)


def test_at_the_base_where_the_outflow_covers_the_front_the_landmark_of_the_slice_below_holds() -> None:
    labels = heart()
    labels[0] = heart(septum_deg=(110, 300))[0]
    slices, _ = segmented_slices(labels, ACDC, grid_of(labels))
    assert np.rad2deg(slices[0].insertion.anterior_rad) == pytest.approx(240, abs=4)


# --- thickness and thickening -----------------------------------------------------------------------------------------
def test_a_ring_of_eight_that_becomes_twelve_thickens_by_half() -> None:
    labels = np.stack([heart(wall_mm=8), heart(wall_mm=12)])
    entries = aha_wall(labels, ACDC, grid_of(labels[0]), TWO)
    assert len(entries) == 3 * 16
    for number in SEGMENTS:
        assert entries[f"{number}.ed_mm"][0] == pytest.approx(8, abs=0.3)
        assert entries[f"{number}.thickening_percent"][0] == pytest.approx(50, abs=6)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("no spacing", aha_segments.NO_SPACING),
        ("no right ventricle in the scheme", aha_segments.NO_RV),
        ("no right ventricle", aha_segments.NO_INSERTION),
        ("two slices", aha_segments.FEW_SLICES),
        ("a tube", aha_segments.NO_BASE),
    ],
)
def test_what_cannot_be_measured_is_none_with_the_reason(change: str, reason: str) -> None:
    stack, scheme, spacing = heart(), ACDC, change != "no spacing"
    if change == "no right ventricle in the scheme":
        stack, scheme = ACDC.translate(stack, LEFT_VENTRICLE), LEFT_VENTRICLE
    elif change == "no right ventricle":
        stack[stack == RV] = 0
    elif change == "two slices":
        stack = stack[:2]
    elif change == "a tube":
        stack = np.repeat(stack[:1], 6, axis=0)
    entries = aha_wall(np.stack([stack, stack]), scheme, grid_of(stack, spacing_mm=spacing), TWO)
    assert set(entries.values()) == {(None, reason)}


def test_without_end_systole_there_is_thickness_and_no_thickening() -> None:
    labels = heart()[None]
    entries = aha_wall(labels, ACDC, grid_of(labels[0]), find_phases([1], given_ed=0))
    assert entries["1.ed_mm"][1] is None
    assert entries["1.es_mm"] == entries["1.thickening_percent"]
    assert "end-systole is unknown" in (entries["1.es_mm"][1] or "")


# --- the phantom ------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom(PhantomRecipe(frames=2, slices=9, rows=128, cols=128, noise=0.0))


def walls(study) -> dict[str, float]:
    phases = Phases(study.facts.ed_index, study.facts.es_index, "given", None, None)
    entries = aha_wall(study.labels.array, ACDC, study.grid, phases)
    return {key: value for key, (value, _) in entries.items()}


def test_the_phantom_s_wall_is_as_thick_as_asked_and_thickens_everywhere(phantom: Phantom) -> None:
    found = walls(phantom.study)
    middle = [found[f"{number}.ed_mm"] for number in range(7, 13)]
    assert middle == pytest.approx([phantom.recipe.wall_mm] * 6, abs=0.8)
    assert min(found[f"{number}.thickening_percent"] for number in SEGMENTS) > 15


@pytest.mark.parametrize("way", [(True, False, False), (False, True, False), (False, False, True), (True, True, False)])
def test_the_order_in_which_the_pixels_are_stored_changes_nothing(phantom: Phantom, way) -> None:
    """A transposition with one flip is a turn by 90 degrees."""
    upright = walls(phantom.study)
    turned = walls(stored_as(phantom.study, *way))
    for key, value in upright.items():  # a step that falls between two pixels may take the other
        assert turned[key] == pytest.approx(value, abs=0.2 if key.endswith("percent") else 0.03)


def test_rays_measure_in_millimetres_whatever_the_pixels() -> None:
    wall = np.zeros((41, 41), bool)
    wall[20 - 9 : 20 + 10, 20 + 5 : 20 + 9] = True  # an upright slab of four columns to the right
    crossed = crossed_mm([wall], (20.0, 20.0), (2.0, 1.5))[0]
    assert crossed[[0, 71]] == pytest.approx([4 * 1.5] * 2, abs=0.2)  # at -+ 2.5 degrees
    assert crossed[18:54] == pytest.approx([0.0] * 36)
