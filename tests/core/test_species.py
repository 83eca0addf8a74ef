"""Whose heart a scan shows is stated, or told by a size at which no human heart is possible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shortaxis.core.species import BY_SIZE, with_species
from shortaxis.core.study import Facts, Grid, Origin, Spacing, Study


def study_of(spacing_mm: Spacing | None, side: int = 192) -> Study:
    image = np.zeros((1, 3, side, side), np.int16)
    return Study("a", image, Grid((3, side, side), np.eye(4), spacing_mm), (Origin("a", (0,), False),))


@pytest.mark.parametrize(
    ("spacing_mm", "side", "species"),
    [
        ((0.8, 0.13, 0.13), 192, "mouse"),  # 25 mm across
        ((8.0, 0.35, 0.35), 512, "human"),  # fine pixels, but 179 mm across
        ((10.0, 1.5, 1.5), 32, "human"),  # 48 mm across, but coarse pixels
        ((0.8, 0.13, 0.5), 64, "human"),
        (None, 192, "human"),
    ],
)
def test_small_pixels_and_a_small_field_together_are_a_mouse(
    spacing_mm: Spacing | None, side: int, species: str
) -> None:
    told = with_species(study_of(spacing_mm, side))
    assert told.facts.species == species
    assert (BY_SIZE in told.notes) == (species == "mouse")


def test_what_is_stated_stands() -> None:
    small = study_of((0.8, 0.13, 0.13))
    assert with_species(replace(small, facts=Facts(species="human"))).facts.species == "human"
    large = replace(study_of((10.0, 1.5, 1.5)), facts=Facts(species="mouse"))
    assert with_species(large) is large


def test_told_twice_it_is_noted_once() -> None:
    told = with_species(with_species(study_of((0.8, 0.13, 0.13))))
    assert told.notes.count(BY_SIZE) == 1
