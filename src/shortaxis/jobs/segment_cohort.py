"""Many inputs, one after another: cases done are skipped, a bad one is reported and the others go on."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from shortaxis.core.compute import Compute, Precision, choose_compute
from shortaxis.core.errors import OutputExists, ShortaxisError
from shortaxis.core.labels import scheme_named
from shortaxis.core.study import Facts, Note, Study
from shortaxis.files.writer import write_csv, write_json, write_text
from shortaxis.jobs.case_files import MANIFEST, MEASURES, REPORT, THUMBNAIL, write_case
from shortaxis.jobs.models import Model, locate_model, ready_model
from shortaxis.jobs.segment import PixelBox, segment_study, with_facts
from shortaxis.read.find import Case, find_cases, read_case
from shortaxis.report.cohort import CohortEntry, cohort_rows, render_cohort
from shortaxis.report.manifest import ModelIdentity, build_manifest


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
    folders: dict[str, list[Path]] = field(default_factory=dict)
    report: Path | None = None


@dataclass(frozen=True, eq=False)
class _Work:
    """What every case of a cohort shares."""

    out: Path
    options: SegmentOptions
    name: str
    model: Model
    compute: Compute
    fingerprint: str


def segment_cohort(
    inputs: Sequence[Path],
    out: Path,
    options: SegmentOptions,
    watch: Callable[[CaseEvent], None] = lambda event: None,
) -> CohortResult:
    """Segment every case found in `inputs` into `out/<case>/`, then tabulate the cohort.

    Raises:
        NoStudy: nothing to segment was found.
        ModelMissing, BadWeights, DeviceMissing: before any case is begun.
    """
    compute = choose_compute(options.device, options.precision)
    path = locate_model(options.model, options.method)
    model = ready_model(path, compute)
    work = _Work(out, options, path.stem, model, compute, _fingerprint(options, model))
    cases = find_cases(inputs)
    if options.shard is not None:
        number, count = options.shard
        cases = cases[number - 1 :: count]
    result = CohortResult()
    for index, case in enumerate(cases):
        watch(CaseEvent(case.name, index, len(cases)))
        _one_case(case, work, result, watch, index, len(cases))
    watch(CaseEvent("", len(cases), len(cases)))
    _tabulate(work, result, cases)
    return result


def _one_case(
    case: Case, work: _Work, result: CohortResult, watch: Callable[[CaseEvent], None], index: int, total: int
) -> None:
    try:
        if _is_done(work.out / case.name, work):
            result.skipped.append(case.name)
            return
        studies = read_case(case)
        for study in studies:
            folder = work.out / (case.name if len(studies) == 1 else f"{case.name}-{study.name}")
            notes = _segment_into(replace(study, name=folder.name), folder, work)
            result.folders.setdefault(case.name, []).append(folder)
            watch(CaseEvent(case.name, index + 1, total, notes))
        result.done.append(case.name)
    except ShortaxisError as refusal:
        result.failed[case.name] = refusal
        watch(CaseEvent(case.name, index + 1, total, refusal=refusal))


def _segment_into(study: Study, folder: Path, work: _Work) -> tuple[Note, ...]:
    options = work.options
    scheme = None if options.label_scheme is None else scheme_named(options.label_scheme)
    study = with_facts(study, options.facts)
    found = segment_study(study, work.model, work.compute, scheme, options.roi, options.align)
    bundle = work.model.bundle
    identity = ModelIdentity(work.name, {"file": bundle.sha256}, bundle.card)

    def manifest(outputs: Sequence[Path]) -> dict[str, Any]:
        return build_manifest(study.sha256, identity, bundle.recipe, _plain(options), outputs, folder)

    shown = {key: value for key, value in manifest([]).items() if key in ("program", "model", "input_sha256", "options")}
    written = write_case(found, folder, shown, options.report)
    write_json(folder / MANIFEST, {**manifest(written), "method": bundle.method, "fingerprint": work.fingerprint})
    return tuple(Note(note["code"], note["text"]) for note in found.measures["notes"])


def _is_done(folder: Path, work: _Work) -> bool:
    """Whether the case was finished by the same model and options. Raises OutputExists where by others."""
    path = folder / MANIFEST
    if work.options.overwrite or not path.is_file():
        return False
    try:
        earlier = json.loads(path.read_text("utf-8")).get("fingerprint")
    except (ValueError, OSError):
        return False  # a manifest that cannot be read was not finished
    if earlier != work.fingerprint:
        raise OutputExists(
            "an empty output folder, or results of the same model and options", "results of others",
            "choose another --out, or give --overwrite", folder,
        )  # fmt: skip
    return True


def _plain(options: SegmentOptions) -> dict[str, Any]:
    """Options as they go into a manifest: no path, nothing about the patient."""
    kept = asdict(replace(options, facts=None, model=None))
    return {key: value for key, value in kept.items() if key not in {"facts", "model", "overwrite", "shard", "device"}}


def _fingerprint(options: SegmentOptions, model: Model) -> str:
    facts = None if options.facts is None else asdict(options.facts)
    text = json.dumps([_plain(options), facts, model.bundle.sha256], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _tabulate(work: _Work, result: CohortResult, cases: Sequence[Case]) -> None:
    """One table and, for several cases, one page: over all that are done, now or earlier, and those that failed."""
    entries = [entry for case in cases for entry in _entries(work.out, case.name, result)]
    write_csv(work.out / "measures.csv", cohort_rows([entry.measures for entry in entries]))
    if len(entries) == 1 and entries[0].href is not None:
        result.report = work.out / entries[0].href
    elif work.options.report and len(entries) > 1:
        result.report = work.out / "index.html"
        write_text(result.report, render_cohort(entries))


def _entries(out: Path, name: str, result: CohortResult) -> Iterator[CohortEntry]:
    """A case's lines on the cohort's page; a DICOM folder of several stacks has several."""
    if name in result.failed:
        refusal = result.failed[name]
        yield CohortEntry({"case": name, "error": {"code": refusal.code, "text": refusal.title}})
    for folder in result.folders.get(name, [out / name]):
        if (folder / MANIFEST).is_file():
            measures = json.loads((folder / MEASURES).read_text("utf-8"))
            report, picture = folder / REPORT, folder / THUMBNAIL
            yield CohortEntry(
                measures,
                report.relative_to(out).as_posix() if report.is_file() else None,
                base64.b64encode(picture.read_bytes()).decode() if picture.is_file() else None,
            )
