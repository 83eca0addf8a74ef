"""`shortaxis measure`: indices from an image and labels that exist already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortaxis.cli.options import (
    EdFrame,
    EsFrame,
    FillNonfinite,
    FrameTime,
    HeartRate,
    Height,
    KeepIdentity,
    KeepNames,
    OrientationFrom,
    Out,
    Overwrite,
    SchemeOrAcdc,
    Sex,
    Species,
    Weight,
    facts_of,
)
from shortaxis.files.identity import Kept, keeping
from shortaxis.files.trust import Trust, trusting


def measure(
    image: Annotated[
        Path,
        typer.Argument(metavar="IMAGE", readable=False, help="The scan: NIfTI, or a folder or zip as for `segment`."),
    ],
    labels: Annotated[
        Path,
        typer.Argument(
            metavar="LABELS", readable=False, help="NIfTI on the scan's grid, or a case's folder of `segment`."
        ),
    ],
    out: Out,
    label_scheme: SchemeOrAcdc = "acdc",
    overwrite: Overwrite = False,
    fill_nonfinite: FillNonfinite = False,
    orientation_from: OrientationFrom = None,
    keep_identity: KeepIdentity = None,
    keep_names: KeepNames = False,
    species: Species = None,
    sex: Sex = None,
    height: Height = None,
    weight: Weight = None,
    heart_rate: HeartRate = None,
    frame_time_ms: FrameTime = None,
    ed_frame: EdFrame = None,
    es_frame: EsFrame = None,
) -> None:
    """Measure labels drawn by hand or by another program: the same indices as after `segment`.

    After correcting a case's masks in their place, give the scan as to `segment` and the case's folder.
    """
    from rich.console import Console

    from shortaxis.pipeline import measure_files
    from shortaxis.report.terminal import case_table

    facts = facts_of(sex, height, weight, heart_rate, frame_time_ms, ed_frame, es_frame, species)
    kept = Kept(tuple(keep_identity or ()), keep_names)
    with trusting(Trust(fill_nonfinite, orientation_from)), keeping(kept):
        measures = measure_files(image, labels, out, facts, label_scheme, overwrite)
    Console().print(case_table(measures))
    print(f"results: {out}")
