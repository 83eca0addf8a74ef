"""`shortaxis demo`: a phantom heart of known ejection fraction through the whole way."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write into.")] = Path("demo-out"),
) -> None:
    """Make a phantom heart whose ejection fraction is known, segment and measure it, and write a report."""
    from shortaxis import pipeline

    shown = pipeline.demo(out)
    print(shown.terms)
    measured = "not defined" if shown.measured_ef_percent is None else f"{shown.measured_ef_percent:.1f} %"
    print(f"Left-ventricular ejection fraction: measured {measured}, true {shown.true_ef_percent:.1f} %")
    if shown.report is not None:
        print(f"Report: {shown.report}")
