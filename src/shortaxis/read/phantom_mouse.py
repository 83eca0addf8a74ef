"""The phantom of a mouse: the same computed heart at a mouse's size, in a stack as Huang et al. (EMBC 2021) describe.

A mouse's heart is built `SCALE` times too large, with the proportions of a mouse (thick wall, small right ventricle),
on a grid that is as much too coarse, and the grid is then shrunk. So there is one phantom, and every sub-sample of the
truth lies where it lies in the human one. Labels are of the left ventricle alone, as a preclinical reader draws it.

The size is ours, after what is usual for adult mice: cavity of 55 microlitres, wall of 1 mm, 450 beats a minute. Pixels
of 0.1307 mm and slices 0.8 mm apart are the paper's (section III.A), eight slices what its 36 interpolated planes come
from. The noise is high, as at 11.7 T, and `dark_band` adds the signal loss of the paper's Fig. 1: the free wall next to
the lung darkens, most towards the apex. What is not modelled: how the field's distortion moves pixels, and infarcts.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import ACDC, LEFT_VENTRICLE, Labels
from shortaxis.core.study import Facts, Grid, Origin, Study
from shortaxis.read.phantom import NOTE, Phantom, Truth, Volumes, make_phantom
from shortaxis.read.phantom_scene import PhantomRecipe, refuse_outside

SCALE = 13.0  # a man's heart over a mouse's, in length
RV_OVER_LV = 0.7
BAND_LOSS = 0.9  # of the muscle's signal in the middle of the dark band
LIMITS = {  # ours: beyond them there is no mouse, or no picture of one
    "ef_percent": (10, 80),
    "edv_ul": (20, 150),
    "wall_mm": (0.4, 2),
    "frames": (2, 200),
    "slices": (3, 60),
    "pixel_mm": (0.05, 0.35),
    "slice_mm": (0.1, 2),
    "heart_rate_bpm": (200, 800),
    "breath_hold_shift_mm": (0, 1),
    "noise": (0, 1),
}


@dataclass(frozen=True)
class MouseRecipe:
    """What is asked of a mouse's phantom.

    Attributes:
        ef_percent: left ventricular ejection fraction of the labels, met to within half a point.
        slice_mm: slice spacing, without gaps.
        breath_hold_shift_mm: slices are misplaced by up to this much along rows and along columns: they are acquired
            one after another.
        noise: standard deviation of the noise in each channel over the signal of blood.
        dark_band: whether the free wall loses its signal next to the lung.
    """

    ef_percent: float = 60.0
    edv_ul: float = 55.0
    wall_mm: float = 1.0
    frames: int = 12
    slices: int = 8
    rows: int = 192
    cols: int = 192
    pixel_mm: float = 0.1307  # section III.A
    slice_mm: float = 0.8  # section III.A
    heart_rate_bpm: float = 450.0
    breath_hold_shift_mm: float = 0.15
    noise: float = 0.1
    dark_band: bool = False
    seed: int = 0

    @property
    def enlarged(self) -> PhantomRecipe:
        """The same heart at a man's size."""
        return PhantomRecipe(
            ef_percent=self.ef_percent,
            rv_ef_percent=self.ef_percent,
            edv_ml=_enlarged_ml(self.edv_ul),
            wall_mm=SCALE * self.wall_mm,
            frames=self.frames,
            slices=self.slices,
            rows=self.rows,
            cols=self.cols,
            pixel_mm=SCALE * self.pixel_mm,
            slice_mm=SCALE * self.slice_mm,
            breath_hold_shift_mm=SCALE * self.breath_hold_shift_mm,
            noise=self.noise,
            seed=self.seed,
            rv_over_lv=RV_OVER_LV,
            signal_loss=BAND_LOSS if self.dark_band else 0.0,
        )


def make_mouse_phantom(recipe: MouseRecipe | None = None) -> Phantom:
    """The phantom of that recipe, with labels of the scheme `lv`. Raises BadConfiguration where it cannot be made.

    `Phantom.recipe` is the enlarged heart's; study and truth are the mouse's, volumes in ml as everywhere.
    """
    recipe = MouseRecipe() if recipe is None else recipe
    refuse_outside(recipe, LIMITS)
    try:
        large = make_phantom(recipe.enlarged)
    except BadConfiguration as problem:
        told = f"{problem.expected} (lengths and volumes of the heart enlarged {SCALE:g} times)"
        raise BadConfiguration(told, problem.found, problem.way_out) from problem
    return Phantom(large.recipe, _shrunk_study(recipe, large.study), _shrunk_truth(large.truth))


def _enlarged_ml(volume_ul: float) -> float:
    return volume_ul / 1000 * SCALE**3


def _shrunk_study(recipe: MouseRecipe, large: Study) -> Study:
    affine = large.grid.affine.copy()
    affine[:3] /= SCALE
    name = f"phantom_mouse_ef{recipe.ef_percent:g}_seed{recipe.seed}"
    facts = Facts(
        species="mouse",
        ed_index=large.facts.ed_index,
        es_index=large.facts.es_index,
        frame_time_ms=60000.0 / recipe.heart_rate_bpm / recipe.frames,
        heart_rate_bpm=recipe.heart_rate_bpm,
        convention=large.facts.convention,
    )
    labels = None if large.labels is None else ACDC.translate(large.labels.array, LEFT_VENTRICLE)
    return Study(
        name=name,
        image=large.image,
        grid=Grid(large.grid.shape, affine, (recipe.slice_mm, recipe.pixel_mm, recipe.pixel_mm)),
        origins=(Origin(name, tuple(range(recipe.frames)), is_4d=True),),
        facts=facts,
        labels=None if labels is None else Labels.complete(labels, LEFT_VENTRICLE),
        notes=(NOTE,),
        sha256=hashlib.sha256(large.image.tobytes()).hexdigest(),
    )


def _shrunk_truth(truth: Truth) -> Truth:
    def shrunk(volumes: Volumes) -> Volumes:
        return Volumes(volumes.edv_ml / SCALE**3, volumes.esv_ml / SCALE**3)

    return replace(
        truth,
        lv=shrunk(truth.lv),
        rv=shrunk(truth.rv),
        continuous_lv=shrunk(truth.continuous_lv),
        continuous_rv=shrunk(truth.continuous_rv),
        lv_mass_g=truth.lv_mass_g / SCALE**3,
        continuous_lv_mass_g=truth.continuous_lv_mass_g / SCALE**3,
        shifts_mm=np.asarray(truth.shifts_mm) / SCALE,
    )
