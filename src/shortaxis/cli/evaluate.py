"""`shortaxis evaluate`: predicted masks against reference masks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortaxis.cli.options import Out


def evaluate(
    reference: Annotated[Path, typer.Option("--reference", metavar="DIR", help="Masks taken as true.")],
    prediction: Annotated[Path, typer.Option("--prediction", metavar="DIR", help="Masks to be judged.")],
    out: Out,
) -> None:
    """Score predicted masks against reference masks: overlap, surface distances, indices and their agreement.

    Every case of the reference is scored; a prediction that is missing counts as one, and is named.
    """
    from shortaxis.cli.tables import print_scores
    from shortaxis.pipeline import evaluate_folders

    print_scores(evaluate_folders(reference, prediction, out))
    print(f"results: {out}")
