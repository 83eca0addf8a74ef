"""Many inputs, one after another: cases done are skipped, a bad one is reported and the others go on."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from shortaxis.core.compute import Compute, Precision, choose_compute
from shortaxis.core.errors import InternalFault, NoStudy, ShortaxisError, WrongKindOfScan
from shortaxis.core.labels import scheme_named
from shortaxis.core.study import Facts, Note, Study
from shortaxis.files.identity import NOTHING, Kept, keeping
from shortaxis.files.json_file import read_json
from shortaxis.files.replace import whole_folder
from shortaxis.files.size import minding
from shortaxis.files.trust import OrientationFrom, Trust, trusting
from shortaxis.files.writer import write_csv, write_json, write_text
from shortaxis.jobs.case_files import MEASURES, REPORT, THUMBNAIL, write_case
from shortaxis.jobs.finished import MANIFEST, PAGE, TABLE, is_finished, read_manifest, source_fingerprint
from shortaxis.jobs.memory import MemoryBudget
from shortaxis.jobs.model_choice import ModelChoice, NamedModel, choose_models
from shortaxis.jobs.segment import PixelBox, segment_study, with_facts
from shortaxis.read.find import Case, find_cases, read_case
from shortaxis.report.cohort import CohortEntry, cohort_rows, render_cohort
from shortaxis.report.manifest import ModelIdentity, build_manifest

OF_ANY_VIEW = ("nifti", "dicom")  # kinds of case that may be another view; a data set's own reader knows what it holds


@dataclass(frozen=True)
class SegmentOptions:
    """What `segment` can be asked for; see `shortaxis segment --help`."""

    model: str | None = None
    method: str | None = None
    label_scheme: str | None = None
    report: bool = True
    overwrite: bool = False
    device: str = "auto"
    precision: Precision = "auto"
    shard: tuple[int, int] | None = None
    roi: PixelBox | None = None
    align: bool = False
    facts: Facts | None = None
    linkage: Path | None = None
    mc_samples: int | None = None  # None: one pass with dropout off
    fill_nonfinite: bool = False  # these two: `files.trust.Trust`
    orientation_from: OrientationFrom | None = None
    kept: Kept = NOTHING  # of the patients' identity
    memory_budget_gb: float | None = None  # of 2^30 bytes; None: what the machine and its container have left


@dataclass(frozen=True)
class CaseEvent:
    """What a watcher is told: a case begins (`done` cases are behind it), ends, or fails."""

    case: str
    done: int
    total: int
    notes: tuple[Note, ...] = ()
    refusal: ShortaxisError | None = None


@dataclass
class CohortResult:
    """Names of the cases by what became of them; filled as the work goes on."""

    done: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, ShortaxisError] = field(default_factory=dict)
    set_aside: dict[str, ShortaxisError] = field(default_factory=dict)  # whole scans, but no short-axis cine
    report: Path | None = None
    terms: str = ""  # of the model: what it was trained on, its licence, what to cite


@dataclass(frozen=True, eq=False)
class _Work:
    """What every case of a cohort shares."""

    out: Path
    options: SegmentOptions
    models: ModelChoice
    compute: Compute
    settings: str
    memory: MemoryBudget


def segment_cohort(
    inputs: Sequence[Path],
    out: Path,
    options: SegmentOptions,
    watch: Callable[[CaseEvent], None] = lambda event: None,
) -> CohortResult:
    """Segment every case found in `inputs` into `out/<case>/`, then tabulate the cohort.

    A case's folder appears when all of it is written. One bad case is reported and the others go on. What is no
    short-axis cine (a long axis, a localiser) is set aside and named; it fails where there was nothing else.

    Raises:
        NoStudy: nothing to segment was found.
        ModelMissing, BadWeights, DeviceMissing: before any case is begun.
        BadConfiguration: Monte-Carlo samples of a method that has none.
        WriteFailed: the tables could not be written.
    """
    with keeping(options.kept):
        return _segment_all(inputs, out, options, watch)


def _segment_all(
    inputs: Sequence[Path], out: Path, options: SegmentOptions, watch: Callable[[CaseEvent], None]
) -> CohortResult:
    compute = choose_compute(options.device, options.precision)
    models = choose_models(options.model, options.method, compute, options.mc_samples)
    memory = MemoryBudget.of(models, compute, options.memory_budget_gb, options.mc_samples, options.align)
    work = _Work(out, options, models, compute, _settings(options, models), memory)
    every = find_cases(inputs)
    number, count = options.shard or (1, 1)
    cases = every[number - 1 :: count]
    result = CohortResult(terms="\n".join(_terms(model) for model in models.by_modality.values()))
    for index, case in enumerate(cases):
        watch(CaseEvent(case.name, index, len(cases)))
        with trusting(Trust(options.fill_nonfinite, options.orientation_from)), minding(memory.judge):
            notes = _one_case(case, work, result)
        watch(CaseEvent(case.name, index + 1, len(cases), notes, result.failed.get(case.name)))
    if len(result.set_aside) == len(every):
        result.failed, result.set_aside = result.set_aside, {}
        for name, refusal in result.failed.items():
            watch(CaseEvent(name, len(cases), len(cases), refusal=refusal))
    watch(CaseEvent("", len(cases), len(cases)))
    if options.linkage is not None:
        write_csv(options.linkage, [{"case": case.name, "source": str(case.path.resolve())} for case in every])
    _tabulate(work, result, every)
    return result


def _terms(named: NamedModel) -> str:
    """A model's terms in one line, as far as its card states them."""
    bundle, card = named.model.bundle, named.model.bundle.card
    stated = {
        "trained on": "trained_on",
        "licence": "licence",
        "please cite": "citation",
        "EXPERIMENTAL:": "experimental",
    }
    parts = [f"{words} {card[key]}" for words, key in stated.items() if card.get(key)]
    return f"model {named.name} ({bundle.method}): {'; '.join(parts) or 'its card states no terms'}"


def _one_case(case: Case, work: _Work, result: CohortResult) -> tuple[Note, ...]:
    """Do a case and file it under what became of it; its notes."""
    try:
        source = "+".join(source_fingerprint(path, work.out) for path in case.paths)
        fingerprints = {"source": source, "settings": work.settings}
        folder = work.out / case.name
        if not work.options.overwrite and is_finished(folder, fingerprints):
            result.skipped.append(case.name)
            return ()
        studies = _short_axis_of(case, result)
        if not studies:
            return ()
        with whole_folder(folder) as part:
            if len(studies) == 1:
                notes = _segment_into(replace(studies[0], name=case.name), part, work, fingerprints)
            else:
                notes = tuple(
                    note for study in studies for note in _segment_into(study, part / study.name, work, fingerprints)
                )
                write_json(part / MANIFEST, {"studies": [s.name for s in studies], "fingerprints": fingerprints})
        result.done.append(case.name)
        return notes
    except ShortaxisError as refusal:
        result.failed[case.name] = refusal
    except Exception as problem:  # noqa: BLE001 - a fault of ours in one case must not cost the others theirs
        result.failed[case.name] = InternalFault(
            "a case like any other", f"{type(problem).__name__}: {problem}", "please report this", case.path
        )
    return ()


def _short_axis_of(case: Case, result: CohortResult) -> tuple[Study, ...]:
    """A case's studies; none where it was read and is no short-axis cine, which is set aside. Raises what reading does."""
    try:
        return read_case(case)
    except (NoStudy, WrongKindOfScan) as refusal:
        if case.kind not in OF_ANY_VIEW:
            raise
        result.set_aside[case.name] = refusal
        return ()


def _segment_into(study: Study, folder: Path, work: _Work, fingerprints: Mapping[str, str]) -> tuple[Note, ...]:
    options = work.options
    scheme = None if options.label_scheme is None else scheme_named(options.label_scheme)
    study = with_facts(study, options.facts)
    named = work.models.of(study)
    work.memory.judge_read(study, named.model)
    found = segment_study(study, named.model, work.compute, scheme, options.roi, options.align)
    bundle = named.model.bundle
    identity = ModelIdentity(named.name, {"file": bundle.sha256}, bundle.card)

    def manifest(outputs: Sequence[Path]) -> dict[str, Any]:
        return build_manifest(study.sha256, identity, bundle.recipe, _plain(options), outputs, folder)

    shown = {
        key: value for key, value in manifest([]).items() if key in ("program", "model", "input_sha256", "options")
    }
    written = write_case(found, folder, shown, options.report)
    write_json(folder / MANIFEST, {**manifest(written), "method": bundle.method, "fingerprints": dict(fingerprints)})
    return tuple(Note(note["code"], note["text"]) for note in found.measures["notes"])


def _plain(options: SegmentOptions) -> dict[str, Any]:
    """Options as they go into a manifest: no path, nothing about the patient."""
    kept = {"label_scheme", "report", "precision", "roi", "align"}
    kept |= {key for key in ("mc_samples", "fill_nonfinite", "orientation_from") if getattr(options, key)}
    kept |= {"kept"} if options.kept != NOTHING else set()
    return {key: value for key, value in asdict(options).items() if key in kept}


def _settings(options: SegmentOptions, models: ModelChoice) -> str:
    """A hash of everything but the scan that a result depends on."""
    facts = None if options.facts is None else asdict(options.facts)
    text = json.dumps([_plain(options), facts, models.sha256], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _tabulate(work: _Work, result: CohortResult, cases: Sequence[Case]) -> None:
    """One table and, for several cases, one page: over all that are done, now or earlier, and those that failed."""
    entries = [entry for case in cases for entry in _entries(work.out, case.name, result)]
    write_csv(work.out / TABLE, cohort_rows([entry.measures for entry in entries]))
    if len(entries) == 1 and entries[0].href is not None:
        result.report = work.out / entries[0].href
    elif work.options.report and len(entries) > 1:
        result.report = work.out / PAGE
        write_text(result.report, render_cohort(entries))


def _entries(out: Path, name: str, result: CohortResult) -> Iterator[CohortEntry]:
    """A case's lines on the cohort's page; a DICOM folder of several stacks has several."""
    if name in result.failed:
        refusal = result.failed[name]
        yield CohortEntry({"case": name, "error": {"code": refusal.code, "text": refusal.title}})
        return
    manifest = read_manifest(out / name)
    if manifest is None:
        return
    for folder in [out / name / study for study in manifest.get("studies", [])] or [out / name]:
        report, picture = folder / REPORT, folder / THUMBNAIL
        yield CohortEntry(
            read_json(folder / MEASURES),
            report.relative_to(out).as_posix() if report.is_file() else None,
            base64.b64encode(picture.read_bytes()).decode() if picture.is_file() else None,
        )
