"""The Python API, one readable page: read -> prepare -> predict -> restore -> repair -> measure -> report.

    import shortaxis

    result = shortaxis.segment("patient001/")      # labels and measures, nothing written
    result.measures["lv"]["ef_percent"]
    shortaxis.segment_cohort([Path("scans/")], Path("out/"), shortaxis.SegmentOptions())

The command line calls these functions and adds nothing to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shortaxis.core.compute import choose_compute
from shortaxis.core.errors import ShortaxisError
from shortaxis.core.labels import scheme_named
from shortaxis.core.method import Method
from shortaxis.core.study import Facts, Note, Study
from shortaxis.files.foreign_weights import convert_weights
from shortaxis.files.identity import Kept, keeping
from shortaxis.files.json_file import read_json
from shortaxis.files.replace import refuse_to_replace
from shortaxis.files.size import minding
from shortaxis.files.trust import Trust, trusting
from shortaxis.files.writer import write_image, write_json, write_labels
from shortaxis.jobs.agree import agree_folders
from shortaxis.jobs.evaluate import evaluate_folders
from shortaxis.jobs.evaluate_protocol import evaluate_protocol
from shortaxis.jobs.measure_drawn import measure_drawn
from shortaxis.jobs.memory import MemoryBudget
from shortaxis.jobs.model_choice import choose_models
from shortaxis.jobs.models import ModelInfo, installed_models
from shortaxis.jobs.segment import PixelBox, Segmentation, segment_study, with_facts
from shortaxis.jobs.segment_cohort import CaseEvent, CohortResult, SegmentOptions, segment_cohort
from shortaxis.jobs.train_method import TrainOptions, train_method
from shortaxis.jobs.training_cases import Naming
from shortaxis.measure.units import restated, units_of
from shortaxis.methods import method_named, method_names
from shortaxis.read.find import find_cases, only_study, read_case
from shortaxis.read.phantom import PhantomRecipe, make_phantom
from shortaxis.read.phantom_mouse import MouseRecipe, make_mouse_phantom

__all__ = [
    "CaseEvent",
    "CohortResult",
    "Kept",
    "Naming",
    "SegmentOptions",
    "Segmentation",
    "TrainOptions",
    "Trust",
    "agree_folders",
    "check_inputs",
    "convert_weights",
    "demo",
    "evaluate_folders",
    "evaluate_protocol",
    "keeping",
    "list_methods",
    "list_models",
    "measure_files",
    "segment",
    "segment_cohort",
    "train_method",
    "trusting",
    "write_phantom",
]


def segment(
    source: str | Path | Study,
    model: str | None = None,
    method: str | None = None,
    label_scheme: str | None = None,
    facts: Facts | None = None,
    roi: PixelBox | None = None,
    align: bool = False,
    device: str = "auto",
    mc_samples: int | None = None,
    memory_budget_gb: float | None = None,
) -> Segmentation:
    """Segment and measure one scan in memory; nothing is written.

    Args:
        source: a study, or the path of anything `shortaxis segment` takes that holds one case.
        model: an installed model's name or a model file; the installed default if None.
        method: take the installed model of this method; of several, that of the scan's modality.
        label_scheme: numbers of the labels; the model's own if None.
        facts: what is known beside the scan (sex, height, ED and ES frames, ...).
        roi: the heart's box in pixels, instead of locating it.
        align: correct in-plane shifts between slices before segmenting; labels come back unshifted.
        device: auto, cpu, cuda or cuda:N.
        memory_budget_gb: refuse a scan that would take more, of 2^30 bytes; None for all that the machine has left.
        mc_samples: predict by the mean of that many Monte-Carlo samples and tell their spread; None for one plain pass.

    Raises:
        NoStudy: not exactly one case in `source`.
        ShortaxisError: any refusal of the readers, the model or the method.
    """
    compute = choose_compute(device)
    models = choose_models(model, method, compute, mc_samples)
    memory = MemoryBudget.of(models, compute, memory_budget_gb, mc_samples, align)
    with minding(memory.judge):
        study = with_facts(source if isinstance(source, Study) else only_study(Path(source)), facts)
    chosen = models.of(study).model
    memory.judge_read(study, chosen)
    scheme = None if label_scheme is None else scheme_named(label_scheme)
    return segment_study(study, chosen, compute, scheme, roi, align)


def measure_files(
    image: Path,
    labels: Path,
    out: Path,
    facts: Facts | None = None,
    label_scheme: str = "acdc",
    overwrite: bool = False,
) -> dict[str, Any]:
    """Measure labels drawn or corrected by hand and write `measures.json` and `report.html` into `out`.

    Args:
        image: a NIfTI file, or anything `shortaxis segment` takes that holds one case.
        labels: a NIfTI file, or the folder of a case that `segment` wrote.

    Raises:
        OutputExists: `out` is such a folder itself, or holds measures and `overwrite` is off.
        GridMismatch: the labels lie on another grid than the image, or have other frames.
        UnknownLabel: a number outside the scheme.
    """
    return measure_drawn(image, labels, out, scheme_named(label_scheme), facts, overwrite)


@dataclass(frozen=True)
class Checked:
    """What `check` says of one case: a summary, or why it is refused."""

    case: str
    summary: str = ""
    notes: tuple[Note, ...] = ()
    refusal: ShortaxisError | None = None


def check_inputs(inputs: Sequence[Path]) -> Iterator[Checked]:
    """Read every case as `segment` would, one at a time, and say what was found. Writes nothing."""
    for case in find_cases(inputs):
        try:
            for study in read_case(case):
                frames, (slices, rows, cols) = study.n_frames, study.grid.shape
                spacing = study.grid.spacing_mm
                size = "spacing unknown" if spacing is None else " x ".join(f"{mm:.3g}" for mm in spacing) + " mm"
                yield Checked(
                    case.name,
                    f"{case.kind}: {frames} frame{'s' * (frames != 1)}, {slices} x {rows} x {cols}, {size}",
                    study.notes,
                )
        except ShortaxisError as refusal:
            yield Checked(case.name, refusal=refusal)


def write_phantom(recipe: PhantomRecipe | MouseRecipe, out: Path, overwrite: bool = False) -> Path:
    """Make a phantom and write `phantom.nii.gz` (4D), `phantom_gt.nii.gz` and `truth.json`; the cine's path.

    Raises:
        BadConfiguration: the recipe makes no heart.
        OutputExists: `out` holds one of these files and `overwrite` is off.
    """
    refuse_to_replace(out, ("phantom.nii.gz", "phantom_gt.nii.gz", "truth.json"), overwrite)
    phantom = make_mouse_phantom(recipe) if isinstance(recipe, MouseRecipe) else make_phantom(recipe)
    study = phantom.study
    frame_time_ms = study.facts.frame_time_ms
    write_image(out / "phantom.nii.gz", study.image, study.grid, is_4d=True, frame_time_ms=frame_time_ms)
    if study.labels is not None:
        path = out / "phantom_gt.nii.gz"
        write_labels(path, study.labels.array, study.grid, is_4d=True, frame_time_ms=frame_time_ms)
    truth = phantom.truth
    volumes = {
        side: {"edv_ml": held.edv_ml, "esv_ml": held.esv_ml, "ef_percent": held.ef_percent}
        for side, held in (("lv", truth.lv), ("rv", truth.rv))
    }
    volumes["lv"]["mass_g"] = truth.lv_mass_g
    phases = {"ed_index": truth.ed_index, "es_index": truth.es_index}
    told = {**volumes, "phases": phases, "shifts_mm": truth.shifts_mm.tolist()}
    write_json(out / "truth.json", restated(told, units_of(study.facts.species)))
    return out / "phantom.nii.gz"


@dataclass(frozen=True)
class Demo:
    """What `shortaxis demo` shows."""

    measured_ef_percent: float | None
    true_ef_percent: float
    report: Path | None
    terms: str = ""  # of the installed model: what it was trained on, its licence, what to cite


def demo(out: Path, ef_percent: float = 60.0) -> Demo:
    """The main job on the embedded phantom with the installed default model, measured beside true."""
    cine = write_phantom(PhantomRecipe(ef_percent=ef_percent), out / "scan", overwrite=True)
    result = segment_cohort([cine], out, SegmentOptions(overwrite=True))
    for refusal in result.failed.values():
        raise refusal
    truth: Mapping[str, Any] = read_json(out / "scan" / "truth.json")
    measures = read_json(out / result.done[0] / "measures.json")
    return Demo(measures["lv"]["ef_percent"], truth["lv"]["ef_percent"], result.report, result.terms)


def list_methods() -> list[Method]:
    """Every method that can be trained."""
    return [method_named(name) for name in method_names()]


def list_models() -> list[ModelInfo]:
    """Every trained model that is installed."""
    return installed_models()
