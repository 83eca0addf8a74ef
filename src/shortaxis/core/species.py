"""Whose heart a scan shows, where the file does not say: a heart of a man does not fit into a mouse's picture."""

from __future__ import annotations

from dataclasses import replace

from shortaxis.core.study import Grid, Note, Species, Study

MOUSE_PIXEL_MM = 0.4  # ours: pixels of a human cine are three times as large, those of a mouse's a third
MOUSE_PLANE_MM = 60.0  # ours: a human heart alone is 105 mm wide (ACDC's median), a mouse's chest 25 mm
BY_SIZE = Note(
    "SA-W120",
    "The file does not say whose heart this is. Its pixels and its field of view are so small that it was taken for a"
    " mouse's; --species says otherwise.",
)


def with_species(study: Study) -> Study:
    """The study with its species stated: as its facts have it, else by the size of the picture.

    A picture of pixels under 0.4 mm that is nowhere 60 mm wide is taken for a mouse's, and a note says so. Every other
    one, and one of unknown spacing, is taken for a human's.
    """
    if study.facts.species is not None:
        return study
    if is_mouse_sized(study.grid):
        return replace(study, facts=replace(study.facts, species="mouse")).with_notes(BY_SIZE)
    return replace(study, facts=replace(study.facts, species="human"))


def species_of(study: Study) -> Species:
    """Whose heart a study shows, stated or told by its size."""
    return with_species(study).facts.species or "human"


def is_mouse_sized(grid: Grid) -> bool:
    """Whether pixels and field of view are too small for a human heart; false where the spacing is unknown."""
    if grid.pixel_mm is None:
        return False
    sides_mm = (count * mm for count, mm in zip(grid.shape[1:], grid.pixel_mm, strict=True))
    return max(grid.pixel_mm) < MOUSE_PIXEL_MM and max(sides_mm) < MOUSE_PLANE_MM
