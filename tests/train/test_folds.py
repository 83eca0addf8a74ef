"""Folds are by patient, spread the groups, and never depend on the machine."""

from __future__ import annotations

import pytest

from shortaxis.core.errors import BadConfiguration, LeakingSplit
from shortaxis.train.folds import Fold, refuse_leaks, split_by_patient

PATIENTS = [f"p{number:02d}" for number in range(20)]
GROUPS = {name: "ABCD"[index % 4] for index, name in enumerate(PATIENTS)}


def test_each_patient_is_held_out_once_and_trained_on_otherwise() -> None:
    folds = split_by_patient(PATIENTS, GROUPS, 5, seed=0)
    assert sorted(name for fold in folds for name in fold.validation) == PATIENTS
    for fold in folds:
        assert sorted((*fold.train, *fold.validation)) == PATIENTS
        assert list(fold.train) == sorted(fold.train) and list(fold.validation) == sorted(fold.validation)
        refuse_leaks(fold)


def test_each_fold_holds_one_of_every_group_where_that_is_possible() -> None:
    for fold in split_by_patient(PATIENTS, GROUPS, 5, seed=3):
        assert sorted(GROUPS[name] or "" for name in fold.validation) == ["A", "B", "C", "D"]


def test_uneven_numbers_differ_by_one_at_most() -> None:
    sizes = [len(fold.validation) for fold in split_by_patient(PATIENTS[:17], {}, 5, seed=0)]
    assert sorted(sizes) == [3, 3, 3, 4, 4]


def test_a_known_example_stays_as_it_is_on_every_platform() -> None:
    folds = split_by_patient(["a", "b", "c", "d", "e", "f"], {"a": "x", "b": "x", "c": None}, 3, seed=0)
    # By group ("" before "x"), then by sha256("0:name"): f 49.., d 7d.., c be.., e e0..; a 9d.., b e0..; dealt in turn.
    assert [fold.validation for fold in folds] == [("e", "f"), ("a", "d"), ("b", "c")]


def test_the_order_of_the_patients_does_not_matter() -> None:
    assert split_by_patient(PATIENTS, GROUPS, 4, 0) == split_by_patient(PATIENTS[::-1], GROUPS, 4, 0)


def test_another_seed_is_another_split() -> None:
    assert split_by_patient(PATIENTS, GROUPS, 4, 0) != split_by_patient(PATIENTS, GROUPS, 4, 1)


def test_a_patient_named_twice_is_refused_by_name() -> None:
    with pytest.raises(LeakingSplit) as refusal:
        split_by_patient([*PATIENTS, "p03"], {}, 5, 0)
    assert refusal.value.found == "p03 more than once"  # and nobody else


@pytest.mark.parametrize("count", [-1, 0, 1, 21])
def test_a_number_of_folds_that_cannot_be_is_refused(count: int) -> None:
    with pytest.raises(BadConfiguration):
        split_by_patient(PATIENTS, GROUPS, count, 0)


def test_one_patient_alone_can_only_be_trained_on() -> None:
    with pytest.raises(BadConfiguration, match="at least 2 patients") as refusal:
        split_by_patient(["a"], {}, 2, 0)
    assert "--fold none" in refusal.value.way_out


def test_as_many_folds_as_patients_leave_one_out() -> None:
    assert [len(fold.validation) for fold in split_by_patient(PATIENTS, GROUPS, 20, 0)] == [1] * 20


def test_a_shared_patient_is_refused_by_name() -> None:
    with pytest.raises(LeakingSplit, match="p02"):
        refuse_leaks(Fold(("p01", "p02"), ("p02", "p03")))


def test_who_is_left_out_still_stands_on_the_training_side_as_it_was_drawn() -> None:
    fold = Fold(train=("p2", "p5"), validation=("p1",), left_out=("p3",))
    assert fold.training_side == ("p2", "p3", "p5")
    assert Fold(("p2",), ("p1",)).training_side == ("p2",)
