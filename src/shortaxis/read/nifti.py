"""One NIfTI file -> one study."""

from __future__ import annotations

from pathlib import Path

from shortaxis.core.study import Facts, Origin, Study
from shortaxis.files.gate import load_nifti
from shortaxis.files.names import output_name, stem_of


def read_nifti(path: Path) -> Study:
    """A 3D file as a study of one frame, a 4D file as a study through time. Raises what `load_nifti` raises."""
    volume = load_nifti(path)
    stem = output_name(stem_of(path))
    return Study(
        name=stem,
        image=volume.array,
        grid=volume.grid,
        origins=(Origin(stem, tuple(range(volume.array.shape[0])), volume.is_4d, path),),
        facts=Facts(frame_time_ms=volume.frame_time_ms),
        notes=volume.notes,
        sha256=volume.sha256,
    )
