"""What a challenge's scoring is: the structures it needs, a row per case, and tables whose every column is defined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadConfiguration, LabelsMissing
from shortaxis.core.labels import Labels, LabelScheme, Structure
from shortaxis.core.study import Study

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Judged:
    """One case to be scored.

    Attributes:
        study: with reference labels and, where the protocol asks for them, its phases.
        prediction: uint8 [frame, slice, row, col] on the study's grid, numbers of `scheme`.
        stated: indices that the data set itself states, by name and frame; None where it states none.
    """

    study: Study
    prediction: NDArray[np.uint8]
    scheme: LabelScheme
    stated: Mapping[str, Sequence[float]] | None = None

    @property
    def reference(self) -> Labels:
        """The reference labels. Raises LabelsMissing."""
        if self.study.labels is None:
            raise LabelsMissing("reference labels", "none", "read the study with its labels", self.study.name)
        return self.study.labels


@dataclass(frozen=True)
class Table:
    """Rows, and what each of their columns means.

    Attributes:
        name: of the file it is written to.
        columns: column -> its definition, in order.
    """

    name: str
    title: str
    columns: Mapping[str, str]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Protocol:
    """A challenge's scoring.

    Attributes:
        scheme: the numbers its masks have.
        structures: what masks must tell to be scored by it.
        source: where its rules are written.
        score: rows of one case.
        case_columns: the columns of those rows with their definitions.
        summarise: the tables over all cases' rows.
    """

    name: str
    title: str
    source: str
    scheme: LabelScheme
    structures: tuple[Structure, ...]
    score: Callable[[Judged], list[dict[str, Any]]]
    case_columns: Mapping[str, str]
    summarise: Callable[[Sequence[Row]], tuple[Table, ...]]

    def check_scheme(self, scheme: LabelScheme, option: str) -> None:
        """Raises BadConfiguration where `scheme`, chosen by `option`, cannot tell what the protocol scores."""
        missing = [structure.value for structure in self.structures if not scheme.has(structure)]
        if missing:
            raise BadConfiguration(
                f"a label scheme that tells {', '.join(self.structures)}, which the protocol {self.name} scores",
                f"{scheme.name}, which has no {', '.join(missing)}",
                f"{option} {self.scheme.name}, or masks that tell these structures",
            )


def mean_of(rows: Iterable[Row], key: str) -> float | None:
    """Mean of a column over the rows that have a value; None where none has."""
    values = values_of(rows, key)
    return float(np.mean(values)) if values else None


def sd_of(rows: Iterable[Row], key: str) -> float | None:
    """Standard deviation over n - 1 of a column; from two values on."""
    values = values_of(rows, key)
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def values_of(rows: Iterable[Row], key: str) -> list[float]:
    """A column's values, None left out."""
    return [row[key] for row in rows if row[key] is not None]


def grouped(rows: Iterable[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows by the values of some columns, in the order of first appearance."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups
