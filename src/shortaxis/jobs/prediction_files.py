"""Which masks of a folder are the prediction of which study: by the name they share, or by that name and the phase."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadConfiguration, GridMismatch
from shortaxis.core.labels import LabelScheme
from shortaxis.core.study import Origin, Study
from shortaxis.files.gate import check_same_grid, load_labels
from shortaxis.read.file_names import has_label_ending, is_nifti, labels_stem
from shortaxis.read.folders import walk


def label_files(root: Path) -> list[Path]:
    """The masks below a folder: files whose names say so, or every NIfTI where none does."""
    files = [path for _, inside in walk(root) for path in inside if is_nifti(path)]
    return [path for path in files if has_label_ending(path)] or files


def masks_by_stem(root: Path) -> dict[str, Path]:
    """Masks by the name they share with their reference. Raises BadConfiguration where two share one."""
    found: dict[str, Path] = {}
    for path in label_files(root):
        stem = labels_stem(path)
        if stem in found:
            raise BadConfiguration(
                f"one mask of {stem!r}", f"{found[stem].name} and {path.name}", "keep one prediction per case", path
            )
        found[stem] = path
    return found


def prediction_of(
    study: Study, predictions: Mapping[str, Path], scheme: LabelScheme
) -> tuple[NDArray[np.uint8], list[str]]:
    """The masks [frame, slice, row, col] predicted for a study, and the names for which there is none.

    A file of the source's own name holds all its frames. Where there is none, `x_ED` and `x_ES` of the source or of the
    patient are taken, as ACDC and M&Ms are handed in, if those phases are all that the reference has.

    Raises GridMismatch for another grid or another number of frames, and what `load_labels` raises.
    """
    masks, absent = np.zeros(study.image.shape, np.uint8), []
    for origin in study.origins:
        path = predictions.get(origin.stem)
        if path is not None:
            masks[list(origin.frames)] = _mask(path, study, len(origin.frames), scheme)
            continue
        wanted = _phase_names(study, origin)
        files = {stem.lower(): path for stem, path in predictions.items()}
        found = {frame: next((files[n] for n in names if n in files), None) for frame, names in wanted.items()}
        if not any(found.values()):
            absent.append(origin.stem)
            continue
        for frame, path in found.items():
            if path is None:
                absent.append(wanted[frame][0])
            else:
                masks[frame] = _mask(path, study, 1, scheme)[0]
    return masks, absent


def _phase_names(study: Study, origin: Origin) -> dict[int, list[str]]:
    """Names in small letters that a mask of each phase may have, by frame; none where other frames are drawn too."""
    phases = {study.facts.ed_index: "ed", study.facts.es_index: "es"}
    drawn = () if study.labels is None else study.labels.annotated_frames()
    frames = [frame for frame in drawn if frame in origin.frames]
    if any(frame not in phases for frame in frames):
        return {}
    return {frame: [f"{name}_{phases[frame]}".lower() for name in (study.name, origin.stem)] for frame in frames}


def _mask(path: Path, study: Study, n_frames: int, scheme: LabelScheme) -> NDArray[np.uint8]:
    volume = load_labels(path, scheme)
    check_same_grid(volume.grid, study.grid, path)
    if len(volume.array) != n_frames:
        expected = f"{n_frames} frames as in the reference"
        raise GridMismatch(expected, f"{len(volume.array)}", "predict the same file", path)
    return volume.array.astype(np.uint8, copy=False)
