"""NIfTI: a phantom and nibabel's own test files, as .nii and as .nii.gz."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np

from shortaxis.core.errors import ShortaxisError
from shortaxis.core.study import Study
from shortaxis.files.writer import write_image, write_labels
from shortaxis.read.nifti import read_nifti
from shortaxis.read.phantom import make_phantom
from shortaxis.read.phantom_scene import PhantomRecipe
from tests.fuzz.mutate import BINARY
from tests.fuzz.seed import Said, Seed, digest
from tests.fuzz.wrapped import inside_gzip

SMALL = PhantomRecipe(frames=3, slices=4, rows=48, cols=48, pixel_mm=4.0)
MOST_BYTES = 400_000  # of a seed, unpacked
MASKED_VOXELS = 100_000  # accepted mutants up to this size get a mask written on their grid


def plain_nifti(folder: Path) -> list[Seed]:
    """Uncompressed: no checksum, every mutant a new header or new voxels."""
    return [_seed(folder / str(n), "scan.nii", content) for n, content in enumerate(_files(folder))]


def gz_nifti(folder: Path) -> list[Seed]:
    """Compressed: a changed byte must be noticed; changes inside a fitting checksum are new files."""
    return [
        _seed(folder / str(n), "scan.nii.gz", gzip.compress(content, 6, mtime=0))
        for n, content in enumerate(_files(folder))
    ]


def _seed(folder: Path, name: str, content: bytes) -> Seed:
    folder.mkdir(parents=True)
    is_gz = name.endswith(".gz")
    rewrapped = [inside_gzip(mutator) for mutator in BINARY] if is_gz else []
    return Seed(folder / name, content, opened, BINARY, rewrapped, is_gz)


def _files(folder: Path) -> list[bytes]:
    study = make_phantom(SMALL).study
    own = folder / "own.nii"
    write_image(own, study.image, study.grid, is_4d=True, frame_time_ms=40.0)
    mask = folder / "mask.nii"
    assert study.labels is not None
    write_labels(mask, study.labels.array[:1], study.grid, is_4d=False)
    theirs = Path(nibabel.__file__).parent / "tests" / "data"
    found = [own.read_bytes(), mask.read_bytes()]
    for path in sorted((*theirs.glob("*.nii"), *theirs.glob("*.nii.gz"))):
        content = path.read_bytes()
        plain = gzip.decompress(content) if path.suffix == ".gz" else content
        if len(plain) <= MOST_BYTES:
            found.append(plain)
    return found


def opened(path: Path) -> Said:
    """The study as it was read, after a mask could be written on its grid."""
    study = read_nifti(path)
    assert np.isfinite(study.image).all() and study.image.min() < study.image.max()
    _mask_fits(study, path.with_name("out.nii"))
    return {"voxels": digest(study.image), "affine": digest(study.grid.affine), "spacing": repr(study.grid.spacing_mm)}


def _mask_fits(study: Study, path: Path) -> None:
    """What is accepted can be segmented, and so its mask must be writable."""
    if study.image.size > MASKED_VOXELS:
        return
    try:
        write_labels(path, np.zeros(study.image.shape, np.uint8), study.grid, study.origins[0].is_4d)
    except ShortaxisError as refusal:
        raise RuntimeError(f"accepted, but no mask can be written: {refusal.describe()}") from refusal
