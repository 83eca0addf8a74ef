"""Left-ventricular ejection fraction in the categories of heart failure, and who changes category between two readings.

Reduced below 40 %, mildly reduced from 40 to 49 %, preserved from 50 % on (McDonagh et al. 2021, ESC guidelines, Eur
Heart J 42:3599). A value of 49.5 lies below 50 and is mildly reduced: nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CATEGORIES = ("<40", "40-49", ">=50")
EDGES = (40.0, 50.0)


@dataclass(frozen=True)
class Reclassified:
    """A table of categories.

    Attributes:
        counts: [A's category][B's category], in the order of `CATEGORIES`.
        n: patients with an ejection fraction in both.
        n_changed: patients whose category differs.
        changed: their names with both categories.
        kappa: Cohen's kappa, unweighted; None without patients, or where both put all into one category.
    """

    counts: tuple[tuple[int, ...], ...]
    n: int
    n_changed: int
    changed: Mapping[str, tuple[str, str]]
    kappa: float | None


def category_of(ef_percent: float) -> str:
    """The category of an ejection fraction in percent."""
    return CATEGORIES[sum(ef_percent >= edge for edge in EDGES)]


def reclassified(pairs: Mapping[str, tuple[float | None, float | None]]) -> Reclassified:
    """The table of (A, B) ejection fractions by patient; a pair with a missing value is left out."""
    both = {case: (category_of(a), category_of(b)) for case, (a, b) in pairs.items() if a is not None and b is not None}
    held = list(both.values())
    counts = tuple(tuple(held.count((one, other)) for other in CATEGORIES) for one in CATEGORIES)
    changed = {case: two for case, two in both.items() if two[0] != two[1]}
    return Reclassified(counts, len(both), len(changed), changed, _kappa(counts))


def _kappa(counts: tuple[tuple[int, ...], ...]) -> float | None:
    n = sum(map(sum, counts))
    if n == 0:
        return None
    same = sum(row[i] for i, row in enumerate(counts)) / n
    chance = sum(sum(row) * sum(other[i] for other in counts) for i, row in enumerate(counts)) / n**2
    return None if chance == 1 else (same - chance) / (1 - chance)
