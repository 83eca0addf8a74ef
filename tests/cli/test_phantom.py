"""`shortaxis phantom --species mouse`, and what becomes of it in `measure`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shortaxis.cli.main import status_of


def test_a_mouses_phantom_is_measured_as_what_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan, out = tmp_path / "mouse", tmp_path / "measured"
    assert (
        status_of(["phantom", "--species", "mouse", "--frames", "2", "--ef", "50", "--dark-band", "-o", str(scan)]) == 0
    )
    cine, labels = str(scan / "phantom.nii.gz"), str(scan / "phantom_gt.nii.gz")
    assert status_of(["measure", cine, labels, "--label-scheme", "lv", "--sex", "male", "-o", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "µl" in shown and "mg" in shown and "SA-W120" in shown
    told = json.loads((scan / "truth.json").read_text("utf-8"))["lv"]
    measures = json.loads((out / "measures.json").read_text("utf-8"))
    assert measures["lv"]["ef_percent"] == pytest.approx(50, abs=0.5)
    for key in ("edv_ul", "esv_ul", "mass_mg"):
        assert measures["lv"][key] == pytest.approx(told[key], rel=1e-4)
    assert measures["ranges"] == {}
    page = (out / "report.html").read_text("utf-8")
    assert "of a mouse" in page and "Volume-time curve (µl)" in page and "Petersen" not in page


def test_only_a_mouse_has_a_dark_band(tmp_path: Path) -> None:
    assert status_of(["phantom", "--dark-band", "-o", str(tmp_path)]) == 2
