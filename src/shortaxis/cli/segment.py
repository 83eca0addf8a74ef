"""`shortaxis segment`: scans to masks, indices and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortaxis.cli.options import (
    Device,
    EdFrame,
    EsFrame,
    FillNonfinite,
    FrameTime,
    HeartRate,
    Height,
    Inputs,
    KeepIdentity,
    KeepNames,
    Modality,
    OrientationFrom,
    Out,
    Overwrite,
    Precision,
    Scheme,
    Sex,
    Species,
    Weight,
    box_of,
    facts_of,
    shard_of,
)
from shortaxis.files.json_file import read_json

Linkage = Annotated[
    Path | None,
    typer.Option("--linkage", metavar="FILE", help="Also write which case came from which path. Keep it private."),
]
McSamples = Annotated[
    int | None,
    typer.Option("--mc-samples", metavar="N", min=2, help="Segment by N Monte-Carlo samples and write their variance."),
]
MemoryBudget = Annotated[
    float | None,
    typer.Option("--memory-budget-gb", metavar="GB", help="Refuse scans that would take more; all that is left."),
]
ModelName = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="A model of `shortaxis models`, or a file made by `train`.")
]
OfMethod = Annotated[
    str | None, typer.Option(metavar="NAME", help="Take the installed model of this method and the scan's modality.")
]
Roi = Annotated[
    str | None, typer.Option(metavar="r0,c0,r1,c1", help="The heart's box in pixels, instead of locating it.")
]
Shard = Annotated[str | None, typer.Option(metavar="i/n", help="Do the i-th of n shares of the cases, counted from 1.")]


def segment(
    inputs: Inputs,
    out: Out,
    model: ModelName = None,
    method: OfMethod = None,
    label_scheme: Scheme = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write masks and indices only.")] = False,
    overwrite: Overwrite = False,
    device: Device = "auto",
    precision: Precision = "auto",
    shard: Shard = None,
    align: Annotated[bool, typer.Option("--align", help="Correct in-plane shifts between slices first.")] = False,
    linkage: Linkage = None,
    roi: Roi = None,
    mc_samples: McSamples = None,
    fill_nonfinite: FillNonfinite = False,
    orientation_from: OrientationFrom = None,
    keep_identity: KeepIdentity = None,
    keep_names: KeepNames = False,
    memory_budget_gb: MemoryBudget = None,
    modality: Modality = None,
    species: Species = None,
    sex: Sex = None,
    height: Height = None,
    weight: Weight = None,
    heart_rate: HeartRate = None,
    frame_time_ms: FrameTime = None,
    ed_frame: EdFrame = None,
    es_frame: EsFrame = None,
) -> None:
    """Segment scans: masks in the form of the source, clinical indices, pictures and a report.

    Masks lie on the source's own grid. A case that cannot be read is refused by name and the others go on; a case that
    is done already is left alone, so that the same command line continues an interrupted run.
    """
    from shortaxis.cli.progress import watch_cases
    from shortaxis.pipeline import Kept, SegmentOptions, segment_cohort

    options = SegmentOptions(
        model=model, method=method, label_scheme=label_scheme, report=not no_report, overwrite=overwrite, device=device,
        precision=precision, shard=shard_of(shard), roi=box_of(roi), align=align, linkage=linkage, mc_samples=mc_samples,
        fill_nonfinite=fill_nonfinite, orientation_from=orientation_from,
        kept=Kept(tuple(keep_identity or ()), keep_names), memory_budget_gb=memory_budget_gb,
        facts=facts_of(sex, height, weight, heart_rate, frame_time_ms, ed_frame, es_frame, species, modality),
    )  # fmt: skip
    with watch_cases() as watch:
        result = segment_cohort(inputs, out, options, watch)
    if len(result.done) == 1 and not (result.skipped or result.failed):
        _show_measures(out / result.done[0] / "measures.json")
    raise typer.Exit(watch.summarise(result, out))


def _show_measures(path: Path) -> None:
    """The indices of a single case; a cohort's are in its table."""

    from rich.console import Console

    from shortaxis.report.terminal import case_table

    Console().print(case_table(read_json(path)))
