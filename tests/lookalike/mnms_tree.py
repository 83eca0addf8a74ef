"""Makes folders that look like M&Ms' and M&Ms-2's: names, tables, and label numbers reversed against ACDC."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from tests.lookalike.ring_study import GREY, ring_labels

N_FRAMES, ED, ES = 6, 5, 2
PIXEL_MM, SLICE_MM = 1.4, 9.2
AFFINE = np.diag([-PIXEL_MM, -PIXEL_MM, SLICE_MM, 1.0])
TABLE = "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv"
TABLE_TEXT = (
    ",External code,VendorName,Vendor,Centre,ED,ES,Age,Pathology,Sex,Height,Weight\n"
    f"0,A0S9V9,Siemens,A,1,{ED},{ES},55,HCM,F,164,61.5\n"
    "1,B1K2P5,Philips,B,2,0,3,40,NOR,M,N/A,\n"
)
FROM_ACDC = np.array([0, 3, 2, 1], np.uint8)


def make_mnms_tree(root: Path) -> Path:
    """`root`/Training/Labeled/A0S9V9 with labels at ED and ES, Training/Unlabeled/B1K2P5 with an empty label file."""
    (root / TABLE).parent.mkdir(parents=True, exist_ok=True)
    (root / TABLE).write_text(TABLE_TEXT, "utf-8")
    drawn = FROM_ACDC[ring_labels(N_FRAMES, 4, 40, 36, (20.0, 21.0))]
    labels = np.zeros_like(drawn)
    labels[ED], labels[ES] = drawn[0], drawn[-1]  # the largest cavity at ED
    folder = root / "Training" / "Labeled" / "A0S9V9"
    save(folder / "A0S9V9_sa.nii.gz", image_of(drawn))
    save(folder / "A0S9V9_sa_gt.nii.gz", labels)
    bare = root / "Training" / "Unlabeled" / "B1K2P5"
    save(bare / "B1K2P5_sa.nii.gz", image_of(drawn))
    save(bare / "B1K2P5_sa_gt.nii.gz", np.zeros_like(drawn))
    return folder


def make_mnms2_tree(root: Path) -> Path:
    """`root`/dataset/001 with short-axis ED and ES, labels, and a long-axis view that must be left alone."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_information.csv").write_text("SUBJECT_CODE,DISEASE,VENDOR,SCANNER,FIELD\n1,HCM,GE,SIGNA,1.5\n")
    drawn = FROM_ACDC[ring_labels(2, 4, 40, 36, (20.0, 21.0))]
    folder = root / "dataset" / "001"
    for index, phase in enumerate(("ED", "ES")):
        save(folder / f"001_SA_{phase}.nii.gz", image_of(drawn)[index].astype(np.float64))
        save(folder / f"001_SA_{phase}_gt.nii.gz", drawn[index].astype(np.float64))
        save(folder / f"001_LA_{phase}.nii.gz", image_of(drawn)[index, :1])
        save(folder / f"001_LA_{phase}_gt.nii.gz", drawn[index, :1])
    return folder


def image_of(mnms_labels: NDArray[np.uint8]) -> NDArray[np.int16]:
    noise = np.random.default_rng(3).normal(0, 5, mnms_labels.shape)
    return (GREY[FROM_ACDC[mnms_labels]] + noise).astype(np.int16)  # the table is its own inverse


def save(path: Path, array: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.ascontiguousarray(array.T), AFFINE), path)
