"""How structures look in every picture: colours that stay apart for colour-blind readers, and dashes besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shortaxis.core.labels import LabelScheme, Structure


@dataclass(frozen=True)
class Look:
    """A structure's name in words, colour (`#rrggbb`) and dash pattern in screen pixels (empty: a full line)."""

    title: str
    colour: str
    dash: tuple[int, ...] = ()

    @property
    def bgr(self) -> tuple[int, int, int]:
        """The colour as OpenCV orders it."""
        red, green, blue = (int(self.colour[start : start + 2], 16) for start in (1, 3, 5))
        return blue, green, red


# After Okabe and Ito 2008, lightened where needed to stand out on a dark image.
LOOKS: Mapping[Structure, Look] = {
    Structure.MYOCARDIUM: Look("Myocardium", "#f0e442"),
    Structure.HEALTHY_MYOCARDIUM: Look("Healthy myocardium", "#f0e442"),
    Structure.INFARCT: Look("Infarct", "#e78ac3"),
    Structure.NO_REFLOW: Look("No-reflow", "#ffffff", (2, 3)),
    Structure.RV_CAVITY: Look("RV cavity", "#56b4e9", (6, 3)),
    Structure.LV_CAVITY: Look("LV cavity", "#ff7043"),
}


def drawn_structures(scheme: LabelScheme) -> tuple[Structure, ...]:
    """The labelled structures of a scheme as they are drawn: cavities last, over the muscle they share an edge with."""
    return tuple(structure for structure in LOOKS if structure in scheme.structures)
