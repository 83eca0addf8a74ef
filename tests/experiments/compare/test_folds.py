"""A comparison's split: made once, by patient, as `train` makes it; a given one is read whole or refused with its file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shortaxis.core.errors import BadConfiguration, CannotResume, LeakingSplit
from shortaxis.experiments.compare.folds import (
    FOLDS,
    agreed_folds,
    as_json,
    chosen,
    made_folds,
    read_split,
    refuse_strangers,
)
from shortaxis.experiments.compare.patients import phantom_cases
from shortaxis.experiments.compare.plan import Entry, Plan
from shortaxis.jobs.train_method import TrainOptions, chosen_folds
from shortaxis.train.folds import Fold

CASES = phantom_cases(8)  # nobody reads them here
ONE = Fold(("b", "c"), ("a",))


def a_plan(out: Path, split: str | None = None) -> Plan:
    return Plan((Entry("unet", "unet"),), Path(), "phantom", out, folds=4, split=split)


def test_the_folds_are_those_of_train() -> None:
    assert made_folds(CASES, 4) == list(chosen_folds(CASES, TrainOptions(fold="all", folds=4)).values())


def test_what_is_written_is_read_again_and_says_how_it_was_made(tmp_path: Path) -> None:
    folds = agreed_folds(a_plan(tmp_path), CASES)
    held = json.loads((tmp_path / FOLDS).read_text())
    assert held["made"] == "by patient, seed 0" and {"folds": held["folds"]} == as_json(folds)
    assert read_split(str(tmp_path / FOLDS)) == folds == agreed_folds(a_plan(tmp_path), CASES)
    given = tmp_path / "given.json"
    given.write_text(json.dumps(as_json(folds)))
    agreed_folds(a_plan(tmp_path / "other", str(given)), CASES)
    assert json.loads((tmp_path / "other" / FOLDS).read_text())["made"] == str(given)


def test_known_copies_are_left_out_of_the_folds_and_stand_in_the_file_as_they_were_drawn(tmp_path: Path) -> None:
    """`nnunet` leaves out the same, so that its masks stand beside these folds."""
    copy, scan = (made_folds(CASES, 4)[at].validation[0] for at in (0, 1))
    known = [replace(case, scan="one" if case.patient in {copy, scan} else "") for case in CASES]
    folds = agreed_folds(a_plan(tmp_path), known)
    assert [fold.left_out for fold in folds] == [(scan,), (copy,), (), ()]
    assert folds == list(chosen_folds(known, TrainOptions(fold="all", folds=4)).values())
    assert read_split(str(tmp_path / FOLDS)) == made_folds(known, 4) and agreed_folds(a_plan(tmp_path), known) == folds
    assert [fold.training_side for fold in folds] == [fold.train for fold in made_folds(known, 4)]


def test_a_folder_begun_with_another_split_keeps_it(tmp_path: Path) -> None:
    agreed_folds(a_plan(tmp_path), CASES)
    before = (tmp_path / FOLDS).read_bytes()
    other = tmp_path / "other.json"
    other.write_text(json.dumps(as_json(made_folds(CASES, 2))))
    with pytest.raises(CannotResume, match="this folder was begun with") as caught:
        agreed_folds(a_plan(tmp_path, str(other)), CASES)
    assert caught.value.path == tmp_path / FOLDS and (tmp_path / FOLDS).read_bytes() == before


@pytest.mark.parametrize("which", [-1, 2])
def test_a_fold_is_counted_from_nought(which: int) -> None:
    assert chosen([ONE, ONE], 0) == {0: ONE} and chosen([ONE, ONE], 1) == {1: ONE}
    with pytest.raises(BadConfiguration, match="0 to 1"):
        chosen([ONE, ONE], which)


def test_strangers_are_named_five_at_most() -> None:
    patients = tuple(case.patient for case in CASES)
    refuse_strangers([Fold(patients[1:], patients[:1])], CASES, None)
    for count, words in ((1, "no case of s0$"), (5, "s3, s4$"), (6, "s3, s4 and 1 more$")):
        strangers = tuple(f"s{number}" for number in range(count))
        with pytest.raises(BadConfiguration) as caught:
            refuse_strangers([Fold(patients, strangers)], CASES, "split.json")
        caught.match(f"(?m){words}")
        assert caught.value.path == Path("split.json")
    with pytest.raises(BadConfiguration, match="s0"):
        refuse_strangers([Fold(("s0",), patients)], CASES, None)


@pytest.mark.parametrize(
    ("folds", "words"),
    [
        ([{"train": ["a"], "validation": ["a", "b"]}], "a"),
        ([{"train": ["c"], "validation": ["a"]}] * 2, "a more than once"),
    ],
)
def test_a_leak_is_told_with_the_file_it_is_in(folds: list[object], words: str, tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"folds": folds}))
    with pytest.raises(LeakingSplit, match=words) as caught:
        read_split(str(path))
    assert caught.value.path == path


def test_a_patients_order_and_kind_in_the_file_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"folds": [{"train": [3, "2"], "validation": [1]}]}))
    assert read_split(str(path)) == [Fold(("2", "3"), ("1",))]
