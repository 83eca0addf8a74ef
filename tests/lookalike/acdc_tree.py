"""Makes a folder that looks like ACDC's: names, header quirks and Info.cfg, with smooth ellipse hearts in it.

The quirks are the real ones: an sform of unit columns diag(-1, -1, 1) with the true spacing in pixdim alone, no qform,
no unit codes, images in one of float32, int16 and uint8, labels in uint8, ED and ES 1-based in Info.cfg.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

RV, MYOCARDIUM, LV = 1, 2, 3
GROUPS = ("DCM", "HCM", "MINF", "NOR", "RV")
DTYPES = (np.float32, np.int16, np.uint8)
PIXEL_MM, SLICE_MM = 1.5625, 10.0


@dataclass(frozen=True)
class Heart:
    """One patient's drawing: the radii shrink from ED to ES and towards the apex."""

    rows: int = 64
    cols: int = 56
    slices: int = 6
    n_frames: int = 8
    es_number: int = 4
    lv_radius_mm: float = 22.0
    wall_mm: float = 9.0

    def labels(self, number: int, centre: tuple[float, float]) -> NDArray[np.uint8]:
        """Labels [slice, row, col] of the 1-based frame `number`."""
        beat = 0.5 - 0.5 * np.cos(np.pi * min(number - 1, 2 * self.es_number - number - 1) / max(self.es_number - 1, 1))
        rows, cols = np.mgrid[: self.rows, : self.cols]
        array = np.zeros((self.slices, self.rows, self.cols), np.uint8)
        for index in range(self.slices):
            towards_apex = 1 - 0.5 * (index / max(self.slices - 1, 1)) ** 2
            cavity = self.lv_radius_mm * towards_apex * (1 - 0.3 * beat) / PIXEL_MM
            wall = self.wall_mm * (1 + 0.3 * beat) / PIXEL_MM
            away = np.hypot((rows - centre[0]) / 1.05, cols - centre[1])
            right = np.hypot((rows - centre[0]) / 1.3, cols - centre[1] + cavity + wall)
            array[index][right < cavity] = RV
            array[index][away < cavity + wall] = MYOCARDIUM
            array[index][away < cavity] = LV
        return array


def make_acdc_tree(
    root: Path, n_patients: int = 2, ending: str = ".nii.gz", seed: int = 0, heart: Heart | None = None
) -> list[Path]:
    """`root`/training/patient001, ... with frame files, `_gt` and Info.cfg; returns the patient folders."""
    rng = np.random.default_rng(seed)
    heart = heart or Heart()
    folders = []
    for number in range(1, n_patients + 1):
        folder = root / "training" / f"patient{number:03d}"
        folder.mkdir(parents=True)
        for frame in (1, heart.es_number):
            labels = heart.labels(frame, _centre(number, heart))
            image = draw(labels, rng).astype(DTYPES[number % len(DTYPES)])
            save(folder / f"{folder.name}_frame{frame:02d}{ending}", image)
            save(folder / f"{folder.name}_frame{frame:02d}_gt{ending}", labels)
        write_info(folder, heart, GROUPS[number % len(GROUPS)])
        folders.append(folder)
    return folders


def add_cine(folder: Path, heart: Heart | None = None, ending: str = ".nii.gz", seed: int = 0) -> Path:
    """The `_4d` file beside a patient's frame files: `heart.n_frames` frames."""
    heart = heart or Heart()
    rng = np.random.default_rng(seed)
    centre = _centre(int(folder.name.removeprefix("patient")), heart)
    frames = [draw(heart.labels(number, centre), rng) for number in range(1, heart.n_frames + 1)]
    path = folder / f"{folder.name}_4d{ending}"
    save(path, np.stack(frames).astype(np.int16))
    return path


def write_info(folder: Path, heart: Heart, group: str = "NOR") -> None:
    """Info.cfg as ACDC writes it."""
    lines = ["ED: 1", f"ES: {heart.es_number}", f"Group: {group}", "Height: 172.0", f"NbFrame: {heart.n_frames}"]
    (folder / "Info.cfg").write_text("\n".join([*lines, "Weight: 71.0", ""]), "utf-8")


def draw(labels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float64]:
    """Grey values [slice, row, col] of a bright-blood image of `labels`, with noise; between 0 and 255."""
    grey = np.array([60.0, 190.0, 90.0, 210.0])[labels]
    return np.clip(np.rint(grey + rng.normal(0, 8, labels.shape)), 0, 255)


def save(path: Path, array: NDArray[np.generic]) -> None:
    """[..., slice, row, col] with ACDC's header: sform diag(-1, -1, 1), pixdim true, no qform, no units."""
    image = nib.Nifti1Image(np.ascontiguousarray(array.T), np.diag([-1.0, -1.0, 1.0, 1.0]))
    image.header.set_zooms((PIXEL_MM, PIXEL_MM, SLICE_MM, 1.0)[: array.ndim])  # the sform stays: it still is the affine
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, 1, mtime=0) if path.name.endswith(".gz") else content)


def _centre(number: int, heart: Heart) -> tuple[float, float]:
    """Where the patient of that number has the LV's centre, in (row, col)."""
    rng = np.random.default_rng(number)
    return heart.rows / 2 + rng.uniform(-3, 3), heart.cols * 0.58 + rng.uniform(-2, 2)
