"""Bad NIfTI files: damaged, lying, of the wrong kind, or without usable voxels or geometry."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike

from tests.attacks.attack import Attack, as_evaluate_reads, as_measure_reads, as_segment_reads
from tests.lookalike.nifti_files import AFFINE, an_image, patched, rewrite, write

Make = Callable[[Path], Path]
CRC_AND_LENGTH = 8  # the last bytes of a gzip member


def changed_bytes(change: Callable[[bytes], bytes], ending: str = ".nii.gz") -> Make:
    """A sound file whose bytes on disk are then changed."""

    def make(folder: Path) -> Path:
        path = write(folder / f"scan{ending}", an_image(2))
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def flipped(position: int) -> Make:
    """One bit of a .nii.gz turned over; counted from the end where negative."""

    def flip(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[position] ^= 1
        return bytes(changed)

    return changed_bytes(flip)


def header(**fields: ArrayLike) -> Make:
    """A sound .nii with raw header fields overwritten."""
    return lambda folder: rewrite(write(folder / "scan.nii", an_image(2)), **fields)


def entry(field: str, index: int, value: float) -> Make:
    """A sound .nii with one entry of a header field overwritten."""
    return lambda folder: patched(write(folder / "scan.nii", an_image(2)), field, index, value)


def shaped(*shape: int) -> Make:
    """Voxels of another number of dimensions, in numpy's order."""
    return lambda folder: write(folder / "scan.nii", np.arange(np.prod(shape), dtype=np.int16).reshape(shape))


def voxels(dtype: object, value: float | None = None) -> Make:
    """An image of another voxel type, or of float with some voxels at `value`."""

    def make(folder: Path) -> Path:
        array = an_image()[0].astype(dtype)
        if value is not None:
            array[0, 0, :3] = value
        return write(folder / "scan.nii.gz", array)

    return make


def constant(value: int) -> Make:
    return lambda folder: write(folder / "scan.nii.gz", np.full((3, 6, 5), value, np.int16))


def colours(*names: str) -> Make:
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(np.zeros((5, 6, 3), [(name, "u1") for name in names]), AFFINE), folder / "scan.nii")
        return folder / "scan.nii"

    return make


def placed(affine: np.ndarray, **fields: ArrayLike) -> Make:
    """A sound image under another sform."""

    def make(folder: Path) -> Path:
        path = write(folder / "scan.nii", an_image()[0])
        return rewrite(path, srow_x=affine[0], srow_y=affine[1], srow_z=affine[2], **fields)

    return make


def bomb(folder: Path) -> Path:
    """Eight honest gigabytes of zeros in eight megabytes of gzip members."""
    path = rewrite(write(folder / "scan.nii", an_image(2)), dim=[4, 2048, 2048, 1024, 1, 1, 1, 1])
    zeros = gzip.compress(bytes(2**26), 9)
    packed = folder / "scan.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()[:352]) + zeros * 128)
    path.unlink()
    return packed


def hollow(folder: Path) -> Path:
    """Four gigabytes and more that the header honestly states, in a file that is almost all hole."""
    path = rewrite(write(folder / "scan.nii", an_image(2)), dim=[4, 2048, 2048, 1024, 1, 1, 1, 1])
    with path.open("r+b") as file:
        file.truncate(352 + 2 * 2048 * 2048 * 1024)
    return path


def swapped_endings(ending: str) -> Make:
    def make(folder: Path) -> Path:
        path = write(folder / f"made{'.nii' if ending == '.nii.gz' else '.nii.gz'}", an_image(2))
        return path.rename(folder / f"scan{ending}")

    return make


def written(name: str, content: bytes) -> Make:
    def make(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        return folder / name

    return make


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def sheared(amount: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[0, 2] = amount * 8
    return affine


def pair(labels: np.ndarray, affine: np.ndarray = AFFINE) -> Make:
    """An image of one frame and labels for it."""

    def make(folder: Path) -> Path:
        write(folder / "image.nii.gz", an_image()[0])
        write(folder / "labels.nii.gz", labels, affine)
        return folder

    return make


def masks(prediction: np.ndarray, affine: np.ndarray = AFFINE) -> Make:
    """A reference mask and a prediction for it."""

    def make(folder: Path) -> Path:
        write(folder / "reference" / "a_gt.nii.gz", some_labels())
        write(folder / "prediction" / "a.nii.gz", prediction, affine)
        return folder

    return make


def some_labels(**changes: float) -> np.ndarray:
    labels = np.zeros((3, 6, 5), np.float32)
    labels[:, 2:4, 1:3] = 3
    labels[0, 0, :2] = changes.get("value", 0)
    return labels


def beside(mm: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[0, 3] += mm
    return affine


WITHOUT_END = np.diag([-1.5, -1.5, 8.0, 1.0])
DAMAGED: tuple[Attack, ...] = (
    Attack("gz cut in its header", changed_bytes(lambda c: c[:6]), as_segment_reads, "SA-E003"),
    Attack("gz cut in mid-stream", changed_bytes(lambda c: c[: len(c) // 2]), as_segment_reads, "SA-E003"),
    Attack("gz without its last byte", changed_bytes(lambda c: c[:-1]), as_segment_reads, "SA-E003"),
    Attack("gz with a flipped bit in its data", flipped(150), as_segment_reads, "SA-E003"),
    Attack("gz with a flipped bit in its CRC", flipped(-CRC_AND_LENGTH), as_segment_reads, "SA-E003"),
    Attack("gz with a flipped bit in its length", flipped(-4), as_segment_reads, "SA-E003"),
    Attack("gz with garbage behind it", changed_bytes(lambda c: c + b"more"), as_segment_reads, "SA-E003"),
    Attack(
        "gz with another member of voxels behind it",
        changed_bytes(lambda c: c + gzip.compress(b"more")), as_segment_reads, "SA-E003", "more than",
    ),
    Attack("nii cut short", changed_bytes(lambda c: c[:-2], ".nii"), as_segment_reads, "SA-E003"),
    Attack("nii with bytes behind its voxels", changed_bytes(lambda c: c + b"x", ".nii"), as_segment_reads, "SA-E003"),
    Attack("nii cut in its header", changed_bytes(lambda c: c[:200], ".nii"), as_segment_reads, "SA-E003"),
    Attack("nii named gz", swapped_endings(".nii.gz"), as_segment_reads, "SA-E003", r"rename it to end in \.nii "),
    Attack("gz named nii", swapped_endings(".nii"), as_segment_reads, "SA-E003", r"rename it to end in \.nii\.gz"),
    Attack("empty file", written("scan.nii.gz", b""), as_segment_reads, "SA-E003", "empty"),
    Attack("text named nii", written("scan.nii", b"no image " * 99), as_segment_reads, "SA-E002"),
    Attack("an unknown ending", written("scan.mha", b"x" * 500), as_segment_reads, "SA-E002"),
    Attack("nothing there", lambda folder: folder / "none.nii.gz", as_segment_reads, "SA-E001"),
    Attack("an empty folder named nii", lambda folder: made(folder / "scan.nii"), as_segment_reads, "SA-E040"),
)  # fmt: skip
LYING: tuple[Attack, ...] = (
    Attack(
        "six petabytes claimed",
        header(dim=[4, 32000, 32000, 32000, 100, 1, 1, 1]), as_segment_reads, "SA-E003", "header states",
    ),
    Attack("eight gigabytes in eight megabytes of gz", bomb, as_segment_reads, "SA-E004", "raise the budget"),
    Attack("eight gigabytes uncompressed", hollow, as_segment_reads, "SA-E004", "raise the budget"),
    Attack("no dimensions", header(dim=[0, 5, 6, 3, 1, 1, 1, 1]), as_segment_reads, "SA-E003"),
    Attack("nine dimensions", header(dim=[9, 5, 6, 3, 1, 1, 1, 1]), as_segment_reads, "SA-E003"),
    Attack("a negative size", entry("dim", 1, -5), as_segment_reads, "SA-E003"),
    Attack("a size of zero", entry("dim", 2, 0), as_segment_reads, "SA-E003"),
    Attack("bits that do not fit the type", header(bitpix=8), as_segment_reads, "SA-E003", "bitpix"),
    Attack("an unknown type", header(datatype=12345), as_segment_reads, "SA-E002", "12345"),
    Attack("voxels that begin in the header", header(vox_offset=100), as_segment_reads, "SA-E003", "vox_offset"),
    Attack("voxels that begin at NaN", header(vox_offset=np.nan), as_segment_reads, "SA-E003"),
    Attack("half of a pair", header(magic=b"ni1"), as_segment_reads, "SA-E002", "pair"),
    Attack("another magic", header(magic=b"abc"), as_segment_reads, "SA-E002"),
    Attack("another header size", header(sizeof_hdr=99), as_segment_reads, "SA-E002"),
    Attack("scaled by infinity", header(scl_slope=np.inf), as_segment_reads, "SA-E003", "scl_slope"),
)  # fmt: skip
CONTENT: tuple[Attack, ...] = (
    Attack("one dimension", shaped(90), as_segment_reads, "SA-E020"),
    Attack("two dimensions", shaped(6, 5), as_segment_reads, "SA-E020", "3 or 4"),
    Attack("five dimensions", shaped(2, 2, 3, 6, 5), as_segment_reads, "SA-E020"),
    Attack("seven dimensions", shaped(2, 1, 1, 2, 3, 6, 5), as_segment_reads, "SA-E020"),
    Attack("red, green and blue", colours("R", "G", "B"), as_segment_reads, "SA-E020", "RGB"),
    Attack("red, green, blue and alpha", colours("R", "G", "B", "A"), as_segment_reads, "SA-E020", "RGBA"),
    Attack("complex voxels", voxels(np.complex64), as_segment_reads, "SA-E002"),
    Attack("voxels of 128 bits", header(datatype=1536, bitpix=128), as_segment_reads, "SA-E002"),
    Attack("NaN voxels", voxels(np.float32, np.nan), as_segment_reads, "SA-E023", "3 of 90.*--fill-nonfinite"),
    Attack("infinite voxels", voxels(np.float64, np.inf), as_segment_reads, "SA-E023", "3 of 90"),
    Attack("voxels that overflow once scaled", header(scl_slope=3e38), as_segment_reads, "SA-E023"),
    Attack("all voxels zero", constant(0), as_segment_reads, "SA-E024", "90 voxels of the value 0"),
    Attack("all voxels the same", constant(77), as_segment_reads, "SA-E024"),
)
GEOMETRY: tuple[Attack, ...] = (
    Attack("zero spacing", entry("pixdim", 1, 0), as_segment_reads, "SA-E021"),
    Attack("negative spacing", entry("pixdim", 2, -1.5), as_segment_reads, "SA-E021"),
    Attack("NaN spacing", entry("pixdim", 3, np.nan), as_segment_reads, "SA-E021"),
    Attack("infinite spacing", entry("pixdim", 3, np.inf), as_segment_reads, "SA-E021"),
    Attack("a spacing of a kilometre", entry("pixdim", 3, 1e6), as_segment_reads, "SA-E021"),
    Attack("pixdim beside another affine", entry("pixdim", 1, 3.0), as_segment_reads, "SA-E021", "to agree"),
    Attack("shear", placed(sheared(0.05), qform_code=0), as_segment_reads, "SA-E022", "right angle"),
    Attack("axes that fall together", placed(AFFINE[[0, 0, 2, 3]], qform_code=0), as_segment_reads, "SA-E022"),
    Attack("a NaN in the affine", placed(AFFINE * np.nan, qform_code=0), as_segment_reads, "SA-E022"),
    Attack(
        "qform and sform that disagree",
        header(qform_code=1, qoffset_x=400.0),
        as_segment_reads,
        "SA-E022",
        "--orientation-from",
    ),
    Attack("no unit quaternion", header(sform_code=0, qform_code=1, quatern_b=5.0), as_segment_reads, "SA-E022"),
    Attack("a negative orientation code", header(sform_code=-1), as_segment_reads, "SA-E022"),
)
LABELS: tuple[Attack, ...] = (
    Attack("a label outside the scheme", pair(some_labels(value=4)), as_measure_reads, "SA-E026", "found:    4"),
    Attack("a negative label", pair(some_labels(value=-1)), as_measure_reads, "SA-E026", "-1"),
    Attack("labels between two numbers", pair(some_labels(value=0.4)), as_measure_reads, "SA-E027", "2 voxels"),
    Attack("NaN labels", pair(some_labels(value=np.nan)), as_measure_reads, "SA-E023", "2 of 90"),
    Attack("labels of another size", pair(some_labels()[:, :-1]), as_measure_reads, "SA-E025"),
    Attack("labels beside the image", pair(some_labels(), beside(1.5)), as_measure_reads, "SA-E025", "voxels apart"),
    Attack("labels of another spacing", pair(some_labels(), WITHOUT_END * [1.2, 1.2, 1, 1]), as_measure_reads, "SA-E025"),
    Attack("labels of two frames", pair(np.stack([some_labels()] * 2)), as_measure_reads, "SA-E025", "frames"),
    Attack("a prediction beside its reference", masks(some_labels(), beside(1.5)), as_evaluate_reads, "SA-E025"),
    Attack("a prediction with a strange label", masks(some_labels(value=9)), as_evaluate_reads, "SA-E026"),
    Attack("a prediction of NaN", masks(some_labels(value=np.nan)), as_evaluate_reads, "SA-E023"),
    Attack("no reference", lambda folder: write(folder / "prediction/a.nii.gz", some_labels()).parents[1],
           as_evaluate_reads, "SA-E001"),
)  # fmt: skip
ATTACKS = DAMAGED + LYING + CONTENT + GEOMETRY + LABELS
