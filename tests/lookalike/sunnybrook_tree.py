"""Makes a folder that looks like the Sunnybrook Cardiac Data: link.csv, dicoms/ and contourfiles/, one patient.

Outlines are circles, written as the data set writes them: "x y" with two decimals, pixels counted from 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.lookalike.dicom_sets import Cine, make_ge

CENTRE = (8.0, 6.0)  # row, col, counted from 0


def make_sunnybrook(root: Path, cine: Cine, ed_index: int, es_index: int) -> tuple[Path, Path]:
    """Slices 1 and 2 outlined at ED (both walls) and ES (endocardium only); returns DICOM and contour folder.

    Radii in pixels: endocardium 4.2 at ED and 2.2 at ES, epicardium 5.7.
    """
    dicoms, contours = root / "dicoms" / "SCD0000101", root / "contourfiles" / "SC-HF-I-1"
    (root / "dicoms").mkdir(parents=True)
    (root / "link.csv").write_text("patient_id,original_id\nSCD0000101,SC-HF-I-1\nSCD0000201,SC-HF-I-2\n")
    make_ge(dicoms, cine)
    for index in (1, 2):
        _outline(contours, index * cine.n_phases + ed_index + 1, "i", 4.2)
        _outline(contours, index * cine.n_phases + ed_index + 1, "o", 5.7)
        _outline(contours, index * cine.n_phases + es_index + 1, "i", 2.2)
    return dicoms, contours


def _outline(contours: Path, number: int, wall: str, radius: float) -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    x = CENTRE[1] + 1 + radius * np.cos(angle)
    y = CENTRE[0] + 1 + radius * np.sin(angle)
    folder = contours / f"{wall}-contours"
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / f"IM-0001-{number:04d}-{wall}contour-manual.txt", np.column_stack([x, y]), "%.2f")
