"""`shortaxis evaluate`: predicted masks against reference masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from shortaxis.cli.options import FillNonfinite, OrientationFrom, Out, Overwrite, known_scheme
from shortaxis.files.trust import Trust, trusting


def evaluate(
    reference: Annotated[Path, typer.Option("--reference", metavar="DIR", help="Masks taken as true.")],
    prediction: Annotated[Path, typer.Option("--prediction", metavar="DIR", help="Masks to be judged.")],
    out: Out,
    protocol: Annotated[
        Literal["acdc", "emidec", "lvquan", "mnms"] | None,
        typer.Option("--protocol", help="Score as this challenge does; its own tables, each column defined."),
    ] = None,
    reference_scheme: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Numbers of the reference's labels: acdc, mnms, lv, emidec, ... The protocol's own, else acdc.",
            callback=known_scheme,
        ),
    ] = None,
    prediction_scheme: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Numbers of the prediction's labels; as above.", callback=known_scheme),
    ] = None,
    overwrite: Overwrite = False,
    fill_nonfinite: FillNonfinite = False,
    orientation_from: OrientationFrom = None,
) -> None:
    """Score predicted masks against reference masks: overlap, surface distances, indices and their agreement.

    Masks are matched by the names they share. Every case of the reference is scored; a prediction that is missing counts
    as an empty mask and is named. With --protocol the challenge's own rules hold, and its tables are printed in Markdown.
    """
    from shortaxis.cli.tables import print_scores
    from shortaxis.pipeline import evaluate_folders, evaluate_protocol

    with trusting(Trust(fill_nonfinite, orientation_from)):
        if protocol is None:
            schemes = reference_scheme or "acdc", prediction_scheme or "acdc"
            print_scores(evaluate_folders(reference, prediction, out, *schemes, overwrite))
        else:
            schemes = reference_scheme, prediction_scheme
            scores = evaluate_protocol(protocol, reference, prediction, out, *schemes, overwrite)
            print(scores["markdown"])
    print(f"results: {out}")
