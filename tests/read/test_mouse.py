"""Mice: Segment's contours become labels of the right pixels, and an animal's scans stay together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import (
    BadConfiguration,
    BadSpacing,
    ConstantImage,
    DamagedFile,
    LabelsMissing,
    NonFiniteVoxels,
    NoStudy,
    ShortaxisError,
    UnknownFormat,
)
from shortaxis.core.labels import LEFT_VENTRICLE, Structure
from shortaxis.files.writer import write_image, write_labels
from shortaxis.read.find import find_cases, read_case
from shortaxis.read.mouse import animal_of, find_mouse, read_mouse
from shortaxis.read.phantom_mouse import MouseRecipe, make_mouse_phantom
from shortaxis.read.segment_export import read_segment, read_segment_labelled
from tests.lookalike.segment_files import CENTRE, segment_fields, write_segment


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_segment(tmp_path_factory.mktemp("segment") / "m12_day7.mat", segment_fields())


def test_outlines_fill_the_pixels_whose_centres_they_enclose(file: Path) -> None:
    labels = read_segment_labelled(file).labels
    assert labels is not None
    row, col = np.mgrid[:40, :32]
    away = np.hypot(row - CENTRE[0], col - CENTRE[1])
    np.testing.assert_array_equal(labels.array[0, 1], np.where(away < 6.2, 1, np.where(away < 9.2, 2, 0)))
    np.testing.assert_array_equal(labels.array[2, 3], np.where(away < 3.2, 1, np.where(away < 9.2, 2, 0)))


def test_an_epicardium_alone_is_the_apex_all_muscle(file: Path) -> None:
    labels = read_segment_labelled(file).labels
    assert labels is not None
    row, col = np.mgrid[:40, :32]
    disc = np.hypot(row - CENTRE[0], col - CENTRE[1]) < 3.2
    np.testing.assert_array_equal(labels.array[1, 4], np.where(disc, 2, 0))
    assert labels.annotated[1, 4].all()


def test_beyond_a_run_of_drawn_slices_the_heart_has_ended_and_that_is_known(file: Path) -> None:
    labels = read_segment_labelled(file).labels
    assert labels is not None
    assert not labels.array[:, [0, 5]].any()
    assert labels.annotated.all()


def test_where_single_slices_were_drawn_the_others_are_not_background(tmp_path: Path) -> None:
    fields = segment_fields()
    for name in ("EndoX", "EndoY", "EpiX", "EpiY"):
        fields[name][:, 1] = np.nan  # nothing in frame 1
        fields[name][:, 2, 2] = np.nan  # a gap in frame 2
    fields["EpiX"][:, 0, 3] = fields["EpiY"][:, 0, 3] = 0.0  # how some programs write "not drawn"
    labels = read_segment_labelled(write_segment(tmp_path / "a.mat", fields)).labels
    assert labels is not None
    cavity, myocardium = (LEFT_VENTRICLE.structures.index(s) for s in (Structure.LV_CAVITY, Structure.MYOCARDIUM))
    assert not labels.annotated[1].any()
    assert np.flatnonzero(labels.annotated[2].all(axis=1)).tolist() == [1, 3, 4]
    assert np.flatnonzero(labels.annotated[0, :, cavity]).tolist() == [1, 2, 3, 4]
    assert np.flatnonzero(labels.annotated[0, :, myocardium]).tolist() == [1, 2, 4]


def test_geometry_times_and_phases_are_those_of_the_file(file: Path) -> None:
    study = read_segment(file)
    assert study.image.shape == (3, 6, 40, 32)
    assert study.image[2, 4, 10, 5] == segment_fields()["IM"][10, 5, 2, 4]
    assert study.grid.spacing_mm == pytest.approx((0.8, 0.14, 0.13))
    assert study.grid.affine[:3, :3].tolist() == pytest.approx(np.diag([-0.13, -0.14, -0.8]))
    assert study.grid.affine[:3, 3] == pytest.approx([-1, -2, 3])
    assert (study.facts.ed_index, study.facts.es_index) == (0, 2)
    assert study.facts.frame_time_ms == pytest.approx(11.0)
    assert study.facts.heart_rate_bpm == 460.0


def test_nothing_of_the_patients_name_is_read(file: Path) -> None:
    assert "Somebody" not in repr(read_segment_labelled(file))


def test_equal_phases_are_nobodys_choice(tmp_path: Path) -> None:
    facts = read_segment(write_segment(tmp_path / "a.mat", segment_fields() | {"EST": 1.0})).facts
    assert (facts.ed_index, facts.es_index) == (None, None)


def test_of_several_stacks_that_with_contours_is_read(tmp_path: Path) -> None:
    bare = segment_fields() | {name: np.zeros((0, 0)) for name in ("EndoX", "EndoY", "EpiX", "EpiY")}
    chosen = read_segment(write_segment(tmp_path / "a.mat", bare | {"ResolutionX": 0.5}, segment_fields()))
    assert chosen.grid.pixel_mm == pytest.approx((0.14, 0.13))
    with pytest.raises(NoStudy, match="2 of 2"):
        read_segment(write_segment(tmp_path / "b.mat", bare, bare))


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"ResolutionX": 0.0}, BadSpacing),
        ({"SliceThickness": np.nan}, BadSpacing),
        ({"IM": np.zeros((40, 32, 3, 6))}, ConstantImage),
        ({"IM": np.full((40, 32, 3, 6), np.inf)}, NonFiniteVoxels),
        ({"IM": np.ones((40, 32))}, NoStudy),
        ({"IM": "text"}, UnknownFormat),
        ({"EndoX": np.zeros((0, 0)), "EpiX": np.zeros((0, 0))}, LabelsMissing),
        ({"EndoX": np.zeros((7, 2)), "EpiY": np.zeros((3, 3))}, LabelsMissing),
    ],
)
def test_an_unusable_file_is_refused_by_name(tmp_path: Path, change: dict, refusal: type[ShortaxisError]) -> None:
    with pytest.raises(refusal):
        read_segment_labelled(write_segment(tmp_path / "a.mat", segment_fields() | change))


def test_a_truncated_file_is_refused(file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "a.mat"
    broken.write_bytes(file.read_bytes()[:-400])
    with pytest.raises(DamagedFile):
        read_segment(broken)


def test_a_segment_file_is_a_case_to_segment(file: Path) -> None:
    (case,) = find_cases([file])
    assert (case.name, case.kind) == ("m12_day7", "segment")
    assert read_case(case)[0].labels is None


@pytest.mark.parametrize(
    ("path", "animal"),
    [
        ("m12_day7.mat", "m12"),
        ("m12/day7.mat", "m12"),
        ("ko/m12/day-7/cine.mat", "m12"),
        ("m3_preop_sax.mat", "m3"),
        ("m3.nii.gz", "m3"),
        ("day7.mat", "day7"),
    ],
)
def test_an_animals_scans_share_its_key(path: str, animal: str) -> None:
    assert animal_of(Path("/data") / path, Path("/data")) == animal


def test_segment_files_are_found_with_their_animals(file: Path, tmp_path: Path) -> None:
    for name in ("m1/day0", "m1/day7", "m2/day0"):
        write_segment(tmp_path / f"{name}.mat", segment_fields())
    cases = find_mouse(tmp_path)
    assert [(case.name, case.animal) for case in cases] == [("m1-day0", "m1"), ("m1-day7", "m1"), ("m2-day0", "m2")]
    study = read_mouse(cases[0])
    assert (study.name, study.facts.species) == ("m1-day0", "mouse")


def test_images_with_labels_beside_them_are_read_as_mice(tmp_path: Path) -> None:
    study = make_mouse_phantom(MouseRecipe(frames=2, slices=6, slice_mm=1.2, pixel_mm=0.2, rows=96, cols=96)).study
    assert study.labels is not None
    for name in ("m1_day0", "m1_day7"):
        write_image(tmp_path / f"{name}.nii.gz", study.image, study.grid, is_4d=True)
        write_labels(tmp_path / f"{name}_gt.nii.gz", study.labels.array, study.grid, is_4d=True)
    cases = find_mouse(tmp_path)
    assert [case.animal for case in cases] == ["m1", "m1"]
    read = read_mouse(cases[1])
    assert read.facts.species == "mouse"
    assert read.labels is not None
    np.testing.assert_array_equal(read.labels.array, study.labels.array)
    write_labels(tmp_path / "m1_day7_gt.nii.gz", np.minimum(study.labels.array, 1), study.grid, is_4d=True)
    with pytest.raises(BadConfiguration, match="1 alone"):
        read_mouse(cases[1])
