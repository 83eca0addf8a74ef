"""The page's script does what its keys and buttons say, in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shortaxis.core.labels import ACDC
from shortaxis.report.cohort import CohortEntry, render_cohort
from shortaxis.report.html import render_case

pytestmark = pytest.mark.browser
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=3000",
    "--window-size=1280,900",
    "--dump-dom",
)


def opened(page: str, folder: Path, hash_part: str = "", script: str = "") -> str:
    """The document after the page, and then `script`, ran. A script of ours needs the policy taken out."""
    if script:
        page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
        wrapped = f"addEventListener('load', () => {{ const out = []; {script}; document.title = out.join('|'); }});"
        page = page.replace("</body>", f"<script>{wrapped}</script></body>")
    file = folder / "page.html"
    file.write_text(page, "utf-8")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    browser = next(found for name in names if (found := shutil.which(name)))
    command = [browser, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"{file.as_uri()}{hash_part}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


@pytest.fixture
def page(study_of, measures_of) -> str:
    study = study_of()
    return render_case(study, study.labels.array, ACDC, measures_of(), {})


def test_the_page_opens_at_the_frame_and_slice_of_its_address_under_its_own_policy(page: str, tmp_path: Path) -> None:
    document = opened(page, tmp_path, "#frame=4&slice=3&contours=0")
    where = re.search(r'id="where">(.*?)</div>', document)
    assert where and where[1] == "Slice 3 of 3<br>Frame 4 of 6 · 120 ms"
    assert re.search(r'id="phase">ES<', document)
    assert re.search(r'aria-label="Slice 3" aria-pressed="true"', document)
    assert re.search(r'id="readout"><b class="lv">LV</b> 103 ml', document)


def test_keys_buttons_and_the_curve_move_through_frames_and_slices(page: str, tmp_path: Path) -> None:
    script = """
    const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const now = () => out.push(location.hash);
    const big = document.querySelector("#large .overlay");
    const inked = () => big.getContext("2d").getImageData(0, 0, big.width, big.height - 60).data.some((v) => v > 0);
    now(); press("ArrowRight"); now(); press("ArrowLeft"); press("ArrowLeft"); now(); press("ArrowUp"); now();
    press("s"); now(); out.push(inked()); press("c"); now(); out.push(inked()); press("c"); press("w"); now(); press("w");
    document.querySelectorAll(".tile")[2].click(); now();
    const curve = document.getElementById("curve"), box = curve.getBoundingClientRect();
    curve.setPointerCapture = () => {};
    curve.dispatchEvent(new PointerEvent("pointerdown", { clientX: box.right - 1, clientY: box.top + 50, buttons: 1 }));
    now(); press(" "); out.push(document.getElementById("play").textContent); press(" ");
    out.push(document.getElementById("play").textContent)
    """
    document = opened(page, tmp_path, script=script)
    title = re.search(r"<title>(.*?)</title>", document)
    assert title
    assert title[1].replace("&amp;", "&").split("|") == [
        "",
        "#frame=2&slice=2",
        "#frame=6&slice=2",
        "#frame=6&slice=1",
        "#frame=4&slice=1",
        "true",
        "#frame=4&slice=1&contours=0",
        "false",
        "#frame=4&slice=1&whole=1",
        "#frame=4&slice=3",
        "#frame=6&slice=3",
        "Pause",
        "Play",
    ]


def test_playing_goes_on_from_frame_to_frame(page: str, tmp_path: Path) -> None:
    script = 'document.getElementById("play").click(); setTimeout(() => document.getElementById("play").click(), 1000)'
    document = opened(page, tmp_path, script=script)
    frames = re.search(r'id="where">Slice 2 of 3<br>Frame (\d) of 6', document)
    assert frames
    assert re.search(r'<button type="button" id="play" aria-pressed="false">Play', document)


def test_the_cohort_table_sorts_by_a_column_with_undefined_last(measures_of, tmp_path: Path) -> None:
    cases = [("a", 60.0), ("b", None), ("c", 7.5)]
    entries = [CohortEntry(measures_of(case=name, lv={"ef_percent": ef})) for name, ef in cases]
    script = """
    const button = [...document.querySelectorAll("thead button")].find((b) => b.textContent === "LV EF");
    const now = () => out.push([...document.querySelectorAll("tbody th")].map((cell) => cell.textContent).join(""));
    button.click(); now(); button.click(); now()
    """
    assert "<title>cab|acb</title>" in opened(render_cohort(entries), tmp_path, script=script)
