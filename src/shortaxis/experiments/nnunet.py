"""nnU-Net itself on our split: its raw folder written, its commands named or run, its masks read back and scored.

Isensee F, et al. nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation. Nature Methods
18:203-211, 2021. The second version's file layout (`nnUNet_raw`, `nnUNet_preprocessed/.../splits_final.json`,
`nnUNet_results/.../fold_K/validation`). nnU-Net is never installed by us; where its commands are on the PATH they run.

Every labelled frame is one of its cases. A slice that nobody drew gets its `ignore` label, so that it is not taught as
background. Grids are written without the source's own header: a reader that takes ACDC's unit columns for millimetres
would plan for the wrong spacing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadSpacing, CannotResume, LabelsMissing, PackageMissing, ProgramFailed
from shortaxis.core.labels import LabelScheme
from shortaxis.core.study import Grid, Study
from shortaxis.files.gate import check_same_grid, load_labels
from shortaxis.files.json_file import read_json
from shortaxis.files.names import slug
from shortaxis.files.nifti_geometry import true_affine
from shortaxis.files.writer import write_csv, write_image, write_json, write_labels
from shortaxis.measure.evaluate import evaluate_case
from shortaxis.measure.summary import summarise
from shortaxis.train.folds import Fold, refuse_leaks
from shortaxis.train.run import TrainingCase

Configuration = Literal["2d", "3d_fullres"]
FOLDERS = ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")
TRAINER = "nnUNetTrainer__nnUNetPlans__"


@dataclass(frozen=True)
class RawDataset:
    """Where a split lies as nnU-Net wants it.

    Attributes:
        root: holds `nnUNet_raw`, `nnUNet_preprocessed` and `nnUNet_results`.
        number: nnU-Net's number of the data set, three digits.
        name: what follows the number.
    """

    root: Path
    number: int = 501
    name: str = "Shortaxis"

    @property
    def folder(self) -> str:
        """The data set's folder name in each of the three."""
        return f"Dataset{self.number:03d}_{self.name}"

    @property
    def raw(self) -> Path:
        return self.root / FOLDERS[0] / self.folder

    @property
    def splits(self) -> Path:
        return self.root / FOLDERS[1] / self.folder / "splits_final.json"

    def predictions(self, configuration: Configuration, fold: int) -> Path:
        """Where training leaves the held-out cases' masks."""
        return self.root / FOLDERS[2] / self.folder / f"{TRAINER}{configuration}" / f"fold_{fold}" / "validation"

    @property
    def environment(self) -> dict[str, str]:
        """The three variables by which nnU-Net finds its folders."""
        return {name: str((self.root / name).resolve()) for name in FOLDERS}


def frame_name(case: TrainingCase, frame: int) -> str:
    """nnU-Net's name of one frame of a case."""
    return f"{slug(case.name)}_f{frame + 1:03d}"


def write_raw(dataset: RawDataset, cases: Sequence[TrainingCase], folds: Sequence[Fold], scheme: LabelScheme) -> None:
    """Write images, labels, `dataset.json`, `splits_final.json`, and the split by patient as `folds.json`.

    Where `folds.json` stands already, everything else does, and nothing is written.

    Raises:
        CannotResume: `folds.json` is of another split.
        LabelsMissing: a case has no labels.
        BadSpacing: a case of unknown spacing, which nnU-Net would take for 1 mm.
        LeakingSplit: a fold shares a patient between its sides.
    """
    split = [{"train": list(fold.train), "validation": list(fold.validation)} for fold in map(refuse_leaks, folds)]
    written = dataset.root / "folds.json"
    if written.is_file():
        if read_json(written) != split:
            raise CannotResume("the split this folder was begun with", "another", "choose another --out", written)
        return
    names: dict[str, list[str]] = {}
    ignored = False
    for case in cases:
        study = case.read()
        codes, undrawn = _codes(study, scheme)
        ignored = ignored or bool(undrawn.any())
        grid = plain_grid(study.grid, case.name)
        for frame in _frames(study):
            name = frame_name(case, frame)
            image = study.image[frame : frame + 1]
            write_image(dataset.raw / "imagesTr" / f"{name}_0000.nii.gz", image, grid, is_4d=False)
            write_labels(dataset.raw / "labelsTr" / f"{name}.nii.gz", codes[frame : frame + 1], grid, is_4d=False)
            names.setdefault(case.patient, []).append(name)
    labels = {"background": 0, **{str(structure): code for code, structure in scheme.codes.items()}}
    described = {
        "channel_names": {"0": "MRI"},
        "labels": {**labels, "ignore": _ignore(scheme)} if ignored else labels,
        "numTraining": sum(map(len, names.values())),
        "file_ending": ".nii.gz",
    }
    write_json(dataset.raw / "dataset.json", described)
    write_json(dataset.splits, [_split(fold, names) for fold in folds])
    write_json(written, split)


def commands(dataset: RawDataset, configuration: Configuration, fold: int) -> list[list[str]]:
    """The command lines from the raw folder to the held-out cases' masks, in order."""
    number = str(dataset.number)
    return [
        ["nnUNetv2_plan_and_preprocess", "-d", number, "-c", configuration, "--verify_dataset_integrity"],
        ["nnUNetv2_train", number, configuration, str(fold)],
    ]


def run_nnunet(dataset: RawDataset, configuration: Configuration, fold: int) -> None:
    """Run the commands one after the other, their output where ours goes.

    Raises:
        PackageMissing: a command is not on the PATH.
        ProgramFailed: one ended with another status than 0.
    """
    lines = commands(dataset, configuration, fold)
    for line in lines:
        if shutil.which(line[0]) is None:
            way_out = "install nnU-Net (pip install nnunetv2), or run elsewhere: " + "; ".join(map(" ".join, lines))
            raise PackageMissing(f"nnU-Net's command {line[0]} on the PATH", "it is not there", way_out)
    for line in lines:
        status = subprocess.run(line, env={**os.environ, **dataset.environment}, check=False).returncode
        if status != 0:
            raise ProgramFailed(f"{' '.join(line)} to end with status 0", str(status), "see its own messages above")


def read_back(
    dataset: RawDataset,
    configuration: Configuration,
    fold: int,
    held_out: Sequence[TrainingCase],
    scheme: LabelScheme,
    out: Path,
) -> dict[str, Any]:
    """Score a fold's masks as `evaluate` does: `scores.csv` and `summary.json` in `out`, the masks in `out/masks`.

    The masks are on the studies' own grids, named so that `shortaxis evaluate --prediction out/masks` finds them.

    Returns:
        The summary of `measure.summary.summarise` with `without_prediction`: frames scored against an empty mask.

    Raises:
        GridMismatch, UnknownLabel: a mask does not fit its case.
    """
    rows: list[dict[str, Any]] = []
    absent: list[str] = []
    for case in held_out:
        study = case.read()
        masks, missing = case_masks(dataset, configuration, fold, case, study, scheme)
        absent += missing
        rows += evaluate_case(study, masks, scheme)
        for origin in study.origins:
            own = np.ascontiguousarray(masks[list(origin.frames)])
            write_labels(out / "masks" / f"{origin.stem}_labels.nii.gz", own, study.grid, origin.is_4d)
    summary = {**summarise(rows), "without_prediction": absent}
    write_csv(out / "scores.csv", rows)
    write_json(out / "summary.json", summary)
    return summary


def case_masks(
    dataset: RawDataset, configuration: Configuration, fold: int, case: TrainingCase, study: Study, scheme: LabelScheme
) -> tuple[NDArray[np.uint8], list[str]]:
    """A held-out case's masks [frame, slice, row, col] on its own grid, and the names of files that are not there.

    A frame without a file is empty. Raises GridMismatch or UnknownLabel where a mask does not fit.
    """
    masks, absent = np.zeros(study.image.shape, np.uint8), []
    for frame in _frames(study):
        path = dataset.predictions(configuration, fold) / f"{frame_name(case, frame)}.nii.gz"
        if not path.is_file():
            absent.append(path.name)
            continue
        volume = load_labels(path, scheme)
        check_same_grid(volume.grid, plain_grid(study.grid, case.name), path)
        masks[frame] = volume.array[0]
    return masks, absent


def plain_grid(grid: Grid, case: str) -> Grid:
    """The grid with its affine's columns at the true spacing and nothing of the source's header. Raises BadSpacing."""
    if grid.spacing_mm is None:
        raise BadSpacing("a known spacing: nnU-Net plans by it", f"none in {case}", "leave the case out")
    return replace(grid, affine=true_affine(grid), nifti=None)


def _frames(study: Study) -> Sequence[int]:
    """The frames somebody drew in. Raises LabelsMissing where there are no labels."""
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "convert labelled cases only")
    return list(study.labels.annotated_frames())


def _codes(study: Study, scheme: LabelScheme) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Labels [frame, slice, row, col] in the numbers of `scheme`, undrawn slices ignored, and which these are."""
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "convert labelled cases only")
    codes = study.labels.scheme.translate(study.labels.array, scheme)
    undrawn = np.logical_not(study.labels.annotated.all(axis=2))  # [frame, slice]
    undrawn[np.setdiff1d(np.arange(study.n_frames), _frames(study))] = False  # such a frame is no case at all
    codes[undrawn] = _ignore(scheme)
    return codes, undrawn


def _ignore(scheme: LabelScheme) -> int:
    return max(scheme.codes) + 1  # nnU-Net wants it the highest


def _split(fold: Fold, names: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    sides = {"train": fold.train, "val": fold.validation}
    return {side: sorted(name for who in patients for name in names.get(who, ())) for side, patients in sides.items()}
