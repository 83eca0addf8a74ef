"""Whatever the user points at becomes cases: images never labels, names never twice, identities never shown."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from shortaxis.core.errors import MissingFile, NoStudy, ShortaxisError, UnknownFormat, Unreadable, WrongKindOfScan
from shortaxis.read.find import find_cases, only_study, read_case
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.lookalike.nifti_files import an_image, write


def a_dicom(path: Path, study: str) -> Path:
    """A DICOM file as far as finding needs one."""
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.4", generate_uid()
    dataset.StudyInstanceUID = study
    dataset.PatientName = "DOE^JANE"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def found(*inputs: Path) -> list[tuple[str, str, str]]:
    return [(case.name, case.kind, case.path.name) for case in find_cases(inputs)]


def test_a_file_is_a_case(tmp_path: Path) -> None:
    path = write(tmp_path / "My scan.nii.gz", an_image()[0])
    assert found(path) == [("My-scan", "nifti", "My scan.nii.gz")]
    studies = read_case(find_cases([path])[0])
    assert len(studies) == 1 and studies[0].name == "My-scan"


def test_a_patient_folder_is_a_case_and_a_tree_of_them_a_cohort(tmp_path: Path) -> None:
    first, _ = make_acdc_tree(tmp_path, 2)
    assert found(first) == [("patient001", "acdc", "patient001")]
    assert found(tmp_path) == [("patient001", "acdc", "patient001"), ("patient002", "acdc", "patient002")]
    assert read_case(find_cases([first])[0])[0].n_frames == 2


def test_segmentations_are_never_taken_for_images(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "a_gt.nii.gz", "b_seg.nii", "labels/a.nii.gz", "labelsTr/c.nii.gz", "c_mask.nii.gz"):
        write(tmp_path / name, an_image()[0])
    assert found(tmp_path) == [("a", "nifti", "a.nii.gz")]
    with pytest.raises(NoStudy, match="label files"):
        find_cases([tmp_path / "a_gt.nii.gz"])


def test_a_folder_the_user_names_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    path = write(tmp_path / "segmentation" / "a.nii.gz", an_image()[0])
    assert found(path.parent) == found(path) == [("a", "nifti", "a.nii.gz")]


def test_equal_names_in_a_cohort_are_told_apart_and_the_studies_too(tmp_path: Path) -> None:
    write(tmp_path / "x" / "sa.nii.gz", an_image()[0])
    write(tmp_path / "y" / "sa.nii.gz", an_image()[0] + np.int16(1))
    cases = find_cases([tmp_path])
    assert [case.name for case in cases] == ["sa", "sa-2"]
    assert [read_case(case)[0].name for case in cases] == ["sa", "sa-2"]


def test_the_same_path_given_twice_is_one_case(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nii.gz", an_image()[0])
    (tmp_path / "link.nii.gz").symlink_to(path)
    assert len(find_cases([path, tmp_path, tmp_path / "." / "a.nii.gz"])) == 1


def test_hidden_entries_and_loops_of_links_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a.nii.gz", an_image()[0])
    write(tmp_path / "._a.nii.gz", an_image()[0])
    write(tmp_path / "__MACOSX" / "b.nii.gz", an_image()[0])
    (tmp_path / "loop").symlink_to(tmp_path)
    assert found(tmp_path) == [("a", "nifti", "a.nii.gz")]


def test_a_dicom_folder_is_a_case_that_does_not_bear_the_patient_s_name(tmp_path: Path) -> None:
    a_dicom(tmp_path / "DOE_JANE" / "1.dcm", "1.2.3")
    a_dicom(tmp_path / "ROE_RICHARD" / "1", "1.2.4")
    assert found(tmp_path) == [("case-001", "dicom", "DOE_JANE"), ("case-002", "dicom", "ROE_RICHARD")]


def test_the_series_folders_of_one_examination_are_one_case(tmp_path: Path) -> None:
    for patient, study in (("p1", "1.2.3"), ("p2", "1.2.4")):
        for series in ("s1", "s2", "s3"):
            a_dicom(tmp_path / patient / "exam" / series / "1.dcm", study)
    assert found(tmp_path / "p1") == [("case-001", "dicom", "exam")]
    assert found(tmp_path) == [("case-001", "dicom", "exam"), ("case-002", "dicom", "exam")]


def test_a_zip_of_dicom_is_a_case_and_another_zip_is_none(tmp_path: Path) -> None:
    path = a_dicom(tmp_path / "work" / "1.dcm", "1.2.3")
    with zipfile.ZipFile(tmp_path / "exam.zip", "w") as archive:
        archive.write(path, "exam/1.dcm")
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("readme.txt", "text")
    path.unlink()
    assert found(tmp_path) == [("case-001", "dicom", "exam.zip")]
    assert found(tmp_path / "exam.zip") == [("case-001", "dicom", "exam.zip")]
    with pytest.raises(UnknownFormat):
        find_cases([tmp_path / "text.zip"])


def test_a_mixed_folder_gives_all_it_holds(tmp_path: Path) -> None:
    make_acdc_tree(tmp_path, 1)
    a_dicom(tmp_path / "dicom" / "1.dcm", "1.2.3")
    write(tmp_path / "z.nii", an_image()[0])
    (tmp_path / "notes.txt").write_text("nothing to see")
    assert sorted(kind for _, kind, _ in found(tmp_path)) == ["acdc", "dicom", "nifti"]


def test_of_several_cases_where_one_is_wanted_none_is_read_and_some_are_named(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"p{number}.nii").write_bytes(b"no image at all")
    with pytest.raises(NoStudy, match=r"7: p0, p1, p2, p3, p4, \.\.\."):
        only_study(tmp_path)


def test_nothing_found_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NoStudy, match="a NIfTI image, a DICOM folder or zip"):
        find_cases([tmp_path])
    with pytest.raises(NoStudy, match="no input"):
        find_cases([])


def test_paths_that_are_nothing_are_refused_by_type(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        find_cases([tmp_path / "nowhere"])
    (tmp_path / "text.txt").write_text("text")
    with pytest.raises(UnknownFormat, match=r"text\.txt"):
        find_cases([tmp_path / "text.txt"])
    with pytest.raises(ShortaxisError):
        find_cases([tmp_path / "null\0"])


def close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that may not be listed, also where the tests run as root."""
    folder.mkdir(parents=True)
    really_list = Path.iterdir

    def deny(self: Path) -> Iterator[Path]:
        if self == folder:
            raise PermissionError(13, "Permission denied")
        return really_list(self)

    monkeypatch.setattr(Path, "iterdir", deny)
    return folder


def test_a_locked_folder_is_a_case_that_is_refused_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.nii.gz", an_image()[0])
    a_dicom(tmp_path / "patient" / "series" / "1.dcm", "1.2.3")
    closed = close(tmp_path / "patient" / "locked", monkeypatch)
    assert found(tmp_path) == [
        ("a", "nifti", "a.nii.gz"),
        ("case-001", "unreadable", "locked"),
        ("case-002", "dicom", "series"),
    ]
    refused = find_cases([tmp_path])[1]
    with pytest.raises(Unreadable, match="may not be") as refusal:
        read_case(refused)
    assert refusal.value.path == closed


def test_a_locked_input_is_refused_where_it_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = write(tmp_path / "a.nii.gz", an_image()[0])
    closed = close(tmp_path / "closed", monkeypatch)
    with pytest.raises(Unreadable, match="Permission denied"):
        find_cases([closed])
    assert found(closed, image) == [("case-001", "unreadable", "closed"), ("a", "nifti", "a.nii.gz")]


@pytest.mark.realdata
def test_real_trees_are_found_whole(data_root: Path) -> None:
    assert [case.kind for case in find_cases([data_root / "acdc"])] == ["acdc"] * 100
    assert [case.kind for case in find_cases([data_root / "sunnybrook"])] == ["dicom"] * 2
    assert all(not case.path.name.endswith("_gt.nii.gz") for case in find_cases([data_root / "mnms2"]))


@pytest.mark.parametrize("name", ["001_LA_ED", "x_4ch", "x-LAX", "x_lvot"])
def test_a_slice_that_its_name_calls_long_axis_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / f"{name}.nii.gz", an_image()[:, :1])
    with pytest.raises(WrongKindOfScan, match="1 slice under a name that says long axis"):
        read_case(find_cases([path])[0])


@pytest.mark.parametrize("name", ["x", "LA_001_sax", "plan_b", "later"])
def test_a_slice_of_another_name_is_read(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / f"{name}.nii.gz", an_image()[:, :1])
    assert read_case(find_cases([path])[0])[0].grid.shape[0] == 1


def test_a_stack_is_read_whatever_its_name_says(tmp_path: Path) -> None:
    path = write(tmp_path / "LA_001.nii.gz", an_image())
    assert read_case(find_cases([path])[0])[0].grid.shape[0] == 3


def test_results_of_an_earlier_run_are_no_scans(tmp_path: Path) -> None:
    write(tmp_path / "a.nii.gz", an_image()[0])
    write(tmp_path / "results/case-001/series300_image.nii.gz", an_image()[0])
    for name in ("manifest.json", "measures.json"):
        (tmp_path / "results/case-001" / name).write_text("{}")
    assert found(tmp_path) == [("a", "nifti", "a.nii.gz")]
