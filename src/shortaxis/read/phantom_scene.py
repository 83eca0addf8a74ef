"""What is asked of a phantom, and its layout: where the heart lies, how long it is, what surrounds it, the coils."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadConfiguration
from shortaxis.read import phantom_anatomy as anatomy
from shortaxis.read.phantom_body import surroundings, texture

LIMITS = {  # ours: beyond them there is no heart, or no picture of one
    "ef_percent": (10, 80),
    "rv_ef_percent": (10, 80),
    "edv_ml": (30, 500),
    "wall_mm": (4, 30),
    "frames": (2, 200),
    "slices": (3, 60),
    "pixel_mm": (0.2, 5),
    "heart_rate_bpm": (20, 250),
    "breath_hold_shift_mm": (0, 20),
    "noise": (0, 1),
    "rv_over_lv": (0.3, 2),
    "signal_loss": (0, 1),
    "seed": (0, math.inf),
}
RV_OVER_LV_EDV = 1.1
SYSTOLE = 0.37  # of the cycle


@dataclass(frozen=True)
class PhantomRecipe:
    """What is asked of a phantom.

    Attributes:
        ef_percent: left ventricular ejection fraction of the labels, met to within half a point.
        rv_ef_percent: the right one; None for the one that gives both ventricles the same stroke volume.
        slice_mm: slice spacing, without gaps; None for the least half millimetre that covers the ventricle.
        breath_hold_shift_mm: each slice is shifted by up to this much along rows and along columns, uniformly.
        lean_mm: how far the long axis leans: the centre moves by twice this from base to apex, in a random direction.
        noise: standard deviation of the noise in each channel over the signal of blood.
        rv_over_lv: right over left end-diastolic volume.
        signal_loss: share of the muscle's signal lost in the middle of a dark band in the free wall; 0 for no band.
    """

    ef_percent: float = 60.0
    rv_ef_percent: float | None = None
    edv_ml: float = 140.0
    wall_mm: float = 9.0
    frames: int = 30
    slices: int = 10
    rows: int = 216
    cols: int = 256
    pixel_mm: float = 1.5625
    slice_mm: float | None = None
    heart_rate_bpm: float = 65.0
    breath_hold_shift_mm: float = 2.0
    lean_mm: float = 2.5
    noise: float = 0.03
    seed: int = 0
    rv_over_lv: float = RV_OVER_LV_EDV
    signal_loss: float = 0.0

    @property
    def frame_time_ms(self) -> float:
        return 60000.0 / self.heart_rate_bpm / self.frames

    @property
    def edvs_ml(self) -> tuple[float, float]:
        """End-diastolic volumes of the left and the right ventricle."""
        return self.edv_ml, self.rv_over_lv * self.edv_ml

    @property
    def efs_percent(self) -> tuple[float, float]:
        """Asked ejection fractions of the left and the right ventricle; equal stroke volumes where nothing is asked."""
        return self.ef_percent, self.ef_percent / self.rv_over_lv if self.rv_ef_percent is None else self.rv_ef_percent

    @property
    def es_index(self) -> int:
        """0-based end-systolic frame, at 37 % of the cycle; end diastole is frame 0."""
        return max(1, round(SYSTOLE * self.frames))


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that does not depend on the moment; `box` is the part of [slice, row, col] the heart moves in."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    heart: anatomy.Heart
    painter: anatomy.Painter
    box: tuple[slice, slice, slice]
    background: NDArray[np.float64]
    grain: NDArray[np.float64]
    shading: NDArray[np.float64]
    centres_px: NDArray[np.float64]
    shifts_mm: NDArray[np.float64]
    descent_mm: float


def lay_out(recipe: PhantomRecipe) -> Scene:
    """The scene of that recipe. Raises BadConfiguration where the heart cannot be made or does not fit."""
    refuse_outside(recipe, LIMITS)
    shape_rng, shift_rng, body_rng = (np.random.default_rng((recipe.seed, stream)) for stream in range(3))
    apex_mm, slice_mm = _long_axis(recipe)
    septum, tilt, lean = (float(a) for a in shape_rng.uniform((-3.15, 0.0, 0.0), (-2.75, np.pi, 2 * np.pi)))
    heart = anatomy.heart_at_rest(recipe.edv_ml, recipe.wall_mm, apex_mm, septum, tilt)
    most = recipe.breath_hold_shift_mm
    shifts_mm = shift_rng.uniform(-most, most, (recipe.slices, 2))
    lean_mm = np.linspace(-recipe.lean_mm, recipe.lean_mm, recipe.slices)[:, None] * (np.sin(lean), np.cos(lean))
    start, stop, middle = _heart_box(recipe, heart)
    centres_px = middle + lean_mm / recipe.pixel_mm
    y, x = (_from_centre(n, centres_px[:, k], recipe.pixel_mm) for k, n in enumerate((recipe.rows, recipe.cols)))
    painter = anatomy.Painter(
        heart,
        anatomy.sample_points(
            y[:, start[0] : stop[0]] - shifts_mm[:, :1],
            x[:, start[1] : stop[1]] - shifts_mm[:, 1:],
            slice_mm,
            recipe.pixel_mm,
        ),
    )
    depths = np.linspace(0, 1, recipe.slices)
    background = np.stack([
        surroundings(y[k], x[k], shifts_mm[k], depth, recipe.pixel_mm, body_rng)
        for k, depth in enumerate(depths)
    ])  # fmt: skip
    box = (slice(None), slice(start[0], stop[0]), slice(start[1], stop[1]))
    grain = np.stack([texture(plane.shape, 1.3, body_rng) for plane in background[box]])
    steps = max(0, round(recipe.ef_percent / 60 * 12 / slice_mm))  # 12 mm at a normal ejection fraction
    shape = (recipe.slices, recipe.rows, recipe.cols)
    spacing = (slice_mm, recipe.pixel_mm, recipe.pixel_mm)
    shading = _coil_shading(y.mean(0), x.mean(0))
    return Scene(shape, spacing, heart, painter, box, background, grain, shading, centres_px, shifts_mm,
                  steps * slice_mm)  # fmt: skip


def refuse_outside(recipe: object, limits: Mapping[str, tuple[float, float]]) -> None:
    """Raise BadConfiguration for the first of a recipe's values outside its limits."""
    for name, (low, high) in limits.items():
        value = getattr(recipe, name)
        if value is not None and not low <= value <= high:
            raise BadConfiguration(f"{name} from {low:g} to {high:g}", f"{value:g}", "ask for one in that range")


def _long_axis(recipe: PhantomRecipe) -> tuple[float, float]:
    """Epicardial length and slice spacing in mm; the ventricle is as long as its volume suggests or as the stack."""
    natural = 80 * (recipe.edv_ml / 135) ** (1 / 3) + anatomy.APEX_WALL * recipe.wall_mm
    slice_mm = recipe.slice_mm if recipe.slice_mm is not None else math.ceil(2 * natural / recipe.slices) / 2
    stack = slice_mm * recipe.slices
    if not stack >= 0.85 * natural:
        raise BadConfiguration(
            f"a stack of at least {0.85 * natural:.0f} mm for {recipe.edv_ml:g} ml",
            f"{recipe.slices} slices of {slice_mm:g} mm",
            "ask for more or thicker slices, or leave the slice spacing to the phantom",
        )
    return min(natural, stack), slice_mm


def _heart_box(
    recipe: PhantomRecipe, heart: anatomy.Heart
) -> tuple[tuple[int, int], tuple[int, int], tuple[float, float]]:
    """First and last (row, col) that the heart can touch, and where its centre lies; refuses too small a plane."""
    rest = anatomy.pose(heart, recipe.edvs_ml[0], recipe.edvs_ml[1], 0.0)
    reach = 1.06 * rest.epi_radius_mm + recipe.breath_hold_shift_mm + anatomy.FAT_MM + 6
    septal = reach + rest.rv_height_mm
    above, left = (reach + 0.45 * rest.rv_height_mm) / recipe.pixel_mm, septal / recipe.pixel_mm
    reach_px = reach / recipe.pixel_mm
    middle = (max(0.45 * recipe.rows, above), max(0.45 * recipe.cols, left))
    start = math.floor(middle[0] - above), math.floor(middle[1] - left)
    stop = math.ceil(middle[0] + reach_px) + 1, math.ceil(middle[1] + reach_px) + 1
    if stop[0] > recipe.rows or stop[1] > recipe.cols:
        raise BadConfiguration(
            f"at least {stop[0] - start[0]} rows and {stop[1] - start[1]} columns for this heart",
            f"{recipe.rows} rows and {recipe.cols} columns",
            "ask for a larger plane or larger pixels",
        )
    return start, stop, middle


def _from_centre(count: int, centres: NDArray[np.float64], pixel_mm: float) -> NDArray[np.float64]:
    return (np.arange(count)[None, :] - centres[:, None]) * pixel_mm


def _coil_shading(y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sensitivity [row, col]: bright near the anterior array, dim in the depth; 1 near the heart."""
    front = np.exp(-np.hypot(y[:, None] + 120, x[None, :] - 40) / 140)
    back = 0.45 * np.exp(-np.hypot(y[:, None] - 190, x[None, :] - 30) / 120)
    return 0.3 + 1.5 * front + back
