"""nnU-Net's masks as an entry of a comparison: read from the folder of `shortaxis nnunet`, scored as all others are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shortaxis.core.errors import BadConfiguration, LeakingSplit, MissingFile
from shortaxis.core.labels import LabelScheme
from shortaxis.core.study import Study
from shortaxis.experiments.compare.patients import drawn_frames_alone
from shortaxis.experiments.compare.plan import Entry
from shortaxis.experiments.compare.score import Scored, keep_masks, pixel_accuracy, slice_rows
from shortaxis.experiments.compare.thirds import score_thirds
from shortaxis.experiments.nnunet import FOLDERS, TRAINER, Configuration, RawDataset, case_masks
from shortaxis.files.json_file import read_json
from shortaxis.measure.evaluate import evaluate_case
from shortaxis.train.folds import Fold
from shortaxis.train.run import TrainingCase

CONFIGURATIONS: tuple[Configuration, ...] = ("2d", "3d_fullres")
NOT_HERE = "trained and run by nnU-Net itself; neither time nor memory was measured here"


def nnunet_entries(roots: Sequence[Path]) -> tuple[Entry, ...]:
    """An entry for each configuration that was trained in the folders of `shortaxis nnunet`.

    Raises MissingFile for a folder without masks of held-out patients.
    """
    found: list[Entry] = []
    for root in roots:
        results = root / FOLDERS[2]
        trained: list[Configuration] = [
            kind for kind in CONFIGURATIONS if any(results.glob(f"*/{TRAINER}{kind}/*/validation"))
        ]
        if not trained:
            raise MissingFile(
                "masks that nnU-Net left of held-out patients", f"none below {FOLDERS[2]}",
                "run nnU-Net first: `shortaxis nnunet` shows the commands, or runs them with --run", root,
            )  # fmt: skip
        found += [Entry(f"nnU-Net {kind}", nnunet=(root, kind)) for kind in trained]
    return tuple(found)


def nnunet_fold(entry: Entry, fold: Fold, scheme: LabelScheme) -> tuple[RawDataset, Configuration, int]:
    """Where the entry's masks of exactly this fold are, and which number the fold has there.

    Raises:
        LeakingSplit: nnU-Net was trained on another split.
        BadConfiguration: it learned other structures or other numbers.
        MissingFile: it has not been trained on this fold yet.
    """
    root, configuration = entry.nnunet or (Path(), CONFIGURATIONS[0])
    dataset = RawDataset(root)
    wanted = {"train": list(fold.train), "validation": list(fold.validation)}
    splits = read_json(root / "folds.json")
    if wanted not in splits:
        raise LeakingSplit(
            f"nnU-Net trained on a fold that held out the same {len(fold.validation)} patients", "other folds",
            "write its folder anew with `shortaxis nnunet` and the same --folds", root / "folds.json",
        )  # fmt: skip
    labels = read_json(dataset.raw / "dataset.json")["labels"]
    learned = {name: code for name, code in labels.items() if name not in {"background", "ignore"}}
    if learned != {str(structure): code for code, structure in scheme.codes.items()}:
        found = ", ".join(f"{name} = {code}" for name, code in learned.items())
        raise BadConfiguration(f"nnU-Net trained on the labels of {scheme.name}", found, "give --label-scheme", root)
    number = splits.index(wanted)
    if not dataset.predictions(configuration, number).is_dir():
        way_out = f"run it: `shortaxis nnunet --fold {number} --configuration {configuration} --run`"
        raise MissingFile(f"nnU-Net's masks of fold {number}", "none yet", way_out, root)
    return dataset, configuration, number


def score_nnunet(
    entry: Entry, fold: Fold, held_out: Sequence[TrainingCase], scheme: LabelScheme, masks: Path
) -> dict[str, Any]:
    """The `scores.json` of nnU-Net on a fold: all that can be known without running it. Raises as `nnunet_fold`."""
    place = nnunet_fold(entry, fold, scheme)
    scored, absent = Scored(), list[str]()
    for case in held_out:
        study, labels, missing = _read(case, place, scheme)
        absent += missing
        scored.rows += evaluate_case(study, labels, scheme)
        scored.slices += slice_rows(study, labels, scheme)
        scored.thirds += score_thirds(study, labels, scheme, {})
        facts = {"case": case.name, "n_frames": study.n_frames, "n_slices": study.grid.shape[0], "seconds": None}
        scored.cases.append({**facts, "pixel_accuracy": pixel_accuracy(study.labels, labels, scheme)})
        keep_masks(masks, case.name, labels, None)
    budget = "trained elsewhere (nnU-Net's own schedule and repair)"
    return {
        "method": "nnunet", "recipe": "its own", "stages": [], "by_step": [],
        "budget": budget + (f"; {len(absent)} masks are missing and count as empty" if absent else ""),
        **scored.as_json(), "without_prediction": absent,
        "scheme": {str(code): structure.value for code, structure in scheme.codes.items()},
        "trained_on": Scored().as_json(),
        "cost": {"parameters": {}, "memory": {"peak_mib": None, "gpu_peak_mib": None, "reason": NOT_HERE}, "device": None},
    }  # fmt: skip


def _read(
    case: TrainingCase, place: tuple[RawDataset, Configuration, int], scheme: LabelScheme
) -> tuple[Study, np.ndarray[Any, np.dtype[np.uint8]], list[str]]:
    """A case's drawn frames, nnU-Net's labels of them, and the names of masks that are not there."""
    whole = replace(case.read(), name=case.name)
    masks, absent = case_masks(*place, case, whole, scheme)
    kept = list(whole.labels.annotated_frames()) if whole.labels is not None else []
    return drawn_frames_alone(whole), np.ascontiguousarray(masks[kept]), absent
