"""Makes folders that look like EMIDEC's: the published NIfTI layout with its clinical texts, and the stretched PNGs."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

CAVITY, HEALTHY, INFARCT, NO_REFLOW = 1, 2, 3, 4
PIXEL_MM, SLICE_MM = 1.458, 10.0
GREY = np.array([60.0, 140.0, 40.0, 220.0, 80.0])  # late enhancement: scar is bright, healthy myocardium dark
# As the data set's own texts are written: a stray sign before some colons, in an 8-bit encoding.
INFO = (
    "Case {name}\n\nGap between slices\xa0: 10 mm\nSex\xa0: {sex}\nAge : 70\nTobacco : 3\nOverweight : N\nFEVG : 60\n"
)


def scar_labels(slices: int = 4, rows: int = 48, cols: int = 40, infarct: bool = True) -> NDArray[np.uint8]:
    """[slice, row, col]: a ring; a quarter of it infarct, with no-reflow inside that."""
    row, col = np.mgrid[:rows, :cols]
    away, angle = np.hypot(row - rows / 2, col - cols / 2), np.arctan2(row - rows / 2, col - cols / 2)
    plane = np.where(away < 7, CAVITY, np.where(away < 12, HEALTHY, 0))
    if infarct:
        plane[(plane == HEALTHY) & (np.abs(angle) < np.pi / 4)] = INFARCT
        plane[(plane == INFARCT) & (np.abs(angle) < np.pi / 12) & (away < 10)] = NO_REFLOW
    return np.broadcast_to(plane, (slices, rows, cols)).astype(np.uint8)


def make_emidec_tree(root: Path) -> list[Path]:
    """`root`/Case_N006 (a woman) and Case_P001 (a man), each with labels and a text beside; returns the case folders."""
    folders = []
    for name, sex in (("N006", "F"), ("P001", "M")):
        folder = root / f"Case_{name}"
        labels = scar_labels(infarct=name[0] == "P")
        affine = np.diag([PIXEL_MM, PIXEL_MM, SLICE_MM, 1.0])
        for part, array in (("Images", draw(labels, 1).astype(np.int16)), ("Contours", labels)):
            (folder / part).mkdir(parents=True)
            nib.save(nib.Nifti1Image(np.ascontiguousarray(array.T), affine), folder / part / f"Case_{name}.nii.gz")
        (root / f"Case {name}.txt").write_bytes(INFO.format(name=name, sex=sex).encode("latin-1"))
        folders.append(folder)
    return folders


def make_emidec_png(root: Path) -> Path:
    """`root`/images and `root`/contours with three slices each of Case_N006 and Case_P001."""
    for name in ("Case_N006", "Case_P001"):
        labels = scar_labels(3, infarct="P" in name)
        for part, array in (("images", draw(labels, 2)), ("contours", labels)):
            (root / part).mkdir(parents=True, exist_ok=True)
            for index, plane in enumerate(array.astype(np.uint8)):
                Image.fromarray(plane).save(root / part / f"{name}_slice{index:03d}.png")
    return root


def draw(labels: NDArray[np.uint8], seed: int) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).normal(0, 5, labels.shape)
    return np.clip(np.rint(GREY[labels] + noise), 0, 255)
