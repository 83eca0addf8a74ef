"""What of a patient's identity is kept: nothing, but for the tags and the names that the user asks for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from shortaxis.cli.exit_codes import Exit
from shortaxis.cli.main import status_of
from shortaxis.core.errors import UnknownName
from shortaxis.core.labels import ACDC
from shortaxis.files.identity import TAGS, Kept, keeping, kept_in_force, tags_named
from shortaxis.files.names import output_name, own_name
from shortaxis.files.writer import write_labels
from shortaxis.measure.case import measure_case
from shortaxis.read.dicom.study import read_dicom
from shortaxis.read.find import find_cases, read_case
from shortaxis.report.cohort import cohort_rows
from shortaxis.report.html import render_case
from tests.lookalike.dicom_sets import SECRETS, Cine, make_siemens
from tests.lookalike.nifti_files import an_image, write


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    folder = tmp_path / "Jane Doe"
    make_siemens(folder, Cine())
    return folder


def test_nothing_is_kept_unless_asked_for(scan: Path) -> None:
    (study,) = read_dicom(scan)
    assert study.identity == {} and kept_in_force() == Kept()


def test_only_the_tags_asked_for_are_kept_and_absent_ones_left_out(scan: Path) -> None:
    with keeping(Kept(("PatientID", "StudyDate", "AccessionNumber"))):
        (study,) = read_dicom(scan)
    assert study.identity == {"PatientID": SECRETS[1], "StudyDate": SECRETS[3]}
    assert kept_in_force() == Kept()


def test_they_stand_in_the_measures_the_table_and_the_page_under_their_keywords(scan: Path) -> None:
    with keeping(Kept(("PatientName",))):
        (study,) = read_dicom(scan)
    labels = (np.asarray(study.image, float) > 800).astype(np.uint8) * 3
    measures = measure_case(study, labels, ACDC)
    assert measures["identity"] == {"PatientName": SECRETS[0]}
    assert cohort_rows([measures])[0]["identity.PatientName"] == SECRETS[0]
    page = render_case(study, labels, ACDC, measures, {})
    assert SECRETS[0] in page and not any(secret in page for secret in SECRETS[1:])


def test_several_keywords_may_stand_in_one_option_or_in_several() -> None:
    assert tags_named(["PatientID, StudyDate", "PatientID"]) == ("PatientID", "StudyDate")
    assert tags_named([]) == ()


@pytest.mark.parametrize(
    ("text", "hint"),
    [("PatientId", "PatientID"), ("StudyDat", "StudyDate"), ("PixelData", "one of these"), ("*", "one")],
)
def test_a_tag_that_is_not_on_the_list_is_refused_with_the_nearest(text: str, hint: str) -> None:
    with pytest.raises(UnknownName, match=hint):
        tags_named([text])


def test_the_command_line_refuses_an_unknown_tag_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = status_of(["segment", str(tmp_path), "--out", str(tmp_path / "out"), "--keep-identity", "PatientNam"])
    assert status == Exit.USAGE and "did you mean PatientName?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_tag_of_the_list_is_one_of_the_standard_s() -> None:
    from pydicom.datadict import tag_for_keyword

    assert [tag for tag in TAGS if tag_for_keyword(tag) is None] == []


def test_a_dicom_folder_named_after_its_patient_names_no_case_unless_names_are_kept(scan: Path) -> None:
    assert [case.name for case in find_cases([scan])] == ["case-001"]
    with keeping(Kept(names=True)):
        assert [case.name for case in find_cases([scan])] == ["Jane Doe"]


def test_a_nifti_file_keeps_its_own_name_when_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "Müller, Eva (2020).nii.gz", an_image(2))
    (case,) = find_cases([path])
    assert (case.name, read_case(case)[0].origins[0].stem) == ("Muller-Eva-2020", "Muller-Eva-2020")
    with keeping(Kept(names=True)):
        (case,) = find_cases([path])
        assert (case.name, read_case(case)[0].origins[0].stem) == ("Müller, Eva (2020)", "Müller, Eva (2020)")
    assert output_name("Müller") == "Muller"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Müller, Eva", "Müller, Eva"), ("心脏", "心脏"), ("a/b\\c", "a-b-c"), ("..", "case"), (".hidden", "hidden"),
        ("a\nb\x1b[31m", "a-b-[31m"), ("con", "case-con"), ("scan\udcff", "scan-"), ("<b>", "-b-"), ("", "case"),
    ],
)  # fmt: skip
def test_an_own_name_has_its_own_letters_and_is_a_file_name_everywhere(text: str, name: str) -> None:
    assert own_name(text) == name


def test_measure_keeps_what_it_is_asked_to(scan: Path, tmp_path: Path) -> None:
    (study,) = read_dicom(scan)
    masks = tmp_path / "masks"
    labels = (np.asarray(study.image, float) > 800).astype(np.uint8) * 3
    write_labels(masks / f"{study.origins[0].stem}_labels.nii.gz", labels, study.grid, is_4d=True)
    words = ["measure", str(scan), str(masks), "--out", str(tmp_path / "out"), "--keep-identity", "PatientID,StudyDate"]
    assert status_of(words) == Exit.DONE
    told = json.loads((tmp_path / "out" / "measures.json").read_text("utf-8"))
    assert told["identity"] == {"PatientID": SECRETS[1], "StudyDate": SECRETS[3]}
    assert SECRETS[0] not in (tmp_path / "out" / "report.html").read_text("utf-8")
