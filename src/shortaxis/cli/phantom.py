"""`shortaxis phantom`: a cine whose volumes are known in closed form."""

from __future__ import annotations

from typing import Annotated

import typer

from shortaxis.cli.options import Out, Overwrite


def phantom(
    out: Out,
    ef: Annotated[float, typer.Option("--ef", metavar="PERCENT", help="Left-ventricular ejection fraction.")] = 60.0,
    edv: Annotated[float, typer.Option("--edv", metavar="ML", help="Left-ventricular end-diastolic volume.")] = 140.0,
    wall: Annotated[float, typer.Option("--wall", metavar="MM", help="Wall thickness at end diastole.")] = 9.0,
    frames: Annotated[int, typer.Option(metavar="N", min=2, help="Frames of the cine.")] = 30,
    slices: Annotated[int, typer.Option(metavar="N", min=3, help="Slices of the stack.")] = 10,
    pixel: Annotated[float, typer.Option("--pixel", metavar="MM", help="Pixel size.")] = 1.5625,
    noise: Annotated[float, typer.Option(help="Standard deviation over the blood's signal.")] = 0.03,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="What is drawn at random: the same seed, the same phantom.")
    ] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Make a phantom heart's cine, its masks and its true indices, to try the way from scan to report."""
    from shortaxis.pipeline import write_phantom
    from shortaxis.read.phantom import PhantomRecipe

    recipe = PhantomRecipe(
        ef_percent=ef,
        edv_ml=edv,
        wall_mm=wall,
        frames=frames,
        slices=slices,
        pixel_mm=pixel,
        noise=noise,
        seed=seed,
    )
    write_phantom(recipe, out, overwrite)
    print(f"phantom: {out}")
