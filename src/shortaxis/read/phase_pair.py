"""An end-diastolic and an end-systolic NIfTI file of one heart, by their names -> one study of two frames."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shortaxis.core.errors import WrongDimensions
from shortaxis.core.study import Facts, Origin, Study
from shortaxis.files.gate import check_same_grid, load_nifti
from shortaxis.files.names import output_name, stem_of
from shortaxis.read.file_names import has_label_ending, is_nifti, names_long_axis

_PHASE = re.compile(r"[_.-](ed|es)(?=\.nii(\.gz)?$)", re.IGNORECASE)


def phase_pairs(files: Sequence[Path]) -> dict[Path, Path]:
    """From each end-diastolic file to the end-systolic one whose name is else the same: `x_ED.nii.gz`, `x_ES.nii.gz`.

    Files of one folder. Labels and long axes are none, and of more than two files of such a name none is.
    """
    by_name: dict[str, dict[str, list[Path]]] = {}
    for path in files:
        match = _PHASE.search(path.name)
        if match is None or not is_nifti(path) or has_label_ending(path) or names_long_axis(stem_of(path)):
            continue
        key = path.name[: match.start()]
        by_name.setdefault(key, {"ed": [], "es": []})[match[1].lower()].append(path)
    return {
        phases["ed"][0]: phases["es"][0]
        for phases in by_name.values()
        if len(phases["ed"]) == 1 and len(phases["es"]) == 1
    }


def pair_name(path: Path) -> str:
    """The name a pair's files share: `x_SA` for `x_SA_ED.nii.gz`."""
    return _PHASE.sub("", path.name).removesuffix(".gz").removesuffix(".nii")


def read_phase_pair(ed: Path, es: Path) -> Study:
    """End diastole as frame 0, end systole as frame 1; each mask is written beside its own file's name.

    Raises:
        WrongDimensions: one of them holds several frames.
        GridMismatch: they do not lie on the same grid.
        What `load_nifti` raises.
    """
    volumes = [load_nifti(path) for path in (ed, es)]
    for volume, path in zip(volumes, (ed, es), strict=True):
        if len(volume.array) != 1:
            raise WrongDimensions(
                "one frame in a file named ED or ES", f"{len(volume.array)}", "rename it, or give it alone", path
            )
    check_same_grid(volumes[1].grid, volumes[0].grid, es)
    return Study(
        name=output_name(pair_name(ed)),
        image=np.concatenate([volume.array for volume in volumes]),
        grid=volumes[0].grid,
        origins=tuple(
            Origin(output_name(stem_of(path)), (index,), volume.is_4d, path)
            for index, (volume, path) in enumerate(zip(volumes, (ed, es), strict=True))
        ),
        facts=Facts(ed_index=0, es_index=1),
        notes=tuple(dict.fromkeys(note for volume in volumes for note in volume.notes)),
        sha256=hashlib.sha256("".join(volume.sha256 for volume in volumes).encode()).hexdigest(),
    )
