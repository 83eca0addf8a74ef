"""MATLAB's files of version 5 to 7 and of version 7.3 (HDF5): our look-alikes, and the test files of scipy and h5py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import scipy.io

from shortaxis.core.errors import ShortaxisError
from shortaxis.files.mat import HDF5_MAGIC, read_mat
from shortaxis.read.lvquan import LvquanCase, read_lvquan
from shortaxis.read.segment_export import read_segment_labelled
from tests.fuzz.mutate import BINARY
from tests.fuzz.seed import Said, Seed, digest
from tests.fuzz.wrapped import inside_mat
from tests.lookalike.lvquan_files import make_lvquan19
from tests.lookalike.segment_files import segment_fields, write_segment

SMALL_BUDGET = 2**26  # an HDF5 file of some kilobytes may honestly claim gigabytes of fill value
OURS = 20  # scipy has a hundred small ones


def mat(folder: Path) -> list[Seed]:
    """Versions 5 to 7. Compressed elements carry a checksum: an accepted mutant may lack a variable, never alter one."""
    lvquan, segment = make_lvquan19(folder / "lvquan" / "patient1.mat", 16), folder / "segment"
    write_segment(segment / "scan.mat", segment_fields())
    theirs = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"
    own = [(lvquan, _opened_lvquan), (segment / "scan.mat", _opened_segment)]
    others = [(path, opened) for path in sorted(theirs.glob("*.mat")) if not _is_hdf5(path)]
    seeds = []
    for n, (path, opens) in enumerate((*own, *others)):
        place = folder / str(n)
        place.mkdir()
        content = path.read_bytes()
        weight = OURS if n < len(own) else 1
        rewrapped = [inside_mat(mutator) for mutator in BINARY]
        seeds.append(
            Seed(place / path.name, content, opens, BINARY, rewrapped, is_checksummed=path == lvquan, weight=weight)
        )
    return seeds


def hdf5(folder: Path) -> list[Seed]:
    """Version 7.3."""
    seeds = []
    for n, content in enumerate(_hdf5_files(folder)):
        place = folder / str(n)
        place.mkdir()
        seeds.append(Seed(place / "scan.mat", content, _opened_small))
    return seeds


def opened(path: Path) -> Said:
    """Every value of the file."""
    return {name: digest(value) for name, value in read_mat(path).items()}


def _opened_small(path: Path) -> Said:
    return {name: digest(value) for name, value in read_mat(path, SMALL_BUDGET).items()}


def _opened_lvquan(path: Path) -> Said:
    said = opened(path)
    _read_on(lambda: read_lvquan(LvquanCase("patient1", path)))
    return said


def _opened_segment(path: Path) -> Said:
    said = opened(path)
    _read_on(lambda: read_segment_labelled(path))
    return said


def _read_on(read: object) -> None:
    """What is whole as a .mat file may still be refused as a scan."""
    try:
        read()  # type: ignore[operator]
    except ShortaxisError:
        return


def _is_hdf5(path: Path) -> bool:
    return HDF5_MAGIC in path.read_bytes()[:520]


def _hdf5_files(folder: Path) -> Iterator[bytes]:
    for filtered in (False, True):
        path = folder / f"own{filtered}.mat"
        _write_as_matlab(path, filtered)
        yield path.read_bytes()
    scipys = Path(scipy.io.__file__).parent / "matlab" / "tests" / "data"
    h5pys = Path(h5py.__file__).parent / "tests" / "data_files"
    for path in (*sorted(filter(_is_hdf5, scipys.glob("*.mat"))), *sorted(h5pys.glob("*.h5"))):
        yield path.read_bytes()


def _write_as_matlab(path: Path, filtered: bool) -> None:
    """A struct with an image, a text, a cell of two arrays and an empty array, as MATLAB lays them out."""
    more = {"chunks": (4, 4, 4), "compression": "gzip", "fletcher32": True} if filtered else {}
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("setstruct")
        image = np.arange(6 * 5 * 4, dtype=np.float64).reshape(4, 5, 6)
        group.create_dataset("IM", data=image, **more).attrs["MATLAB_class"] = np.bytes_("double")
        letters = np.frombuffer("text".encode("utf-16-le"), np.uint16)[:, None]
        group.create_dataset("Name", data=letters).attrs["MATLAB_class"] = np.bytes_("char")
        parts = [file.create_dataset(f"#refs#/{name}", data=np.full((1, 3), name == "a")) for name in "ab"]
        cell = file.create_dataset("parts", data=np.array([[part.ref] for part in parts], h5py.ref_dtype))
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        empty = file.create_dataset("nothing", data=np.array([0, 0], np.uint64))
        empty.attrs["MATLAB_class"], empty.attrs["MATLAB_empty"] = np.bytes_("double"), np.uint8(1)
    start = b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM"
    content = path.read_bytes()
    path.write_bytes(start + content[len(start) :])
