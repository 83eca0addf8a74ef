"""DICOM: our look-alikes of three vendors, plain and compressed, and pydicom's own test files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pydicom
from pydicom.config import disable_value_validation
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless

from shortaxis.core.errors import ShortaxisError
from shortaxis.core.study import Study
from shortaxis.read.dicom.files import Source
from shortaxis.read.dicom.frames import frames_of
from shortaxis.read.dicom.pixels import load
from shortaxis.read.dicom.study import read_dicom
from tests.fuzz.seed import Said, Seed, digest
from tests.lookalike import dicom_sets
from tests.lookalike.dicom_sets import Cine, compress_all, every_file, make_ge, make_philips, make_siemens

CINE = Cine(n_phases=8, n_slices=3)
SYNTAXES: Sequence[UID] = (RLELossless, JPEG2000Lossless, JPEGLSLossless)
MOST_BYTES = 50_000  # of one of pydicom's files
OURS = 10  # there are ten times as many of pydicom's, most of them no MR


def dicom(folder: Path) -> list[Seed]:
    """One file of a stack spoilt among its neighbours, whole stacks in one file, and single files of every kind."""
    with _same_uids():
        return [*_stacks(folder), *_enhanced(folder), *_theirs(folder)]


def opened_stack(folder: Path) -> Said:
    """Every stack that the folder or file holds."""
    return _said(read_dicom(folder))


def opened_file(path: Path) -> Said:
    """A file by itself: as a study, and where it is none, the images in it."""
    try:
        return opened_stack(path)
    except ShortaxisError as refusal:
        if refusal.code != "SA-E040":
            raise
        source = Source(path.name, path, path.stat().st_size)
        frames = [frame for frame in frames_of(source) if frame.plane is not None]
        if not frames:
            raise
        return {"pixels": digest(load([frames]).runs[0])}


def _said(studies: Sequence[Study]) -> Said:
    return {f"{n}": digest(study.image) for n, study in enumerate(studies)}


@contextmanager
def _same_uids() -> Iterator[None]:
    """Identifiers that are the same on every machine, so that a mutant has its number for good."""
    numbers = count(1)
    with patch.object(dicom_sets, "generate_uid", lambda: UID(f"1.2.826.0.1.3680043.8.498.{next(numbers)}")):
        yield


def _stacks(folder: Path) -> Iterator[Seed]:
    for n, make in enumerate((make_siemens, make_ge)):
        place = folder / f"stack{n}"
        make(place, CINE)
        yield _in_a_stack(place)
    for n, syntax in enumerate(SYNTAXES):
        place = folder / f"compressed{n}"
        make_siemens(place, Cine(n_phases=8, n_slices=3, rows=32, cols=32))
        compress_all(place, syntax)
        yield _in_a_stack(place)


def _in_a_stack(place: Path) -> Seed:
    spoilt = every_file(place)[11]  # in the middle slice
    return Seed(spoilt, spoilt.read_bytes(), lambda path: opened_stack(place), weight=OURS)


def _enhanced(folder: Path) -> Iterator[Seed]:
    for n, syntax in enumerate((None, *SYNTAXES[:2])):
        place = folder / f"enhanced{n}"
        make_philips(place / "all.dcm", Cine(n_phases=8, n_slices=3, rows=32, cols=32))
        if syntax is not None:
            compress_all(place, syntax)
        yield Seed(place / "all.dcm", (place / "all.dcm").read_bytes(), opened_stack, weight=OURS)


def _theirs(folder: Path) -> Iterator[Seed]:
    """pydicom's files as they are, and once more as if each were an MR image, so that its pixels are looked at."""
    theirs = Path(pydicom.__file__).parent / "data" / "test_files"
    for n, path in enumerate(sorted(theirs.glob("*.dcm"))):
        content = path.read_bytes()
        if len(content) > MOST_BYTES:
            continue
        for kind, version in (("as_it_is", content), ("as_mr", _as_mr(content))):
            if version is not None:
                place = folder / f"theirs{n}" / kind
                place.mkdir(parents=True)
                yield Seed(place / "file.dcm", version, opened_file)


def _as_mr(content: bytes) -> bytes | None:
    with disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(content), force=True)
        if "PixelData" not in dataset or (dataset.get("Modality") == "MR" and "ImagePositionPatient" in dataset):
            return None
        dataset.Modality = "MR"
        dataset.ImagePositionPatient = [0, 0, 0]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        out = io.BytesIO()
        try:
            dataset.save_as(out)
        except (ValueError, AttributeError, TypeError):  # some of them are broken on purpose
            return None
        return out.getvalue()
