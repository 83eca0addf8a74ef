"""A case's fingerprint is of what it is read from, never of what was written about it."""

from __future__ import annotations

from pathlib import Path

from shortaxis.jobs.finished import MANIFEST, PAGE, TABLE, source_fingerprint


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_results_in_a_folder_within_the_scan_change_no_fingerprint(tmp_path: Path) -> None:
    scan = tmp_path / "scan"
    write(scan / "series1" / "a.dcm")
    out = scan / "out"
    before = source_fingerprint(scan, out)
    for written in (out / "case-001" / MANIFEST, out / "case-001" / "report.html", out / TABLE):
        write(written)
    assert source_fingerprint(scan, out) == before
    assert source_fingerprint(scan) != before


def test_results_beside_the_scan_s_own_files_change_no_fingerprint(tmp_path: Path) -> None:
    write(tmp_path / "series1" / "a.dcm")
    before = source_fingerprint(tmp_path, tmp_path)
    for written in (tmp_path / "case-001" / MANIFEST, tmp_path / TABLE, tmp_path / PAGE):
        write(written)
    assert source_fingerprint(tmp_path, tmp_path) == before


def test_a_scan_that_lies_where_results_go_is_still_seen_to_change(tmp_path: Path) -> None:
    scan = tmp_path / "patient1"
    write(scan / "a.dcm")
    before = source_fingerprint(scan, tmp_path)
    write(scan / "b.dcm")
    assert source_fingerprint(scan, tmp_path) != before


def test_a_single_file_has_the_fingerprint_of_its_size_and_time(tmp_path: Path) -> None:
    write(tmp_path / "a.nii", "one")
    before = source_fingerprint(tmp_path / "a.nii", tmp_path)
    assert source_fingerprint(tmp_path / "a.nii", tmp_path) == before
    write(tmp_path / "a.nii", "other")
    assert source_fingerprint(tmp_path / "a.nii", tmp_path) != before
