"""Anatomy by name: structures, the numbers a data set gives them, and label arrays.

ACDC and M&Ms number the ventricles in opposite order, so no code outside a scheme may speak of "label 1".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadConfiguration, UnknownName


class Structure(StrEnum):
    """A part of the heart, by its name in the field."""

    LV_CAVITY = "lv_cavity"
    RV_CAVITY = "rv_cavity"
    MYOCARDIUM = "myocardium"
    HEALTHY_MYOCARDIUM = "healthy_myocardium"
    INFARCT = "infarct"
    NO_REFLOW = "no_reflow"
    LEFT_ATRIUM = "left_atrium"
    RIGHT_ATRIUM = "right_atrium"
    AORTA = "aorta"
    PULMONARY_ARTERY = "pulmonary_artery"


@dataclass(frozen=True, eq=False)
class LabelScheme:
    """Which number stands for which structure in one data set; 0 is always background.

    Attributes:
        name: how the scheme is chosen on the command line.
        codes: number -> structure, numbers from 1 upward.
        unions: a structure that is labelled only through its parts -> those parts.
    """

    name: str
    codes: Mapping[int, Structure]
    unions: Mapping[Structure, tuple[Structure, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", dict(sorted(self.codes.items())))

    @property
    def structures(self) -> tuple[Structure, ...]:
        """The labelled structures in the order of their numbers; network channel `i + 1` is `structures[i]`."""
        return tuple(self.codes.values())

    def code_of(self, structure: Structure) -> int:
        """The number of a directly labelled structure; KeyError for a union or a stranger."""
        for code, known in self.codes.items():
            if known == structure:
                return code
        raise KeyError(structure)

    def has(self, structure: Structure) -> bool:
        """Whether this scheme can tell where `structure` is, directly or as a union."""
        return structure in self.codes.values() or structure in self.unions

    def mask(self, labels: NDArray[np.integer], structure: Structure) -> NDArray[np.bool_]:
        """Boolean array of `labels`' shape, true where `structure` is."""
        parts = self.unions.get(structure, (structure,))
        return np.isin(labels, [self.code_of(part) for part in parts])

    def translate(self, labels: NDArray[np.integer], target: LabelScheme) -> NDArray[np.uint8]:
        """`labels` of this scheme renumbered for `target`; a structure that `target` lacks becomes background.

        Raises:
            BadConfiguration: `target` numbers only the parts of a structure that this scheme has as a whole.
        """
        table = np.zeros(max(self.codes) + 1, np.uint8)
        for code, structure in self.codes.items():
            if structure in target.unions:  # dropped in silence, a whole myocardium would be lost
                parts = ", ".join(target.unions[structure])
                raise BadConfiguration(
                    f"a label scheme with a number for {structure}",
                    f"{target.name}, which numbers its parts alone: {parts}",
                    f"keep the labels in the scheme {self.name}",
                )
            if structure in target.codes.values():
                table[code] = target.code_of(structure)
            else:
                whole = next((w for w, parts in target.unions.items() if structure in parts), None)
                holder = whole or next((w for w, parts in self.unions.items() if structure in parts), None)
                if holder is not None and holder in target.codes.values():
                    table[code] = target.code_of(holder)  # infarct counts as myocardium where only that is known
        return table[labels]


_HEART = {
    "rv": Structure.RV_CAVITY,
    "myo": Structure.MYOCARDIUM,
    "lv": Structure.LV_CAVITY,
}
ACDC = LabelScheme("acdc", {1: _HEART["rv"], 2: _HEART["myo"], 3: _HEART["lv"]})
MNMS = LabelScheme("mnms", {1: _HEART["lv"], 2: _HEART["myo"], 3: _HEART["rv"]})
LEFT_VENTRICLE = LabelScheme("lv", {1: _HEART["lv"], 2: _HEART["myo"]})  # HALSR-Net's and Sunnybrook's two structures
MYOCARDIUM_ALONE = LabelScheme("myocardium", {1: _HEART["myo"]})  # the 3D attention network's one structure, in mice
EMIDEC = LabelScheme(
    "emidec",
    {1: Structure.LV_CAVITY, 2: Structure.HEALTHY_MYOCARDIUM, 3: Structure.INFARCT, 4: Structure.NO_REFLOW},
    {Structure.MYOCARDIUM: (Structure.HEALTHY_MYOCARDIUM, Structure.INFARCT, Structure.NO_REFLOW)},
)
WHOLE_HEART = LabelScheme(  # MM-WHS's structures, renumbered: its own numbers, 205 to 850, do not fit a byte
    "mmwhs",
    {1: _HEART["myo"], 2: Structure.LEFT_ATRIUM, 3: _HEART["lv"], 4: Structure.RIGHT_ATRIUM, 5: _HEART["rv"]}
    | {6: Structure.AORTA, 7: Structure.PULMONARY_ARTERY},
)
SCHEMES: Mapping[str, LabelScheme] = {
    s.name: s for s in (ACDC, MNMS, LEFT_VENTRICLE, EMIDEC, MYOCARDIUM_ALONE, WHOLE_HEART)
}


def scheme_named(name: str) -> LabelScheme:
    """The scheme of that name. Raises UnknownName with the known ones."""
    if name not in SCHEMES:
        raise UnknownName(f"one of {', '.join(SCHEMES)}", repr(name), "choose one of the names above")
    return SCHEMES[name]


@dataclass(frozen=True, eq=False)
class Labels:
    """A reference segmentation and what of it was really drawn.

    Attributes:
        array: uint8 [frame, slice, row, col], numbers of `scheme`.
        annotated: bool [frame, slice, structure] in the order of `scheme.structures`; false where nobody looked, so
            that an unlabelled slice is never taken for background.
    """

    array: NDArray[np.uint8]
    scheme: LabelScheme
    annotated: NDArray[np.bool_]

    @classmethod
    def complete(cls, array: NDArray[np.uint8], scheme: LabelScheme) -> Labels:
        """Labels of which every frame, slice and structure was drawn."""
        return cls(array, scheme, np.ones((*array.shape[:2], len(scheme.structures)), bool))

    def annotated_frames(self) -> tuple[int, ...]:
        """0-based frames in which anything was drawn."""
        return tuple(int(frame) for frame in np.flatnonzero(self.annotated.any(axis=(1, 2))))
