"""Makes files that look like MM-WHS 2017's MR volumes, with its label numbers from 205 to 850."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

NUMBERS = (0, 205, 420, 500, 550, 600, 820, 850)


def make_mmwhs_tree(root: Path) -> Path:
    """`root`/mr_train/mr_train_1001_image and _label, and `root`/mr_test/mr_test_2001_image; returns `root`.

    The labels are slabs of rows: row r is structure r // 4 in the order of `NUMBERS`. One voxel is 421.
    """
    labels = np.zeros((12, 32, 20), np.int16)
    labels[:] = np.array(NUMBERS, np.int16)[np.arange(32) // 4][None, :, None]
    labels[0, 8, 0] = 421
    image = (labels / 4 + np.random.default_rng(0).normal(0, 3, labels.shape)).astype(np.int16)
    affine = np.array([[0, 0, 1.1, -30], [-1.0, 0, 0, 20], [0, -1.0, 0, 10], [0, 0, 0, 1]])  # not along the body's axes
    for name, array in (
        ("mr_train/mr_train_1001_image", image),
        ("mr_train/mr_train_1001_label", labels),
        ("mr_test/mr_test_2001_image", image),
    ):
        path = root / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(np.ascontiguousarray(array.T), affine), path)
    return root
