"""Folds in which an amount (the volume of the myocardium, say) is distributed alike.

Huang et al. 2021 (3D Attention M-net), section III-A: scans of one animal on one side, "ensuring similar myocardial
volume distribution across all groups".
"""

from __future__ import annotations

from collections.abc import Mapping

from shortaxis.train.folds import Fold, refuse_number_of_folds


def split_balanced(amounts: Mapping[str, float], count: int) -> list[Fold]:
    """`count` folds in which each patient is held out once, and small and large amounts are spread evenly.

    Patients in falling order of their amount are dealt out in rounds, one to each fold; within a round the largest goes
    to the fold that holds least so far. So folds differ by one patient at most, each has its share of every size, and
    nothing is left to chance: equal amounts are ordered by name.

    Args:
        amounts: patient -> amount, in any unit.
        count: number of folds.

    Raises:
        BadConfiguration: fewer patients than folds, or fewer than two folds.
    """
    refuse_number_of_folds(count, len(amounts))
    ordered = sorted(amounts, key=lambda name: (-amounts[name], name))
    held_out: list[list[str]] = [[] for _ in range(count)]
    sums = [0.0] * count
    for start in range(0, len(ordered), count):
        emptiest_first = sorted(range(count), key=lambda fold: (sums[fold], fold))
        for name, fold in zip(ordered[start : start + count], emptiest_first, strict=False):
            held_out[fold].append(name)
            sums[fold] += amounts[name]
    return [Fold(tuple(sorted(set(amounts) - set(part))), tuple(sorted(part))) for part in held_out]
