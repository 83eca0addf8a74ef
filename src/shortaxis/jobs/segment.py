"""One study through a ready model: labels, measures, warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.compute import Compute
from shortaxis.core.errors import BadPatientFacts, WrongDimensions, WrongKindOfScan
from shortaxis.core.found import Found
from shortaxis.core.labels import LabelScheme
from shortaxis.core.modality import with_modality
from shortaxis.core.species import BY_SIZE, with_species
from shortaxis.core.study import Facts, Note, Study
from shortaxis.jobs.model_choice import modality_of
from shortaxis.jobs.models import Model
from shortaxis.jobs.spread import Spread
from shortaxis.measure.case import measure_case
from shortaxis.measure.certainty import CARD_KEY, LOW, certainty_in
from shortaxis.predict.cine import Drawn, segment_cine
from shortaxis.predict.orientation import settle_orientation

if TYPE_CHECKING:
    from shortaxis.prepare.align import SliceShifts

PixelBox = tuple[float, float, float, float]  # first row, first column, last row, last column

_MODALITIES = {"cine": "a cine", "lge": "late enhancement"}
TRAINED_ON = Note("SA-W110", "The model was trained on this very scan: its result says nothing about unseen ones.")


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A segmented and measured study.

    Attributes:
        study: the study, with the notes of its reader and of the stages; `measures["notes"]` has these and its own.
        labels: uint8 [frame, slice, row, col] in the numbers of `scheme`, on the study's grid.
        scheme: those numbers.
        measures: nested measures; what is undefined is None with its reason under `reasons`.
        boxes: [frame, slice, 4] from the locator, on the study's grid, or None.
        variance: float32 [frame, slice, row, col] over Monte-Carlo samples, or None where there was one pass.
    """

    study: Study
    labels: NDArray[np.uint8]
    scheme: LabelScheme
    measures: dict[str, Any]
    boxes: NDArray[np.float64] | None
    variance: NDArray[np.float32] | None = None


def segment_study(
    study: Study,
    model: Model,
    compute: Compute,
    scheme: LabelScheme | None = None,
    roi: PixelBox | None = None,
    align: bool = False,
    report: Callable[[int, int], None] = lambda done, total: None,
    drawn: Callable[[int, Drawn], None] = lambda frame, draws: None,
    judged: Callable[[int, NDArray[np.float32]], None] = lambda frame, probs: None,
) -> Segmentation:
    """Segment every frame of a study and measure it.

    `drawn` is given (frame, Monte-Carlo samples) where there are any, `judged` (frame, probabilities); see
    `predict.cine.segment_cine`.

    Raises:
        WrongKindOfScan: the method is not made for this modality or species, or the model was trained on another.
        WrongDimensions: `roi` lies outside the image.
    """
    study = with_modality(with_species(study), model.method.accepts.modalities)
    _refuse_unfit(study, model)
    spread = Spread(study, model.bundle.scheme)
    shown, shifts = _aligned(study) if align else (study, None)
    located = None if roi is None else _given(roi, study)
    turned: tuple[Note, ...] = ()
    if located is None:
        shown, turned = settle_orientation(model.stages, model.nets, shown, model.bundle.scheme, compute)

    def take(frame: int, draws: Drawn) -> None:
        spread.take(frame, draws)
        drawn(frame, draws)

    found = segment_cine(
        model.stages, model.nets, shown, model.bundle.scheme, model.repair, compute, located, report, take, judged,
        beat_repair=model.beat_repair,
    )  # fmt: skip
    labels = found.labels if shifts is None else shifts.undo(found.labels).astype(np.uint8, copy=False)
    boxes = found.boxes if shifts is None or found.boxes is None or roi is not None else shifts.undo_boxes(found.boxes)
    known = (TRAINED_ON,) if study.sha256 in model.bundle.card.get("training_cases_sha256", ()) else ()
    experimental = _experimental(model.bundle.card)
    warned = (Note("SA-W114", f"This model is experimental: {reason}") for reason in experimental.values())
    study = study.with_notes(*turned, *found.notes, *known, *warned)
    wanted = scheme or model.bundle.scheme
    labels = labels if wanted is model.bundle.scheme else model.bundle.scheme.translate(labels, wanted)
    low = float(model.bundle.card.get(CARD_KEY, LOW))
    measures = certainty_in(spread.told_in(measure_case(study, labels, wanted)), found.certainty, found.labels, low)
    variance = spread.variance
    if variance is not None and shifts is not None:
        variance = shifts.undo(variance).astype(np.float32, copy=False)
    return Segmentation(study, labels, wanted, {**measures, **experimental}, boxes, variance)


def _experimental(card: Mapping[str, Any]) -> dict[str, str]:
    """Why a model is experimental, as its card says: it goes into every output."""
    return {"experimental": str(card["experimental"])} if card.get("experimental") else {}


def with_facts(study: Study, given: Facts | None) -> Study:
    """The study with facts given by hand taking precedence over those read from the scan.

    Raises:
        BadPatientFacts: an ED or ES frame beyond the study's frames.
        WrongKindOfScan: another modality than the scan itself states.
    """
    if given is None:
        return study
    known = {item.name: getattr(given, item.name) for item in fields(Facts) if getattr(given, item.name) is not None}
    kept = {name: value for name, value in known.items() if value != getattr(Facts(), name)}
    stated = study.facts.modality
    if stated is not None and kept.get("modality", stated) != stated:
        raise WrongKindOfScan(
            f"{_MODALITIES[kept['modality']]}, as --modality says", f"{_MODALITIES[stated]}, as the file says",
            "leave --modality out, or correct it",
        )  # fmt: skip
    for name in ("ed_index", "es_index"):
        if kept.get(name, 0) >= study.n_frames:
            raise BadPatientFacts(
                f"a frame number from 1 to {study.n_frames}", str(kept[name] + 1), "frames are counted from 1"
            )
    return replace(study, facts=replace(study.facts, **kept))


def _refuse_unfit(study: Study, model: Model) -> None:
    accepts = model.method.accepts
    if study.facts.modality not in accepts.modalities or study.facts.species not in accepts.species:
        raise WrongKindOfScan(
            f"{'/'.join(sorted(accepts.modalities))} of {'/'.join(sorted(accepts.species))} for {model.method.name}",
            f"{study.facts.modality} of {study.facts.species}",
            "choose another --method; see `shortaxis methods`",
        )
    _refuse_other_species(study, model)
    _refuse_other_modality(study, model)


def _refuse_other_modality(study: Study, model: Model) -> None:
    """Blood and scar look otherwise on late enhancement; a card that does not say is told by its structures."""
    trained = modality_of(model.bundle)
    if study.facts.modality != trained:
        raise WrongKindOfScan(
            f"{_MODALITIES[trained]}, as this model was trained on", _MODALITIES[str(study.facts.modality)],
            "take a model of the scan's modality; if the scan does not say its own, --modality does",
        )  # fmt: skip


def _refuse_other_species(study: Study, model: Model) -> None:
    """A network knows the hearts it was trained on; a model whose card does not say was trained on people."""
    trained = model.bundle.card.get("species", "human")
    if study.facts.species != trained:
        way_out = f"take a model of a {study.facts.species}'s heart (train one: docs/how-to/mouse.md)"
        if BY_SIZE in study.notes:
            way_out += "; if its size misleads, say whose heart it is with --species"
        raise WrongKindOfScan(
            f"a {trained}'s heart, as this model was trained on", f"a {study.facts.species}'s", way_out
        )


def _aligned(study: Study) -> tuple[Study, SliceShifts]:
    from shortaxis.prepare.align import align_study  # here: it is off by default, and scipy's filters take time to load

    return align_study(study)


def _given(roi: PixelBox, study: Study) -> Found:
    _, rows, cols = study.grid.shape
    if roi[0] < 0 or roi[1] < 0 or roi[2] > rows - 1 or roi[3] > cols - 1:
        raise WrongDimensions(
            f"a box within {rows} rows and {cols} columns", ",".join(f"{v:g}" for v in roi), "correct --roi"
        )
    boxes = np.tile(np.array(roi, float), (study.n_frames, study.grid.shape[0], 1))
    return Found(tuple(range(study.n_frames)), boxes=boxes)
