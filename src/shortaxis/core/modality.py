"""Cine or late enhancement, where the file does not say."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from shortaxis.core.errors import WrongKindOfScan
from shortaxis.core.study import Modality, Note, Study

TAKEN_FOR_CINE = Note(
    "SA-W119",
    "The file does not say what this one frame is; it was taken for a cine's. Of late enhancement the result means"
    " nothing; --modality says which it is.",
)


def with_modality(study: Study, accepted: Set[str]) -> Study:
    """The study with its modality stated: as its facts have it, else by its frames, else the only one `accepted`.

    Late enhancement has one frame, so a study of several is a cine. One frame that is taken for a cine's gets a note.

    Raises:
        WrongKindOfScan: one frame, nothing stated, and a method that is made for both.
    """
    if study.facts.modality is not None:
        return study
    found: Modality = "lge" if study.n_frames == 1 and "cine" not in accepted else "cine"
    if study.n_frames == 1 and len(accepted) > 1:
        raise WrongKindOfScan(
            "a scan that says whether it is a cine or late enhancement, for a method made for both",
            f"one frame of {study.name}, and a file that does not say",
            "say it: --modality cine or --modality lge",
        )
    known = replace(study, facts=replace(study.facts, modality=found))
    return known.with_notes(TAKEN_FOR_CINE) if study.n_frames == 1 and found == "cine" else known
