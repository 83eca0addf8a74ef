"""Pictures of patients: the grid of methods from apex to base, and the worst cases of each entry."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from shortaxis.core.labels import LabelScheme
from shortaxis.core.study import Study
from shortaxis.experiments.compare.results import Result
from shortaxis.experiments.compare.score import masks_file
from shortaxis.experiments.compare.thirds import THIRDS, thirds_of
from shortaxis.experiments.compare.values import by_patient, cases_of
from shortaxis.experiments.show.figures import as_png, new_figure
from shortaxis.experiments.show.panels import (
    Masks,
    blank,
    draw_agreement,
    draw_image,
    draw_reference,
    draw_variance,
    frame_of,
    head,
    labels_of,
    legend,
)

WORST = 2
PANEL_INCHES = 1.55


def read_masks(result: Result, case: str, study: Study, scheme: LabelScheme) -> Masks | None:
    """The masks an entry's scoring kept of a case; None where it was not scored."""
    for folder in result.folder.values():
        path = masks_file(folder / "masks", case)
        if path.is_file() and study.labels is not None:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
                variance = np.asarray(held["variance"], np.float32) if "variance" in held else None
                return Masks(scheme.translate(held["labels"], study.labels.scheme), variance)
    return None


def typical_case(result: Result) -> str:
    """The patient whose DSC is the entry's median (the lower of two)."""
    cases = cases_of(result)
    scored = sorted(
        (value, case) for case, value in zip(cases, by_patient(result.every("rows"), "dice", cases), strict=True)
        if value is not None
    )  # fmt: skip
    return scored[(len(scored) - 1) // 2][1] if scored else cases[0]


def worst_cases(result: Result, count: int = WORST) -> list[tuple[str, str]]:
    """The (case, phase) with the lowest DSC over its structures, each patient once, worst first."""
    held: dict[tuple[str, str], list[float]] = {}
    for row in result.every("rows"):
        if row["dice"] is not None:
            held.setdefault((row["case"], row["phase"] or "other"), []).append(row["dice"])
    ranked = sorted(held, key=lambda place: (sum(held[place]) / len(held[place]), place))
    first: dict[str, str] = {}
    for case, phase in ranked:
        first.setdefault(case, phase)
    return list(first.items())[:count]


def qualitative_grid(study: Study, phase: str, masks: Sequence[tuple[str, Masks]]) -> bytes:
    """Image, reference and each entry (and its variance) of one patient; rows from apex to base."""
    frame = frame_of(study, phase)
    labels = labels_of(study)
    thirds = thirds_of(labels, frame)
    chosen = [(third, slices[len(slices) // 2]) for third in THIRDS[::-1] if len(slices := thirds[third])]
    names = ["image", "reference"]
    for label, held in masks:
        names += [label, f"{label}: variance"] if held.variance is not None else [label]
    figure = new_figure(PANEL_INCHES * len(names), (PANEL_INCHES + 0.05) * len(chosen) + 0.6)
    panels = figure.subplots(len(chosen), len(names), squeeze=False)
    for line, (third, index) in zip(panels, chosen, strict=True):
        remaining = iter(line)
        draw_image(next(remaining), study, frame, int(index))
        draw_reference(next(remaining), study, frame, int(index))
        for _, held in masks:
            draw_agreement(next(remaining), study, frame, int(index), held)
            if held.variance is not None:
                draw_variance(next(remaining), study, frame, int(index), held.variance)
        line[0].set_ylabel(f"{third}\nslice {index + 1}", fontsize=8)
    head(panels[0], names)
    legend(figure, labels.scheme.structures)
    return as_png(figure)


def worst_gallery(shown: Sequence[tuple[str, Study, str, Masks]]) -> bytes:
    """A row per (caption, study, phase, masks): a slice at base, middle and apex, image beside agreement."""
    figure = new_figure(PANEL_INCHES * 6.4, (PANEL_INCHES + 0.05) * len(shown) + 0.6)
    panels = figure.subplots(len(shown), 6, squeeze=False)
    for line, (caption, study, phase, held) in zip(panels, shown, strict=True):
        frame = frame_of(study, phase)
        thirds = thirds_of(labels_of(study), frame)
        for at, third in enumerate(THIRDS):
            slices = thirds[third]
            if len(slices):
                index = int(slices[len(slices) // 2])
                draw_image(line[2 * at], study, frame, index)
                draw_agreement(line[2 * at + 1], study, frame, index, held)
            else:
                blank(line[2 * at])
                blank(line[2 * at + 1])
        line[0].set_ylabel(caption, fontsize=7)
    head(panels[0], [name for third in THIRDS for name in (third, "")])
    legend(figure)
    return as_png(figure)
