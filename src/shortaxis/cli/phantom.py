"""`shortaxis phantom`: a cine whose volumes are known in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from shortaxis.cli.options import Out, Overwrite

if TYPE_CHECKING:
    from shortaxis.read.phantom import PhantomRecipe
    from shortaxis.read.phantom_mouse import MouseRecipe


def phantom(
    out: Out,
    species: Annotated[Literal["human", "mouse"], typer.Option("--species", help="Whose heart.")] = "human",
    ef: Annotated[float, typer.Option("--ef", metavar="PERCENT", help="Left-ventricular ejection fraction.")] = 60.0,
    edv: Annotated[
        float | None,
        typer.Option("--edv", metavar="ML", help="Left-ventricular end-diastolic volume: 140 ml; of a mouse 55 µl."),
    ] = None,
    wall: Annotated[
        float | None, typer.Option("--wall", metavar="MM", help="Wall thickness at end diastole: 9; of a mouse 1.")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(metavar="N", min=2, help="Frames of the cine: 30; of a mouse 12.")
    ] = None,
    slices: Annotated[
        int | None, typer.Option(metavar="N", min=3, help="Slices of the stack: 10; of a mouse 8.")
    ] = None,
    pixel: Annotated[
        float | None, typer.Option("--pixel", metavar="MM", help="Pixel size: 1.5625; of a mouse 0.1307.")
    ] = None,
    noise: Annotated[
        float | None, typer.Option(help="Standard deviation over the blood's signal: 0.03; of a mouse 0.1.")
    ] = None,
    dark_band: Annotated[
        bool, typer.Option("--dark-band", help="Of a mouse: the free wall loses its signal next to the lung.")
    ] = False,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="What is drawn at random: the same seed, the same phantom.")
    ] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Make a phantom heart's cine, its masks and its true indices, to try the way from scan to report."""
    from shortaxis.pipeline import write_phantom

    given: dict[str, Any] = {"wall_mm": wall, "frames": frames, "slices": slices, "pixel_mm": pixel, "noise": noise}
    given = {name: value for name, value in given.items() if value is not None}
    recipe = (_mouse if species == "mouse" else _human)(edv, dark_band, given | {"ef_percent": ef, "seed": seed})
    write_phantom(recipe, out, overwrite)
    print(f"phantom: {out}")


def _human(edv_ml: float | None, dark_band: bool, given: dict[str, Any]) -> PhantomRecipe:
    from shortaxis.read.phantom import PhantomRecipe

    if dark_band:
        raise typer.BadParameter("only a mouse's phantom has one; add --species mouse", param_hint="--dark-band")
    volume: dict[str, Any] = {} if edv_ml is None else {"edv_ml": edv_ml}
    return PhantomRecipe(**given, **volume)


def _mouse(edv_ul: float | None, dark_band: bool, given: dict[str, Any]) -> MouseRecipe:
    from shortaxis.read.phantom_mouse import MouseRecipe

    volume: dict[str, Any] = {} if edv_ul is None else {"edv_ul": edv_ul}
    return MouseRecipe(**given, **volume, dark_band=dark_band)
