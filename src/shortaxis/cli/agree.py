"""`shortaxis agree`: two readings of the same patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortaxis.cli.options import FillNonfinite, OrientationFrom, Out, Overwrite, known_scheme

_FOLDER = "Masks, or cases that `segment` or `measure` wrote."


def agree(
    a: Annotated[Path, typer.Argument(metavar="A", readable=False, help=f"One reading. {_FOLDER}")],
    b: Annotated[Path, typer.Argument(metavar="B", readable=False, help="The other reading, likewise.")],
    out: Out,
    name_a: Annotated[str, typer.Option(metavar="TEXT", help="What the report calls A.")] = "A",
    name_b: Annotated[str, typer.Option(metavar="TEXT", help="What the report calls B.")] = "B",
    scheme_a: Annotated[
        str,
        typer.Option(metavar="NAME", help="Numbers of A's labels: acdc, mnms, lv, emidec, ...", callback=known_scheme),
    ] = "acdc",
    scheme_b: Annotated[
        str, typer.Option(metavar="NAME", help="Numbers of B's labels.", callback=known_scheme)
    ] = "acdc",
    overwrite: Overwrite = False,
    fill_nonfinite: FillNonfinite = False,
    orientation_from: OrientationFrom = None,
) -> None:
    """Compare two readings of the same patients: two readers, two methods or two scans.

    Patients are paired by name. Indices are compared for all of them, masks where they lie on one grid. Neither reading is
    taken for the truth.
    """
    from shortaxis.cli.tables import print_agreement
    from shortaxis.pipeline import Trust, agree_folders, trusting

    with trusting(Trust(fill_nonfinite, orientation_from)):
        print_agreement(agree_folders(a, b, out, scheme_a, scheme_b, name_a, name_b, overwrite))
    print(f"results: {out}, report: {out / 'agreement.html'}")
