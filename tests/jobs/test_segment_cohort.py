"""Segmenting many inputs: what is written, what is skipped, what is refused, and that the others go on."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from shortaxis.core.errors import BadPatientFacts, ModelMissing, OutputExists
from shortaxis.core.study import Facts
from shortaxis.jobs.segment_cohort import CaseEvent, SegmentOptions, segment_cohort
from shortaxis.pipeline import segment, write_phantom
from shortaxis.read.phantom import PhantomRecipe

SMALL = PhantomRecipe(frames=4, slices=5, rows=64, cols=64, pixel_mm=4.0)


@pytest.fixture
def options(trained: Path) -> SegmentOptions:
    """The tiny model on the CPU."""
    return SegmentOptions(model=str(trained / "fold-0" / "model.safetensors"), device="cpu")


def test_a_4d_cine_gives_a_4d_mask_on_its_own_grid_and_masks_of_the_phases(
    tmp_path: Path, options: SegmentOptions
) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    result = segment_cohort([cine], tmp_path / "out", options)
    assert result.done == ["phantom"]
    assert result.terms.startswith("model model (unet): trained on 2 patients; licence ")
    image, mask = nib.load(cine), nib.load(tmp_path / "out/phantom/phantom_labels.nii.gz")
    assert mask.shape == image.shape
    np.testing.assert_array_equal(mask.affine, image.affine)
    np.testing.assert_array_equal(mask.header["pixdim"], image.header["pixdim"])
    assert set(np.unique(np.asarray(mask.dataobj))) <= {0, 1, 2, 3}
    measures = json.loads((tmp_path / "out/phantom/measures.json").read_text())
    has_phase = measures["phases"]["ed_index"] is not None
    assert (tmp_path / "out/phantom/phantom_ed_labels.nii.gz").is_file() == has_phase


def test_an_acdc_patient_gives_one_3d_mask_per_frame_file_with_its_header_to_the_letter(
    tmp_path: Path, acdc_tree: Path, options: SegmentOptions
) -> None:
    folder = acdc_tree / "training" / "patient001"
    segment_cohort([folder], tmp_path, options)
    images = sorted(path for path in folder.glob("*_frame*.nii.gz") if "_gt" not in path.name)
    assert len(images) == 2
    for path in images:
        mask = nib.load(tmp_path / "patient001" / path.name.replace(".nii.gz", "_labels.nii.gz"))
        source = nib.load(path)
        assert mask.shape == source.shape
        np.testing.assert_array_equal(mask.affine, source.affine)
        np.testing.assert_array_equal(mask.header["pixdim"], source.header["pixdim"])


def test_one_bad_case_is_reported_and_the_others_go_on(tmp_path: Path, options: SegmentOptions) -> None:
    write_phantom(SMALL, tmp_path / "scans")
    (tmp_path / "scans" / "broken.nii.gz").write_bytes(b"not a scan")
    events: list[CaseEvent] = []
    result = segment_cohort([tmp_path / "scans"], tmp_path / "out", options, events.append)
    assert result.done == ["phantom"]
    assert list(result.failed) == ["broken"]
    assert [event.case for event in events if event.refusal] == ["broken"]
    assert not (tmp_path / "out/broken").exists()
    table = (tmp_path / "out/measures.csv").read_text()
    assert result.failed["broken"].code in table


def write_long_axis(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plane = np.random.default_rng(0).integers(0, 200, (32, 32, 1)).astype(np.int16)
    nib.save(nib.Nifti1Image(plane, np.diag([1.5, 1.5, 8, 1])), path)


def test_a_long_axis_among_scans_is_set_aside_and_fails_nothing(tmp_path: Path, options: SegmentOptions) -> None:
    write_phantom(SMALL, tmp_path / "scans")
    write_long_axis(tmp_path / "scans" / "x_4ch.nii.gz")
    events: list[CaseEvent] = []
    result = segment_cohort([tmp_path / "scans"], tmp_path / "out", options, events.append)
    assert result.done == ["phantom"] and not result.failed
    assert list(result.set_aside) == ["x_4ch"] and "long axis" in result.set_aside["x_4ch"].found
    assert not [event for event in events if event.refusal]
    assert "x_4ch" not in (tmp_path / "out/measures.csv").read_text()


def test_a_folder_of_long_axes_alone_is_refused(tmp_path: Path, options: SegmentOptions) -> None:
    write_long_axis(tmp_path / "scans" / "x_4ch.nii.gz")
    write_long_axis(tmp_path / "scans" / "x_2ch.nii.gz")
    events: list[CaseEvent] = []
    result = segment_cohort([tmp_path / "scans"], tmp_path / "out", options, events.append)
    assert sorted(result.failed) == ["x_2ch", "x_4ch"] and not result.set_aside
    assert sorted(event.case for event in events if event.refusal) == ["x_2ch", "x_4ch"]


def test_a_second_run_skips_what_is_done_and_other_options_are_refused(tmp_path: Path, options: SegmentOptions) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    segment_cohort([cine], tmp_path / "out", options)
    before = (tmp_path / "out/phantom/manifest.json").stat().st_mtime_ns
    assert segment_cohort([cine], tmp_path / "out", options).skipped == ["phantom"]
    assert (tmp_path / "out/phantom/manifest.json").stat().st_mtime_ns == before
    other = SegmentOptions(model=options.model, device="cpu", label_scheme="mnms")
    assert isinstance(segment_cohort([cine], tmp_path / "out", other).failed["phantom"], OutputExists)


def test_another_scan_of_the_same_name_is_never_taken_for_the_one_that_is_done(
    tmp_path: Path, options: SegmentOptions
) -> None:
    for place in ("first", "second"):
        cine = write_phantom(SMALL, tmp_path / place)
    segment_cohort([tmp_path / "first" / cine.name], tmp_path / "out", options)
    refusal = segment_cohort([cine], tmp_path / "out", options).failed["phantom"]
    assert isinstance(refusal, OutputExists)
    assert "another scan" in refusal.found


def test_a_case_that_fails_half_way_leaves_no_folder_and_keeps_the_earlier_one(
    tmp_path: Path, options: SegmentOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    segment_cohort([cine], tmp_path / "out", options)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out/phantom").iterdir()}
    monkeypatch.setattr("shortaxis.jobs.case_files.render_case", lambda *given: 1 / 0)
    again = SegmentOptions(model=options.model, device="cpu", overwrite=True)
    assert segment_cohort([cine], tmp_path / "out", again).failed["phantom"].code == "SA-E090"
    assert {path.name: path.read_bytes() for path in (tmp_path / "out/phantom").iterdir()} == before
    segment_cohort([cine], tmp_path / "new", options)
    assert not [path for path in (tmp_path / "new").iterdir() if path.is_dir()]


def test_which_case_came_from_which_path_is_written_only_on_request(tmp_path: Path, options: SegmentOptions) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    asked = SegmentOptions(model=options.model, device="cpu", report=False, linkage=tmp_path / "private.csv")
    segment_cohort([cine], tmp_path / "out", asked)
    assert (tmp_path / "private.csv").read_text() == f"case,source\nphantom,{cine.resolve()}\n"


def test_shards_divide_the_cases_between_them(tmp_path: Path, acdc_tree: Path, options: SegmentOptions) -> None:
    names = []
    for number in (1, 2, 3):
        shard = SegmentOptions(model=options.model, device="cpu", report=False, shard=(number, 3))
        names += segment_cohort([acdc_tree], tmp_path, shard).done
    assert sorted(names) == ["patient001", "patient002", "patient003", "patient004"]


def test_no_output_holds_the_path_of_its_input(tmp_path: Path, options: SegmentOptions) -> None:
    cine = write_phantom(SMALL, tmp_path / "Doe^Jane")
    segment_cohort([cine], tmp_path / "out", options)
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert b"Doe^Jane" not in path.read_bytes(), path.name


def test_other_label_numbers_hold_the_same_anatomy(tmp_path: Path, options: SegmentOptions) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    ours = segment(cine, model=options.model, device="cpu")
    theirs = segment(cine, model=options.model, device="cpu", label_scheme="mnms")
    for structure in ours.scheme.structures:
        np.testing.assert_array_equal(
            ours.scheme.mask(ours.labels, structure), theirs.scheme.mask(theirs.labels, structure)
        )


def test_given_phases_are_used_and_the_found_ones_stand_beside_them(tmp_path: Path, options: SegmentOptions) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    phases = segment(cine, model=options.model, device="cpu", facts=Facts(ed_index=1, es_index=2)).measures["phases"]
    assert (phases["ed_index"], phases["es_index"], phases["ed_number"]) == (1, 2, 2)
    with pytest.raises(BadPatientFacts, match="from 1 to 4"):
        segment(cine, model=options.model, device="cpu", facts=Facts(es_index=4))


def test_a_box_by_hand_must_lie_in_the_image(tmp_path: Path, options: SegmentOptions) -> None:
    cine = write_phantom(SMALL, tmp_path / "scan")
    found = segment(cine, model=options.model, device="cpu", roi=(10, 10, 50, 50))
    assert found.boxes is not None and found.boxes[0, 0].tolist() == [10, 10, 50, 50]
    with pytest.raises(Exception, match="SA-E020"):
        segment(cine, model=options.model, device="cpu", roi=(10, 10, 64, 50))


def test_a_model_that_is_not_there_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shortaxis.jobs.announced.entry_points", lambda group: [])  # nothing is installed
    with pytest.raises(ModelMissing, match="pip install"):
        segment_cohort([tmp_path], tmp_path, SegmentOptions(model="no-such-model", device="cpu"))
