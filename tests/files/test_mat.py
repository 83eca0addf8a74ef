"""A .mat file gives its numbers and texts under flat names, or one typed refusal; it never ends the program."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from shortaxis.core.errors import (
    DamagedFile,
    DecoderCrashed,
    DecoderTimedOut,
    MissingFile,
    PackageMissing,
    ShortaxisError,
    TooLarge,
    UnknownFormat,
)
from shortaxis.files import mat
from shortaxis.files.mat import HDF5_MAGIC, read_mat

IMAGE = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)


def a_file(path: Path, compressed: bool = True) -> Path:
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = np.array([[7.5]]), "text"
    stack = np.empty((1, 2), [("IM", object), ("Resolution", object)])
    for index in range(2):
        stack[0, index] = (IMAGE + index, np.array([[1.25 + index]]))
    content = {
        "image": IMAGE,
        "name": "a heart",
        "one": {"inner": {"pixel": 0.5, "flag": np.array([True, False])}},
        "setstruct": stack,
        "parts": cells,
        "sparse": csc_array((1000, 1000)),
        "nothing": np.zeros((0, 3)),
    }
    savemat(path, content, do_compression=compressed)
    return path


@pytest.mark.parametrize("compressed", [True, False])
def test_structs_and_cells_become_flat_names_in_matlabs_order(tmp_path: Path, compressed: bool) -> None:
    values = read_mat(a_file(tmp_path / "a.mat", compressed))
    assert set(values) == {
        "image", "name", "one.inner.pixel", "one.inner.flag", "setstruct[0].IM", "setstruct[0].Resolution",
        "setstruct[1].IM", "setstruct[1].Resolution", "parts[0]", "parts[1]", "nothing",
    }  # fmt: skip
    np.testing.assert_array_equal(values["image"], IMAGE)
    np.testing.assert_array_equal(values["setstruct[1].IM"], IMAGE + 1)
    assert (values["name"], values["parts[1]"]) == ("a heart", "text")
    assert np.array_equal(values["one.inner.pixel"], [[0.5]]) and np.array_equal(values["parts[0]"], [[7.5]])
    assert np.shape(values["nothing"]) == (0, 3)


def test_every_damaged_compressed_file_is_refused_or_gives_the_same_content(tmp_path: Path) -> None:
    """The checksum covers every element; the header's text, that nobody reads, is all that may differ."""
    whole = a_file(tmp_path / "whole.mat").read_bytes()
    rng, refused, survivors = np.random.default_rng(5), 0, []
    for _ in range(400):
        damaged = mutant(whole, rng)
        try:
            mat._check_elements(damaged, mat.BUDGET_BYTES, Path("damaged.mat"))
        except (DamagedFile, UnknownFormat, TooLarge):
            refused += 1
        else:
            survivors.append(damaged)
    assert refused > 300
    expected = contents(whole)
    assert all(contents(damaged) == expected[: len(contents(damaged))] for damaged in survivors)


def test_what_passes_the_walk_is_decoded_or_refused_by_type(tmp_path: Path) -> None:
    """Without compression there is no checksum: some values may differ, but nothing else may happen."""
    whole = a_file(tmp_path / "whole.mat", compressed=False).read_bytes()
    rng, path, decoded = np.random.default_rng(9), tmp_path / "damaged.mat", 0
    while decoded < 8:
        path.write_bytes(mutant(whole, rng))
        try:
            mat._check_elements(path.read_bytes(), mat.BUDGET_BYTES, path)
        except (DamagedFile, UnknownFormat, TooLarge):
            continue
        decoded += 1
        try:
            assert all(isinstance(value, np.ndarray | str) for value in read_mat(path).values())
        except (DamagedFile, TooLarge, DecoderCrashed, DecoderTimedOut) as refusal:
            assert refusal.path == path


def mutant(content: bytes, rng: np.random.Generator) -> bytes:
    damaged = bytearray(content)
    match rng.integers(3):
        case 0:
            damaged[rng.integers(len(damaged))] ^= 1 << int(rng.integers(8))
        case 1:
            del damaged[rng.integers(1, len(damaged)) :]
        case _:
            start = int(rng.integers(len(damaged)))
            damaged[start : start + 8] = rng.bytes(8)
    return bytes(damaged)


def contents(content: bytes) -> list[bytes]:
    """The elements decompressed; fewer where the file was cut between two of them."""
    found, position = [], 128
    while position < len(content):
        size = struct.unpack_from("<I", content, position + 4)[0]
        found.append(zlib.decompress(content[position + 8 : position + 8 + size]))
        position += 8 + size
    return found


def element(kind: int, payload: bytes) -> bytes:
    return struct.pack("<II", kind, len(payload)) + payload


def matrix(dimensions: tuple[int, ...], kind: int = 6) -> bytes:
    flags = struct.pack("<IIII", 6, 8, kind, 0)
    return element(14, flags + struct.pack(f"<II{len(dimensions)}i", 5, 4 * len(dimensions), *dimensions))


HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", DamagedFile),
        (b"\0\0\0\0" + bytes(200), UnknownFormat),  # version 4
        (b"not a .mat file at all", UnknownFormat),
        (HEADER[:126] + b"XX", UnknownFormat),
        (HEADER + b"1234", DamagedFile),
        (HEADER + element(9, bytes(8)), DamagedFile),
        (HEADER + struct.pack("<II", 14, 2**31), DamagedFile),
        (HEADER + matrix((2**15, 2**15)), DamagedFile),  # a gigabyte claimed in sixty bytes
        (HEADER + matrix((-1, 4)), DamagedFile),
        (HEADER + element(15, zlib.compress(bytes(100))), DamagedFile),
        (HEADER + element(15, zlib.compress(matrix((1, 1)))[:-1]), DamagedFile),
        (HEADER + element(15, zlib.compress(matrix((1, 1))) + b"more"), DamagedFile),
    ],
)  # fmt: skip
def test_what_is_no_whole_mat_file_is_refused_before_a_decoder_sees_it(
    tmp_path: Path, content: bytes, kind: type[ShortaxisError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mat, "run_in_child", lambda *_: pytest.fail("a decoder was started"))
    path = tmp_path / "a.mat"
    path.write_bytes(content)
    with pytest.raises(kind) as refusal:
        read_mat(path)
    assert refusal.value.path == path


def test_a_bomb_is_refused_by_what_it_would_become(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mat"
    path.write_bytes(HEADER + element(15, zlib.compress(bytes(2**24))))
    assert path.stat().st_size < 20_000
    with pytest.raises(TooLarge):
        read_mat(path, budget_bytes=2**20)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        read_mat(tmp_path / "none.mat")


def test_version_7_3_without_h5py_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat, "find_spec", lambda name: None)
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + HDF5_MAGIC + bytes(100))
    with pytest.raises(PackageMissing, match=r"shortaxis\[hdf5\]"):
        read_mat(path)


def test_version_7_3_is_read_as_matlab_writes_it(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        stored = file.create_dataset("image", data=IMAGE.T)  # MATLAB's dimensions come in the opposite order
        stored.attrs["MATLAB_class"] = np.bytes_("int16")
        text = file.create_dataset("name", data=np.array([[104], [105]], np.uint16))
        text.attrs["MATLAB_class"] = np.bytes_("char")
        group = file.create_group("setstruct")
        parts = [file.create_dataset(f"#refs#/{index}", data=[[1.5 + index]]) for index in range(2)]
        group.create_dataset("Resolution", data=np.array([[p.ref] for p in parts], h5py.ref_dtype))
        cell = file.create_dataset("parts", data=np.array([[p.ref] for p in parts], h5py.ref_dtype))
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
        file.create_group("one").create_dataset("pixel", data=[[0.5]])
    values = read_mat(path)
    assert values["name"] == "hi" and np.array_equal(values["image"], IMAGE)
    assert np.array_equal(values["setstruct[1].Resolution"], [[2.5]]) and np.array_equal(values["parts[0]"], [[1.5]])
    assert np.array_equal(values["one.pixel"], [[0.5]])


def test_version_7_3_that_points_elsewhere_or_is_damaged_or_too_large_is_refused(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w") as file:
        file.create_dataset("large", shape=(2**20,), dtype="f8", chunks=True)  # nothing is stored of it
    with pytest.raises(TooLarge):
        read_mat(path, budget_bytes=2**20)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DamagedFile):
        read_mat(path)
    with h5py.File(path, "w") as file:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(DamagedFile, match="a link"):
        read_mat(path)
