"""`shortaxis evaluate`: predicted masks against reference masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortaxis.cli.options import Out, Overwrite


def evaluate(
    reference: Annotated[Path, typer.Option("--reference", metavar="DIR", help="Masks taken as true.")],
    prediction: Annotated[Path, typer.Option("--prediction", metavar="DIR", help="Masks to be judged.")],
    out: Out,
    reference_scheme: Annotated[
        str, typer.Option(metavar="NAME", help="Numbers of the reference's labels: acdc, mnms, lv, emidec, ...")
    ] = "acdc",
    prediction_scheme: Annotated[
        str, typer.Option(metavar="NAME", help="Numbers of the prediction's labels.")
    ] = "acdc",
    overwrite: Overwrite = False,
) -> None:
    """Score predicted masks against reference masks: overlap, surface distances, indices and their agreement.

    Masks are matched by the names they share. Every case of the reference is scored; a prediction that is missing counts
    as an empty mask and is named.
    """
    from shortaxis.cli.tables import print_scores
    from shortaxis.pipeline import evaluate_folders

    print_scores(evaluate_folders(reference, prediction, out, reference_scheme, prediction_scheme, overwrite))
    print(f"results: {out}")
