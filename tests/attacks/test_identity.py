"""No name, id, date or UID of a header comes out of any command: not in a file, not on the terminal, not in a log."""

from __future__ import annotations

import contextlib
import gzip
import io
import logging
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from shortaxis.cli.main import status_of
from tests.cli.commands import command_names
from tests.faults import tally
from tests.lookalike.acdc_tree import make_acdc_tree
from tests.lookalike.canaries import Canaries, numbers_of, plant_dicom, plant_nifti
from tests.lookalike.dicom_sets import Cine, make_siemens

TINY = """
[locate]
input_size = 32
widths = [4, 4, 8, 8]
dense_width = 8
[locate_fit]
steps = 2
batch = 4
validate_every = 2
[segment]
widths = [4, 8]
crop = { size_px = 32, pixel_mm = 4.0, room_px = 4 }
[segment_fit]
steps = 3
batch = 4
validate_every = 2
warmup_steps = 1
"""
MODEL = "train/fold-0/model.safetensors"
SEGMENT = ("--model", MODEL, "--device", "cpu")
COMMANDS: dict[str, tuple[str, ...]] = {
    "train": ("train", "unet", "--data", "acdc", "--dataset", "acdc", "--recipe", "tuned", "--folds", "2",
              "--config", "tiny.toml", "--device", "cpu"),
    "segment DICOM": ("segment", "dicom", *SEGMENT),
    "segment NIfTI": ("segment", "acdc", *SEGMENT),
    "segment damaged": ("segment", "damaged", *SEGMENT),
    "check": ("check", "dicom", "acdc", "damaged"),
    "measure": ("measure", "dicom/scan1", "segment-DICOM/case-001"),
    "measure NIfTI": ("measure", "acdc/training/patient001/patient001_frame01.nii.gz",
                      "acdc/training/patient001/patient001_frame01_gt.nii.gz"),
    "evaluate": ("evaluate", "--reference", "acdc", "--prediction", "segment-NIfTI"),
    "evaluate protocol": ("evaluate", "--reference", "acdc", "--prediction", "segment-NIfTI", "--protocol", "acdc"),
    "agree": ("agree", "segment-NIfTI", "acdc"),
    "agree DICOM": ("agree", "segment-DICOM", "segment-DICOM"),
    "compare": ("compare", "--data", "acdc", "--dataset", "acdc", "--folds", "2", "--fold", "0", "--train-cases", "0",
                "--model", f"tiny={MODEL}", "--device", "cpu"),
    "reproduce": ("reproduce", "halsrnet", "6", "--results", "compare"),
    "split effect": ("split-effect", "unet", "--data", "acdc", "--dataset", "acdc", "--folds", "2", "--init", MODEL,
                     "--steps", "1", "--slices", "2", "--device", "cpu"),
    "nnunet": ("nnunet", "--data", "acdc", "--dataset", "acdc", "--folds", "2"),
}  # fmt: skip
WRITES_NOTHING = ("check",)
SEE_NO_SCAN = {"phantom", "demo", "methods", "models", "convert-weights"}


@dataclass(frozen=True)
class Run:
    """What a command did: exit status, all it said (with warnings and logs), and where it wrote."""

    status: int
    told: str
    out: Path


@dataclass(frozen=True)
class Place:
    """Scans full of canaries, and what every command made of them."""

    canaries: Canaries
    runs: dict[str, Run]
    temporary: Path


def run(words: tuple[str, ...], out: Path) -> Run:
    """One command line, with everything it says anywhere."""
    said, log = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    where = () if words[0] in WRITES_NOTHING else ("--out", str(out))
    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        status = status_of([*words, *where, "--debug"])  # with tracebacks, which must not speak either
    logging.getLogger().removeHandler(handler)
    return Run(status, said.getvalue() + log.getvalue() + "\n".join(str(one.message) for one in warned), out)


def make_scans(root: Path, canaries: Canaries) -> None:
    """Two DICOM examinations, four ACDC patients, and damaged ones of both."""
    for number in (1, 2):
        make_siemens(root / "dicom" / f"scan{number}", Cine(n_phases=8, n_slices=3, rows=48, cols=48, first=number))
    plant_dicom(root / "dicom", canaries)
    make_acdc_tree(root / "acdc", 4)
    for path in (root / "acdc").rglob("*.nii.gz"):
        plant_nifti(path, canaries)
    damaged = root / "damaged"
    shutil.copytree(root / "dicom" / "scan1", damaged / "cut")
    first = next(path for path in sorted((damaged / "cut").rglob("*")) if path.is_file())
    first.write_bytes(first.read_bytes()[:-500])
    shutil.copytree(root / "dicom" / "scan1", damaged / "gone")
    shutil.rmtree(sorted((damaged / "gone").iterdir())[1])
    (damaged / "nifti").mkdir()
    whole = (root / "acdc/training/patient001/patient001_frame01.nii.gz").read_bytes()
    (damaged / "nifti" / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    (damaged / "nifti" / "flipped.nii").write_bytes(bytes(reversed(gzip.decompress(whole)[:400])))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("identity")
    canaries = Canaries()
    make_scans(root, canaries)
    (root / "tiny.toml").write_text(TINY)
    temporary = root / "temporary"
    temporary.mkdir()
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(root):
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        runs = {name: run(words, root / name.replace(" ", "-")) for name, words in COMMANDS.items()}
    return Place(canaries, runs, temporary)


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's name and bytes, and what lies compressed in it."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path.relative_to(folder)), path.name.encode() + b"\0" + content
        if content[:2] == b"\x1f\x8b":
            yield f"{path.name}, unpacked", gzip.decompress(content)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path.name}/{name}", archive.read(name)) for name in archive.namelist())


@pytest.mark.parametrize("name", COMMANDS)
def test_no_canary_comes_out_of(name: str, place: Place) -> None:
    done = place.runs[name]
    expected = {"segment damaged": (1, 3), "check": (1,)}
    assert done.status in expected.get(name, (0,)), done.told
    assert place.canaries.found_in(done.told.encode()) == {}, done.told
    leaks = {file: found for file, text in contents(done.out) if (found := place.canaries.found_in(text))}
    assert leaks == {}
    if name not in (*WRITES_NOTHING, "segment damaged"):
        assert any(done.out.rglob("*")), "a command that wrote nothing would prove nothing"
    for canary in place.canaries.planted:
        tally.count("commands x canaries", name, canary)


def test_every_command_that_sees_a_scan_is_among_them() -> None:
    assert {words[0] for words in COMMANDS.values()} == command_names() - SEE_NO_SCAN


def test_no_planted_number_stands_in_a_mask_s_header(place: Place) -> None:
    numbers = numbers_of(place.canaries)
    headers = [
        gzip.decompress(path.read_bytes())[:348] for done in place.runs.values() for path in done.out.rglob("*.nii.gz")
    ]
    assert len(headers) > 10
    for header in headers:
        fields = np.frombuffer(header, "<f4").tolist() + np.frombuffer(header, "<i4").tolist()
        assert set(fields).isdisjoint(numbers)


def test_nothing_stays_among_the_temporary_files(place: Place) -> None:
    assert [path for path in place.temporary.rglob("*") if path.is_file()] == []


def test_the_search_itself_finds_what_is_there() -> None:
    canaries = Canaries()
    word, day, uid, time = canaries.text("a"), canaries.date("b"), canaries.uid("c"), canaries.time("d")
    written = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    for held in (word, word.lower(), f"x{uid}y", f"({day})", written, f"{day[6:]}.{day[4:6]}.{day[:4]}", time):
        assert canaries.found_in(held.encode()) or word.lower() == held
    assert canaries.found_in(word.encode("utf-16-le")) == {word: "a"}
    assert canaries.found_in(b"ef_percent 51.5, case-001, 18.5 mm, 3f18010203aa") == {}
