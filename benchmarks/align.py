"""How far slice alignment is off the phantom's known breath-hold shifts, in pixels.

Off is the larger of rows and columns, less the median over the stack, since nothing fixes a stack as a whole. All slices
that hold myocardium count. `axis` takes the lean of the long axis as part of what was to be found, to tell an error of
the centres from the lean, which cannot be told from shifts for certain.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.labels import ACDC, Structure
from shortaxis.prepare.align import RADII_MM, estimate_shifts
from shortaxis.prepare.ventricle_centre import find_centres
from shortaxis.read.phantom import Phantom, PhantomRecipe, make_phantom

SETTINGS = {
    "default": {},
    "shifts of up to 5 mm": {"breath_hold_shift_mm": 5.0},
    "112 x 128 pixels, 12 frames, up to 5 mm, no lean": {
        "rows": 112, "cols": 128, "frames": 12, "breath_hold_shift_mm": 5.0, "lean_mm": 0.0,
    },
}  # fmt: skip


def off_px(found: NDArray[np.float64], known: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[slice] distance of the counted slices from what is known, less the median."""
    gap = (found - known)[counted]
    return np.abs(gap - np.median(gap, axis=0)).max(axis=1)


def measured(phantom: Phantom) -> dict[str, NDArray[np.float64]]:
    """Distances by what they are called: shifts with all frames, with ED and ES alone, and the centres."""
    study, truth = phantom.study, phantom.truth
    if study.labels is None:
        raise ValueError("a phantom has labels")
    muscle = np.asarray(ACDC.mask(study.labels.array, Structure.MYOCARDIUM).any(axis=(0, 2, 3)))
    pixel_mm = phantom.recipe.pixel_mm
    low, high = (radius / pixel_mm for radius in RADII_MM)
    two = study.image[[truth.ed_index, truth.es_index]]
    return {
        "cine": off_px(estimate_shifts(study.image, None, pixel_mm), truth.shifts_px, muscle),
        "ED and ES": off_px(estimate_shifts(two, None, pixel_mm), truth.shifts_px, muscle),
        "axis": off_px(find_centres(study.image, None, (low, high)).px, truth.shifts_px + truth.centres_px, muscle),
    }


def main() -> None:
    """Align phantoms and print how far off each kind of estimate is."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--ef", type=float, nargs="+", default=[25.0, 45.0, 60.0])
    chosen = options.parse_args()
    print(
        "| phantom | EF % | from | slices | median | 95 % | worst | slices over 1 px |\n|---|---|---|---|---|---|---|---|"
    )
    for name, setting in SETTINGS.items():
        for ef in chosen.ef:
            recipes = [PhantomRecipe(ef_percent=ef, seed=seed, **setting) for seed in range(chosen.seeds)]
            every = [measured(make_phantom(recipe)) for recipe in recipes]
            for kind in every[0]:
                off = np.concatenate([one[kind] for one in every])
                figures = (
                    f"{np.median(off):.2f} | {np.quantile(off, 0.95):.2f} | {off.max():.2f} | {int((off > 1).sum())}"
                )
                print(f"| {name} | {ef:g} | {kind} | {len(off)} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
