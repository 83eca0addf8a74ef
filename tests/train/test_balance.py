"""Folds balanced by an amount: dealt out in rounds, the largest of a round to the fold that holds least."""

from __future__ import annotations

import pytest

from shortaxis.core.errors import BadConfiguration
from shortaxis.train.balance import split_balanced
from shortaxis.train.folds import Fold


def test_six_animals_in_two_folds_by_hand() -> None:
    amounts = {"a": 10.0, "b": 9.0, "c": 8.0, "d": 4.0, "e": 3.0, "f": 1.0}
    # (10, 9): a to fold 0, b to fold 1. (8, 4): 9 < 10, so c to fold 1 and d to fold 0: 14 and 17. (3, 1): e to fold 0.
    assert split_balanced(amounts, 2) == [
        Fold(train=("b", "c", "f"), validation=("a", "d", "e")),  # 17 held out
        Fold(train=("a", "d", "e"), validation=("b", "c", "f")),  # 18
    ]


def test_an_incomplete_round_goes_to_the_folds_that_hold_least() -> None:
    held_out = [fold.validation for fold in split_balanced({"a": 9.0, "b": 5.0, "c": 4.0, "d": 3.0, "e": 2.0}, 3)]
    assert held_out == [("a",), ("b", "e"), ("c", "d")]  # 9; 5 + 2; 4 + 3


def test_every_patient_is_held_out_once_and_the_folds_sums_are_near_each_other() -> None:
    amounts = {f"m{number}": 60.0 + (number * 37) % 50 for number in range(23)}
    folds = split_balanced(amounts, 5)
    assert sorted(name for fold in folds for name in fold.validation) == sorted(amounts)
    assert all(not set(fold.train) & set(fold.validation) for fold in folds)
    assert {len(fold.validation) for fold in folds} == {4, 5}
    means = [sum(amounts[name] for name in fold.validation) / len(fold.validation) for fold in folds]
    assert max(means) - min(means) < 0.15 * sum(amounts.values()) / len(amounts)


def test_the_order_of_the_patients_and_equal_amounts_change_nothing() -> None:
    amounts = dict.fromkeys(["d", "b", "a", "c"], 2.0)
    assert split_balanced(amounts, 2) == split_balanced(dict(sorted(amounts.items())), 2)
    assert split_balanced(amounts, 2)[0].validation == ("a", "c")


@pytest.mark.parametrize("count", [1, 4])
def test_a_number_of_folds_that_cannot_be_is_refused(count: int) -> None:
    with pytest.raises(BadConfiguration, match="between 2 and 3"):
        split_balanced({"a": 1.0, "b": 2.0, "c": 3.0}, count)
