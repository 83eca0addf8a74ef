"""Folds balanced by the myocardium's volume: measured by the labels, an animal's scans together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from shortaxis.core.errors import BadSpacing, LabelsMissing
from shortaxis.core.labels import EMIDEC, LEFT_VENTRICLE, Labels, LabelScheme, Structure
from shortaxis.core.study import Study
from shortaxis.jobs.myocardial_volume import myocardial_volumes_ml
from shortaxis.jobs.train_method import TrainOptions, chosen_folds, train_method
from shortaxis.train.run import TrainingCase
from tests.lookalike.ring_study import ring_study


def study_of(name: str, voxels: tuple[int, ...], scheme: LabelScheme = LEFT_VENTRICLE, code: int = 2) -> Study:
    """As many voxels of a number in each frame, 5 x 2 x 2 mm = 0.02 ml each."""
    study = ring_study(n_frames=len(voxels), spacing_mm=(5.0, 2.0, 2.0))
    array = np.zeros(study.image.shape, np.uint8)
    for frame, count in zip(array, voxels, strict=True):
        frame.reshape(-1)[:count] = code
    return replace(study, name=name, labels=Labels.complete(array, scheme))


def case_of(name: str, animal: str, *voxels: int) -> TrainingCase:
    return TrainingCase(name, animal, partial(study_of, name, voxels))


def test_an_animals_volume_is_the_mean_of_its_scans_and_frames() -> None:
    cases = [case_of("m1-day0", "m1", 100, 200), case_of("m1-day7", "m1", 250), case_of("m2", "m2", 50)]
    # (100 + 200) / 2 = 150 voxels and 250: 200 on average, 4 ml. 50: 1 ml.
    assert myocardial_volumes_ml(cases) == pytest.approx({"m1": 4.0, "m2": 1.0})


def test_frames_nobody_drew_in_do_not_count() -> None:
    study = study_of("m1", (100, 0))
    assert study.labels is not None
    study.labels.annotated[1] = False
    assert myocardial_volumes_ml([TrainingCase("m1", "m1", lambda: study)]) == pytest.approx({"m1": 2.0})


def test_scar_is_myocardium_too() -> None:
    infarct = EMIDEC.code_of(Structure.INFARCT)
    study = study_of("p1", (100,), EMIDEC, infarct)
    assert myocardial_volumes_ml([TrainingCase("p1", "p1", lambda: study)]) == pytest.approx({"p1": 2.0})


def test_without_myocardium_or_without_spacing_there_is_nothing_to_balance_by() -> None:
    study = study_of("m1", (10,))
    flat = replace(study, grid=replace(study.grid, spacing_mm=None))
    with pytest.raises(BadSpacing, match="--balance"):
        myocardial_volumes_ml([TrainingCase("m1", "m1", lambda: flat)])
    with pytest.raises(LabelsMissing, match="myocardium"):
        myocardial_volumes_ml([TrainingCase("m1", "m1", lambda: replace(study, labels=None))])


def test_folds_by_volume_keep_an_animals_scans_together() -> None:
    cases = [
        case_of("a", "a", 200),
        case_of("b", "b", 180),
        case_of("c-day0", "c", 100),
        case_of("c-day7", "c", 60),
        case_of("d", "d", 20),
    ]
    # ml: a 4, b 3.6, c 1.6, d 0.4. a and b are dealt first; c goes to b's fold, which holds less, d to a's.
    folds = chosen_folds(cases, TrainOptions(fold="all", folds=2, balance="myocardium"))
    assert {name: fold.validation for name, fold in folds.items()} == {"fold-0": ("a", "d"), "fold-1": ("b", "c")}
    groups = chosen_folds(cases, TrainOptions(fold=0, folds=2))  # without it, by name and group as ever
    assert set(groups) == {"fold-0"}


def test_train_writes_the_balanced_fold(acdc_tree: Path, tmp_path: Path) -> None:
    from tests.jobs.conftest import TINY

    options = TrainOptions(fold=1, folds=2, recipe="tuned", changes=TINY, device="cpu", workers=0, balance="myocardium")
    (model,) = train_method("unet", acdc_tree, "acdc", tmp_path, options)
    assert model.is_file() and (tmp_path / "fold-1/fold.json").is_file()
