"""`shortaxis convert-weights`: a foreign .pth file as plain safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shortaxis.cli.options import Overwrite


def convert_weights(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="PyTorch weights (.pth, .pt).", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The .safetensors file.", show_default=False)
    ],
    overwrite: Overwrite = False,
) -> None:
    """Turn somebody else's PyTorch weights into plain safetensors and print their keys and shapes.

    The file is read in a process of its own that allows tensors and nothing else: what would run code is refused.
    """
    from shortaxis.pipeline import convert_weights as convert

    shapes = convert(source, out, overwrite)
    width = max(map(len, shapes))
    for key, shape in shapes.items():
        print(f"{key:{width}}  {' x '.join(map(str, shape)) or 'one number'}")
    print(f"weights: {out} ({len(shapes)} tensors)")
