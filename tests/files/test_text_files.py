"""JSON and tables that others wrote or a disk spoilt: read whole, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from shortaxis.core.errors import BadConfiguration, DamagedFile, MissingFile, OutputExists
from shortaxis.core.labels import ACDC
from shortaxis.files.json_file import read_json
from shortaxis.files.table import read_table
from shortaxis.jobs.finished import is_finished, read_manifest
from shortaxis.jobs.readings import readings_of
from shortaxis.read.nnunet import nnunet_scheme
from shortaxis.read.sunnybrook import find_sunnybrook

DEEP = "[" * 100_000
PRINTS = {"source": "a", "settings": "b"}


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("content", ["{", DEEP, '{"a": 1' + "0" * 5000 + "}", b"\xff\xfe", "nothing"])
def test_what_is_no_json_is_refused_with_its_file(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(DamagedFile) as refusal:
        read_json(put(tmp_path / "a.json", content))
    assert refusal.value.path == tmp_path / "a.json"


def test_json_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        read_json(tmp_path / "a.json")


def test_a_table_s_rows_keep_their_cells_and_miss_none(tmp_path: Path) -> None:
    path = put(tmp_path / "t.csv", b"\xef\xbb\xbfa,b\n1\n2,3,4\n\xe9,5\n")
    assert read_table(path) == [{"a": "1", "b": ""}, {"a": "2", "b": "3"}, {"a": "\ufffd", "b": "5"}]


def test_a_cell_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match=r"t\.csv"):
        read_table(put(tmp_path / "t.csv", "a,b\n" + "x" * 200_000))


@pytest.mark.parametrize("content", [DEEP, "[1]", "{", b"\xff"])
def test_a_manifest_that_is_none_is_of_a_case_that_was_not_finished(tmp_path: Path, content: str | bytes) -> None:
    put(tmp_path / "manifest.json", content)
    assert read_manifest(tmp_path) is None and not is_finished(tmp_path, PRINTS)


def test_a_manifest_whose_fingerprints_are_none_is_another_scan_s(tmp_path: Path) -> None:
    put(tmp_path / "manifest.json", '{"fingerprints": ["a", "b"]}')
    with pytest.raises(OutputExists):
        is_finished(tmp_path, PRINTS)


@pytest.mark.parametrize("content", [DEEP, '{"case": "a", "lv": [1]}', '{"case": "a", "rv": "none"}', '{"case": 3}'])
def test_measures_that_are_none_are_refused(tmp_path: Path, content: str) -> None:
    put(tmp_path / "measures.json", content)
    with pytest.raises(DamagedFile):
        readings_of(tmp_path, ACDC)


def test_a_label_table_with_an_infinite_number_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "dataset.json", '{"labels": {"RV": 1, "LV": 1e400}}')
    with pytest.raises(BadConfiguration):
        nnunet_scheme(tmp_path)


@pytest.mark.parametrize(
    "line", [b"SCD1,../../elsewhere", b"/etc,SC-HF-I-1", b"SCD1,SC-\xe9", b"SCD1," + b"n" * 300], ids=repr
)
def test_a_list_of_patients_that_names_no_folder_of_the_data_set_is_refused(tmp_path: Path, line: bytes) -> None:
    put(tmp_path / "link.csv", b"patient_id,original_id\n" + line + b"\n")
    with pytest.raises(DamagedFile):
        find_sunnybrook(tmp_path)
