"""Bad .mat files and PNG pictures."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import savemat

from shortaxis.core.labels import EMIDEC
from shortaxis.files.mat import read_mat
from shortaxis.read.emidec import find_emidec, read_emidec_labelled
from tests.attacks.attack import Attack, as_segment_reads
from tests.lookalike.emidec_tree import make_emidec_png
from tests.lookalike.segment_files import SegmentHeart, segment_fields, write_segment

Make = Callable[[Path], Path]
HEADER_BYTES, SMALL_BUDGET = 128, 2**22
HDF5 = b"\x89HDF\r\n\x1a\n"
DAMAGED_HDF5 = "SA-E011" if find_spec("h5py") is None else "SA-E003"  # without h5py it is not even opened


def within_four_megabytes(path: Path) -> None:
    read_mat(path, SMALL_BUDGET)


def segment(**changes: Any) -> Make:
    """A stack as Segment saves it, fields changed."""
    return lambda folder: write_segment(folder / "scan.mat", segment_fields(SegmentHeart()) | changes)


def changed(change: Callable[[bytes], bytes], compress: bool = True) -> Make:
    """A sound .mat whose bytes are then changed."""

    def make(folder: Path) -> Path:
        folder.mkdir(parents=True)
        noise = np.random.default_rng(0).uniform(0, 1, (20, 20))
        savemat(folder / "scan.mat", {"image": noise}, do_compression=compress)
        path = folder / "scan.mat"
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def element(kind: int, content: bytes) -> Make:
    """A header and one element."""

    def make(folder: Path) -> Path:
        folder.mkdir(parents=True)
        header = b"MATLAB 5.0".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
        (folder / "scan.mat").write_bytes(header + struct.pack("<II", kind, len(content)) + content)
        return folder / "scan.mat"

    return make


def matrix(*shape: int) -> bytes:
    """The start of a matrix of doubles that claims a shape and holds nothing."""
    flags = struct.pack("<IIII", 6, 8, 6, 0)
    return flags + struct.pack(f"<II{len(shape)}i", 5, 4 * len(shape), *shape) + bytes(8 * (len(shape) % 2))


def flip(content: bytes) -> bytes:
    at = (HEADER_BYTES + len(content)) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def mat_bomb() -> bytes:
    """An honest compressed matrix of five million zero bytes in some kilobytes."""
    inner = matrix(5_000_000 // 8, 1) + struct.pack("<II", 1, 0) + struct.pack("<II", 9, 5_000_000) + bytes(5_000_000)
    return zlib.compress(struct.pack("<II", 14, len(inner)) + inner)


def with_nan() -> np.ndarray:
    image = np.array(segment_fields()["IM"])
    image[3, 4, 0, 1] = np.nan
    return image


def two_stacks(folder: Path) -> Path:
    return write_segment(folder / "scan.mat", segment_fields(), segment_fields())


def hdf5(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "scan.mat").write_bytes(bytes(512) + HDF5 + b"and then nothing that could be read" * 40)
    return folder / "scan.mat"


def pictures(change: Callable[[Path], object], which: str = "images/Case_P001_slice001.png") -> Make:
    """EMIDEC's PNG slices, one of them changed."""

    def make(folder: Path) -> Path:
        root = make_emidec_png(folder)
        change(root / which)
        return root

    return make


def as_training_reads(root: Path) -> None:
    for case in find_emidec(root):
        read_emidec_labelled(case)


def saved(mode: str, size: tuple[int, int] = (40, 48)) -> Callable[[Path], object]:
    return lambda path: Image.new(mode, size).save(path)


def bytes_of(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def claiming(content: bytes) -> bytes:
    """The size in the header, and the header's checksum made to fit."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]


def as_png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


STRANGE = as_png(np.full((48, 40), max(EMIDEC.codes) + 5, np.uint8))
MATLAB: tuple[Attack, ...] = (
    Attack("mat cut short", changed(lambda c: c[:-9]), read_mat, "SA-E003"),
    Attack("mat with a flipped bit in a compressed matrix", changed(flip), read_mat, "SA-E003"),
    Attack("mat of version 4", changed(lambda c: struct.pack("<5i", 0, 20, 20, 0, 6) + c[20:]), read_mat, "SA-E002"),
    Attack("mat of text", changed(lambda c: b"MATLAB or so " * 40), read_mat, "SA-E002"),
    Attack("mat with an element of no kind", element(77, bytes(40)), read_mat, "SA-E003", "type 77"),
    Attack("mat that claims four million million numbers", element(14, matrix(2**21, 2**21)), read_mat, "SA-E003"),
    Attack("mat of negative size", element(14, matrix(-3, 5)), read_mat, "SA-E003"),
    Attack("mat without dimensions", element(14, bytes(64)), read_mat, "SA-E003"),
    Attack("mat that unpacks past its budget", element(15, mat_bomb()), within_four_megabytes, "SA-E004"),
    Attack("mat behind garbage in its compression", element(15, b"nothing zlib knows"), read_mat, "SA-E003"),
    Attack("mat in HDF5 that is damaged", hdf5, read_mat, DAMAGED_HDF5, "hdf5|decode"),
    Attack("Segment without a stack", changed(lambda c: c), as_segment_reads, "SA-E002", "setstruct"),
    Attack("Segment with two short axes", two_stacks, as_segment_reads, "SA-E040", "2 of 2"),
    Attack("Segment of complex numbers", segment(IM=segment_fields()["IM"] * 1j), as_segment_reads, "SA-E002"),
    Attack("Segment of five dimensions", segment(IM=np.zeros((4, 4, 2, 3, 2))), as_segment_reads, "SA-E020"),
    Attack("Segment with a NaN voxel", segment(IM=with_nan()), as_segment_reads, "SA-E023", "1 of"),
    Attack("Segment of one grey value", segment(IM=np.ones((8, 8, 3, 6))), as_segment_reads, "SA-E024"),
    Attack("Segment without spacing", segment(ResolutionX=0.0), as_segment_reads, "SA-E021"),
)
PICTURES: tuple[Attack, ...] = (
    Attack("png cut short", pictures(bytes_of(lambda c: c[:-30])), as_segment_reads, "SA-E003"),
    Attack("png with a flipped bit", pictures(bytes_of(flip)), as_segment_reads, "SA-E003"),
    Attack("png that claims ten thousand million pixels", pictures(bytes_of(claiming)), as_segment_reads, "SA-E004"),
    Attack("png of text", pictures(bytes_of(lambda c: b"no picture" * 9)), as_segment_reads, "SA-E002"),
    Attack("png in colour", pictures(saved("RGB")), as_segment_reads, "SA-E002", "8-bit grey"),
    Attack("png of 16 bits", pictures(saved("I;16")), as_segment_reads, "SA-E002", "bit depth 16"),
    Attack("png slice that is missing", pictures(Path.unlink), as_segment_reads, "SA-E041"),
    Attack("png slice of another size", pictures(saved("L", (9, 9))), as_segment_reads, "SA-E025"),
    Attack(
        "png labels outside the scheme",
        pictures(bytes_of(lambda c: STRANGE), "contours/Case_P001_slice001.png"), as_training_reads, "SA-E026",
    ),
)  # fmt: skip
ATTACKS = MATLAB + PICTURES
