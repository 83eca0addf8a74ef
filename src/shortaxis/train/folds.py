"""Folds by patient, written to a file; a split that shares a patient is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shortaxis.core.errors import BadConfiguration, LeakingSplit


@dataclass(frozen=True)
class Fold:
    """One split of the patients: names of those trained on and of those held out, sorted.

    `left_out` are those of the training side whose scan is known to be a held-out patient's too: nobody trains on them.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def training_side(self) -> tuple[str, ...]:
        """Who is not held out, trained on or left out: the split as it was drawn."""
        return tuple(sorted((*self.train, *self.left_out)))


def refuse_number_of_folds(count: int, n_patients: int) -> None:
    """Raises BadConfiguration where so many patients cannot be dealt into so many folds."""
    if n_patients < 2:
        expected, found = "at least 2 patients, one of them to hold out", str(n_patients)
        raise BadConfiguration(expected, found, "add cases, or train on all that there are with --fold none")
    if not 2 <= count <= n_patients:
        expected = f"between 2 and {n_patients} folds for {n_patients} patients"
        raise BadConfiguration(expected, str(count), "choose --folds accordingly")


def split_by_patient(patients: Sequence[str], groups: Mapping[str, str | None], count: int, seed: int) -> list[Fold]:
    """`count` folds in which each patient is held out once, the groups spread evenly.

    The order is drawn from a hash of seed and name, so that a split does not depend on the platform, on the order of the
    folders, or on a random generator's version.

    Args:
        patients: each patient once.
        groups: patient -> diagnosis group, or None where unknown.
        count: number of folds.
        seed: another seed, another split.

    Raises:
        BadConfiguration: fewer patients than folds, or fewer than two folds.
        LeakingSplit: a patient is named twice.
    """
    if len(set(patients)) != len(patients):
        twice = sorted({name for name in patients if list(patients).count(name) > 1})
        raise LeakingSplit("each patient once", f"{', '.join(twice)} more than once", "give every patient one folder")
    refuse_number_of_folds(count, len(patients))

    def rank(name: str) -> tuple[str, str]:
        return groups.get(name) or "", hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()

    ordered = sorted(patients, key=rank)
    held_out = [ordered[index::count] for index in range(count)]
    return [Fold(tuple(sorted(set(patients) - set(part))), tuple(sorted(part))) for part in held_out]


def refuse_leaks(fold: Fold) -> Fold:
    """The fold itself. Raises LeakingSplit where a patient stands on both sides."""
    shared = sorted(set(fold.train) & set(fold.validation))
    if shared:
        raise LeakingSplit("no patient on both sides", ", ".join(shared), "make the folds anew by patient")
    return fold
