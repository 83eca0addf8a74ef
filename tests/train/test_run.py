"""A stage trained on a fold's patients: who is read, who is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shortaxis.core.errors import CannotResume, LabelsMissing, LeakingSplit
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE, MNMS
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.study import Study
from shortaxis.train.folds import Fold
from shortaxis.train.run import TrainingCase, fit_stage, without_known_copies
from shortaxis.train.state import CURRENT, _digest, read_state
from tests.lookalike.ring_study import ring_study
from tests.train.runs import run_in
from tests.train.tiny import TinyStage

STAGE = TinyStage(FitRecipe(steps=2, batch=3, validate_every=1), channels=1)


def cases(reads: list[str], **changes: object) -> list[TrainingCase]:
    def reader(name: str, seed: int) -> Callable[[], Study]:
        def read() -> Study:
            reads.append(name)
            return replace(ring_study(n_frames=1, slices=2, seed=seed, name=name), **changes)

        return read

    return [TrainingCase(f"{patient}-{visit}", patient, reader(f"{patient}-{visit}", 10 * int(patient[1]) + visit))
            for patient in ("p1", "p2", "p3") for visit in (1, 2)]  # fmt: skip


def test_only_the_folds_patients_are_read_with_all_their_cases(tmp_path: Path) -> None:
    reads: list[str] = []
    fitted = fit_stage(STAGE, ACDC, cases(reads), Fold(("p1",), ("p3",)), run_in(tmp_path))
    assert reads == ["p1-1", "p1-2", "p3-1", "p3-2"]
    assert fitted.finished and set(fitted.weights) == set(STAGE.build(ACDC).state_dict())


def test_a_shared_patient_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    reads: list[str] = []
    with pytest.raises(LeakingSplit, match="p2"):
        fit_stage(STAGE, ACDC, cases(reads), Fold(("p1", "p2"), ("p2",)), run_in(tmp_path))
    assert reads == [] and not list(tmp_path.iterdir())


def test_nobody_held_out_means_the_last_state(tmp_path: Path) -> None:
    fitted = fit_stage(STAGE, ACDC, cases([]), Fold(("p1",), ()), run_in(tmp_path))
    assert all(torch.isfinite(value).all() for value in fitted.weights.values())


def test_patients_without_a_case_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsMissing):
        fit_stage(STAGE, ACDC, cases([]), Fold(("stranger",), ()), run_in(tmp_path))


def test_a_case_without_labels_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(LabelsMissing, match="p1-1"):
        fit_stage(STAGE, ACDC, cases([], labels=None), Fold(("p1",), ()), run_in(tmp_path))


def test_labels_that_lack_a_structure_are_not_taken_for_background(tmp_path: Path) -> None:
    """Nobody drew the right ventricle in these: to learn from them that there is none would be wrong."""
    labels = ring_study(n_frames=1, slices=2, scheme=LEFT_VENTRICLE).labels
    with pytest.raises(LabelsMissing, match="rv_cavity"):
        fit_stage(STAGE, ACDC, cases([], labels=labels), Fold(("p1",), ()), run_in(tmp_path))
    fit_stage(STAGE, LEFT_VENTRICLE, cases([]), Fold(("p1",), ()), run_in(tmp_path))  # fewer is no problem


@pytest.mark.parametrize("change", ["fold", "scheme", "recipe"])
def test_a_run_is_resumed_only_as_it_began(change: str, tmp_path: Path) -> None:
    fit_stage(STAGE, ACDC, cases([]), Fold(("p1",), ()), run_in(tmp_path))
    fold = Fold(("p2",), ()) if change == "fold" else Fold(("p1",), ())
    stage = replace(STAGE, fit=STAGE.fit.model_copy(update={"steps": 9})) if change == "recipe" else STAGE
    with pytest.raises(CannotResume):
        fit_stage(stage, MNMS if change == "scheme" else ACDC, cases([]), fold, run_in(tmp_path))


def test_a_stop_while_cases_are_read_begins_nothing(tmp_path: Path) -> None:
    reads: list[str] = []
    run = replace(run_in(tmp_path), hurry=lambda: len(reads) == 2)
    fitted = fit_stage(STAGE, ACDC, cases(reads), Fold(("p1", "p2"), ("p3",)), run)
    assert not fitted.finished and reads == ["p1-1", "p1-2"] and not list(tmp_path.iterdir())
    assert fit_stage(STAGE, ACDC, cases([]), Fold(("p1", "p2"), ("p3",)), run_in(tmp_path)).finished


def test_the_same_scan_under_two_patients_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    held = cases([])
    copied = [replace(case, read=held[0].read) if case.name == "p3-2" else case for case in held]
    with pytest.raises(LeakingSplit, match=r"p1-1 \(patient p1, trained on\) and p3-2 \(patient p3, held out\)"):
        fit_stage(STAGE, ACDC, copied, Fold(("p1", "p2"), ("p3",)), run_in(tmp_path))
    assert not list(tmp_path.iterdir())
    assert fit_stage(STAGE, ACDC, copied, Fold(("p1", "p3"), ("p2",)), run_in(tmp_path)).finished


@pytest.mark.parametrize("what", ["image", "labels"])
def test_a_run_is_not_resumed_on_other_scans_or_other_drawings_of_the_same_names(what: str, tmp_path: Path) -> None:
    fit_stage(STAGE, ACDC, cases([]), Fold(("p1",), ()), run_in(tmp_path))
    other = ring_study(n_frames=1, slices=2, seed=77, centre=(22.0, 25.0) if what == "labels" else (24.0, 25.0))
    changed = {"image": other.image} if what == "image" else {"labels": other.labels}
    with pytest.raises(CannotResume, match="data"):
        fit_stage(STAGE, ACDC, cases([], **changed), Fold(("p1",), ()), run_in(tmp_path))


@pytest.mark.parametrize(
    "key", ["kind", "stage", "settings", "network", "scheme", "train", "validation", "examples", "data"]
)
def test_a_state_that_does_not_say_what_it_was_trained_on_is_refused(key: str, tmp_path: Path) -> None:
    fit_stage(STAGE, ACDC, cases([]), Fold(("p1",), ()), run_in(tmp_path))
    facts, tensors = read_state(tmp_path / CURRENT)
    del facts["identity"][key]
    text = json.dumps(facts)
    save_file(tensors, tmp_path / CURRENT, {"shortaxis_state": text, "sha256": _digest(text, tensors)})
    with pytest.raises(CannotResume, match=f"other {key}"):
        fit_stage(STAGE, ACDC, cases([]), Fold(("p1",), ()), run_in(tmp_path))


def known_as_one_scan() -> list[TrainingCase]:
    """p3's second case is p1's first one, and it is known."""
    held = cases([])
    one = {"p1-1": "the same", "p3-2": "the same"}
    return [
        replace(case, scan=one.get(case.name, ""), read=held[0].read if case.name == "p3-2" else case.read)
        for case in held
    ]


def test_a_known_copy_of_a_held_out_scan_is_left_out_of_training(tmp_path: Path) -> None:
    fold = Fold(("p1", "p2"), ("p3",))
    kept = without_known_copies(fold, known_as_one_scan())
    assert kept == Fold(("p2",), ("p3",), left_out=("p1",)) == without_known_copies(kept, known_as_one_scan())
    assert kept.training_side == ("p1", "p2")
    assert without_known_copies(Fold(("p1", "p3"), ("p2",)), known_as_one_scan()).train == ("p1", "p3")
    with pytest.raises(LeakingSplit, match="p1-1"):  # trained on all the same, it is refused
        fit_stage(STAGE, ACDC, known_as_one_scan(), fold, run_in(tmp_path))
    fitted = fit_stage(STAGE, ACDC, known_as_one_scan(), kept, run_in(tmp_path))
    assert fitted.finished and fitted.examples == 4
    assert read_state(tmp_path / CURRENT)[0]["identity"]["train"] == ["p2"]
