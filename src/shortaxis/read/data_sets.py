"""Data sets whose own layout says more than their image files do: phases, sex, modality, and what belongs together."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from shortaxis.core.study import Study
from shortaxis.read.acdc import looks_like_acdc, read_acdc
from shortaxis.read.emidec import emidec_case, emidec_png_case, emidec_png_cases, looks_like_emidec, read_emidec
from shortaxis.read.mnms import looks_like_mnms, read_mnms

DataSetKind = Literal["acdc", "emidec", "emidec-png", "mnms", "lvquan"]


def data_set_cases(folder: Path) -> list[tuple[DataSetKind, Path]]:
    """What `folder` itself holds of a known data set: itself as one patient's folder, or the first PNG slice of each case.

    Raises Unreadable for a folder that may not be listed.
    """
    if looks_like_acdc(folder):
        return [("acdc", folder)]
    if looks_like_emidec(folder):
        return [("emidec", folder)]
    if looks_like_mnms(folder):
        return [("mnms", folder)]
    return [("emidec-png", case.images[0]) for case in emidec_png_cases(folder)]


def read_data_set_case(kind: DataSetKind, path: Path) -> Study:
    """The images of one case; reference labels are left alone. Raises what its reader raises."""
    if kind == "acdc":
        return read_acdc(path)
    if kind == "emidec":
        return read_emidec(emidec_case(path))
    if kind == "emidec-png":
        return read_emidec(emidec_png_case(path))
    if kind == "mnms":
        return read_mnms(path)
    from shortaxis.read.lvquan import lvquan_case, read_lvquan

    return read_lvquan(lvquan_case(path))
