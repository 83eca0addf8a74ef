"""Bad DICOM: stacks with a hole or a tilt, files that lie about themselves, streams that do not decode, archives."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import MPEG2MPML, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from tests.attacks.attack import Attack, as_segment_reads
from tests.lookalike.dicom_sets import (
    AXIAL,
    Cine,
    compress_all,
    edit,
    edit_all,
    every_file,
    make_ge,
    make_philips,
    make_siemens,
    save_image,
)

Make = Callable[[Path], Path]
CINE = Cine(n_phases=8, n_slices=4)
LARGE = Cine(n_phases=8, n_slices=3, rows=40, cols=36)  # what a JPEG 2000 encoder takes
THIRD = "0012"  # Siemens' series of the third slice


def siemens(change: Callable[[Path], object] = lambda folder: None, cine: Cine = CINE, **tags: Any) -> Make:
    """One series per slice, changed."""

    def make(folder: Path) -> Path:
        make_siemens(folder, cine, **tags)
        change(folder)
        return folder

    return make


def one_file(change: Callable[[Dataset], object]) -> Make:
    """One image of the stack changed."""
    return siemens(lambda folder: edit(every_file(folder)[9], change))


def every(change: Callable[[Dataset], object]) -> Make:
    return siemens(lambda folder: edit_all(folder, change))


def tag(**values: object) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in values.items():
            setattr(dataset, keyword, value)

    return change


def moved(offset_mm: np.ndarray) -> Make:
    """The third slice elsewhere."""
    where = [f"{v:.6f}" for v in CINE.position(2) + offset_mm]
    return siemens(lambda folder: edit_all(folder / THIRD, tag(ImagePositionPatient=where)))


def tilted(folder: Path) -> Path:
    """Each slice 1 mm further along the rows than the one before."""
    make_siemens(folder, CINE)
    for index in range(CINE.n_slices):
        where = CINE.position(index) + index * np.asarray(CINE.axes)[0]
        edit_all(folder / f"{10 + index:04d}", tag(ImagePositionPatient=[f"{v:.6f}" for v in where]))
    return folder


def doubled(folder: Path) -> Path:
    """The last slice's pixels are those of the first."""
    make_siemens(folder, CINE)
    for source, target in zip(every_file(folder / "0010"), every_file(folder / "0013"), strict=True):
        edit(target, tag(PixelData=_pixels(source)))
    return folder


def _pixels(path: Path) -> bytes:
    from pydicom import dcmread

    return dcmread(path).PixelData


def nested(depth: int) -> Make:
    """A sequence in a sequence in a sequence, written by hand because pydicom would not."""

    def make(folder: Path) -> Path:
        make_siemens(folder, CINE)
        path = every_file(folder)[0]
        content = path.read_bytes()
        opening = struct.pack("<HH2sHIHHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
        closing = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
        place = content.index(struct.pack("<HH2s", 0x0008, 0x103E, b"LO"))  # SeriesDescription, in ascending order
        end = place + 8 + int.from_bytes(content[place + 6 : place + 8], "little")
        path.write_bytes(content[:end] + opening * depth + closing * depth + content[end:])
        return folder

    return make


def compressed(syntax: Any, change: Callable[[bytes], bytes]) -> Make:
    """A compressed stack, one image's stream changed behind its first marker."""

    def make(folder: Path) -> Path:
        make_siemens(folder, LARGE)
        compress_all(folder, syntax)
        edit(every_file(folder)[5], lambda dataset: tag(PixelData=change(dataset.PixelData))(dataset))
        return folder

    return make


def noise(content: bytes) -> bytes:
    """Everything but the item tags and the markers that state a size replaced."""
    start = len(content) * 2 // 3
    rng = np.random.default_rng(5)
    return content[:start] + rng.integers(0, 256, len(content) - start, np.uint8).tobytes()


def other_size(content: bytes) -> bytes:
    start = content.index(b"\xff\x4f\xff\x51") + 8
    return content[:start] + struct.pack(">2I", 50_000, 50_000) + content[start + 8 :]


def in_syntax(syntax: Any) -> Make:
    def change(folder: Path) -> None:
        compress_all(folder, RLELossless)
        edit_all(folder, lambda dataset: setattr(dataset.file_meta, "TransferSyntaxUID", syntax))

    return siemens(change)


def deflated(folder: Path) -> Path:
    make_siemens(folder, CINE)
    edit(every_file(folder)[0], lambda d: setattr(d.file_meta, "TransferSyntaxUID", DeflatedExplicitVRLittleEndian))
    return folder


def shortened(folder: Path) -> None:
    victim = every_file(folder)[9]
    victim.write_bytes(victim.read_bytes()[:-60])


def removed(number: int) -> Callable[[Path], object]:
    return lambda folder: every_file(folder)[number].unlink()


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: [path.unlink() for path in every_file(folder / name)]


def report_only(folder: Path) -> Path:
    save_image(folder / "a", CINE.image(0, 0), {"Modality": "SR"})
    return folder


def axial_only(folder: Path) -> Path:
    make_ge(folder, Cine(n_phases=8, n_slices=4, axes=tuple(map(tuple, AXIAL))))
    return folder


def enhanced(change: Callable[[Dataset], object]) -> Make:
    def make(folder: Path) -> Path:
        make_philips(folder / "object", CINE)
        edit(folder / "object", change)
        return folder

    return make


def zipped(name: str, content: bytes = b"x", **attributes: int) -> Make:
    """A zip of a sound image and of one more member."""

    def make(folder: Path) -> Path:
        save_image(folder / "sound", CINE.image(0, 0), {})
        member = zipfile.ZipInfo(name)
        member.compress_type = zipfile.ZIP_DEFLATED
        for key, value in attributes.items():
            setattr(member, key, value)
        with zipfile.ZipFile(folder / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(folder / "sound", "sound")
            archive.writestr(member, content)
        return folder / "scan.zip"

    return make


def zip_changed(change: Callable[[bytes], bytes]) -> Make:
    def make(folder: Path) -> Path:
        path = zipped("further", (folder.name * 900).encode())(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def encrypted(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    changed[content.index(b"PK\x03\x04") + 6] |= 1
    return bytes(changed)


STACKS: tuple[Attack, ...] = (
    Attack("a missing slice", siemens(without("0011")), as_segment_reads, "SA-E041", "1 between slices 1 and 2"),
    Attack("a missing phase", siemens(removed(12), Cine(n_phases=10)), as_segment_reads, "SA-E041",
           r"slice 2 \(series 11\) has 9 of 10"),
    Attack("uneven spacing", moved(2.5 * CINE.normal), as_segment_reads, "SA-E042", "10.50 mm between slices 2 and 3"),
    Attack("a slice shifted in its plane", moved(12 * np.asarray(CINE.axes)[0]), as_segment_reads, "SA-E042", "slice 3"),
    Attack("gantry tilt", tilted, as_segment_reads, "SA-E022", "gantry tilt of 7.1 degrees"),
    Attack("the same slice at two places", doubled, as_segment_reads, "SA-E047", "slices 1 and 4"),
    Attack("a stack of one grey value", every(lambda d: tag(PixelData=bytes(len(d.PixelData)))(d)),
           as_segment_reads, "SA-E024"),
    Attack("zero pixel spacing", every(tag(PixelSpacing=[0, 0])), as_segment_reads, "SA-E021"),
    Attack("negative pixel spacing", every(tag(PixelSpacing=[-1.4, 1.3])), as_segment_reads, "SA-E021"),
    Attack("NaN pixel spacing", every(tag(PixelSpacing=["nan", "nan"])), as_segment_reads, "SA-E021"),
    Attack("pixels that overflow once rescaled", every(tag(RescaleSlope="3e38", RescaleIntercept="0")),
           as_segment_reads, "SA-E023"),
    Attack("a report and no image", report_only, as_segment_reads, "SA-E040"),
    Attack("an axial stack alone", axial_only, as_segment_reads, "SA-E040", "axial cine stack"),
)  # fmt: skip
FILES: tuple[Attack, ...] = (
    Attack("an image cut short", siemens(shortened), as_segment_reads, "SA-E003"),
    Attack("more rows than pixels", every(tag(Rows=400)), as_segment_reads, "SA-E003"),
    Attack("more columns than any picture has", one_file(tag(Rows=60_000, Columns=60_000)), as_segment_reads, "SA-E004"),
    Attack("no rows", one_file(tag(Rows=0)), as_segment_reads, "SA-E003"),
    Attack("pixels of 12 bits", one_file(tag(BitsAllocated=12)), as_segment_reads, "SA-E003", "12 bits"),
    Attack("pixels of 64 bits", one_file(tag(BitsAllocated=64)), as_segment_reads, "SA-E003"),
    Attack("no pixels", one_file(lambda d: d.__delattr__("PixelData")), as_segment_reads, "SA-E003"),
    Attack("a million frames", enhanced(tag(NumberOfFrames=1_000_000)), as_segment_reads, "SA-E004", "20000 frames"),
    Attack("fewer than no frames", enhanced(tag(NumberOfFrames=-3)), as_segment_reads, "SA-E003"),
    Attack("frames without groups of their own", enhanced(tag(PerFrameFunctionalGroupsSequence=Items([]))),
           as_segment_reads, "SA-E040"),
    Attack("sequences nested five thousand deep", nested(5000), as_segment_reads, "SA-E003", "RecursionError"),
    Attack("a deflated data set", deflated, as_segment_reads, "SA-E043", r"dcmconv \+te"),
    Attack("a video", in_syntax(MPEG2MPML), as_segment_reads, "SA-E043", "MPEG2.*as images"),
    Attack("a transfer syntax nobody knows", in_syntax("1.2.3.4.5"), as_segment_reads, "SA-E043"),
    Attack("JPEG 2000 of another size", compressed(JPEG2000Lossless, other_size), as_segment_reads, "SA-E003", "50000 x"),
    Attack("JPEG 2000 that is none", compressed(JPEG2000Lossless, lambda c: c.replace(b"\xff\x4f\xff\x51", bytes(4))),
           as_segment_reads, "SA-E003"),
    Attack("JPEG-LS cut short", compressed(JPEGLSLossless, lambda c: c[:120]), as_segment_reads, "SA-E003"),
    Attack("RLE of noise", compressed(RLELossless, noise), as_segment_reads, "SA-E003"),
    Attack("RLE without its header", compressed(RLELossless, lambda c: c[:24]), as_segment_reads, "SA-E003"),
)  # fmt: skip
ARCHIVES: tuple[Attack, ...] = (
    Attack("a member above the archive", zipped("../out"), as_segment_reads, "SA-E005"),
    Attack("a member at the root", zipped("/etc/out"), as_segment_reads, "SA-E005"),
    Attack("a member that climbs out of a folder", zipped("a/../../out"), as_segment_reads, "SA-E005"),
    Attack("a member on another drive", zipped("C:/out"), as_segment_reads, "SA-E005"),
    Attack("a member behind a backslash", zipped("..\\out"), as_segment_reads, "SA-E005"),
    Attack("a link in an archive", zipped("link", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16),
           as_segment_reads, "SA-E005", "link"),
    Attack("a zip bomb", zipped("bomb", bytes(20 * 2**20)), as_segment_reads, "SA-E004", "times their size"),
    Attack("an encrypted archive", zip_changed(encrypted), as_segment_reads, "SA-E008", "encrypted"),
    Attack("an archive of archives", lambda folder: zipped("inner.zip", zipped("a")(folder).read_bytes())(folder),
           as_segment_reads, "SA-E040"),
    Attack("an archive that is cut", zip_changed(lambda c: c[:-30]), as_segment_reads, "SA-E003", "whole zip"),
)  # fmt: skip
ATTACKS = STACKS + FILES + ARCHIVES
