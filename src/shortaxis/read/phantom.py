"""A computed short-axis cine whose labels and volumes are known exactly. A smoke test, never evidence.

It shows that the way from voxels to volumes is wired correctly: units, orientation, frames, label numbers, slice order.
It says nothing about how well a method segments patients, and no figure made from it belongs in a table of results.

What is modelled: a truncated-ellipsoid left ventricle with papillary muscles, a crescent right ventricle on its septal
(image-left) side, contraction with wall thickening, preserved muscle volume and a descending valve plane, atria beyond
that plane, a chest with fat, lung, liver, stomach, spleen and spine, steady-state signals, partial volume, coil shading,
Rician noise, and a breath-hold shift of each slice. What is not: trabeculae, fat-water boundary lines, flow, motion blur,
banding, twist, oblique slices, disease other than a low ejection fraction.

Conventions of the truth: papillary muscles belong to the cavity, as in ACDC. A slice counts where most of its thickness
lies below the valve plane; the plane descends by a whole number of slices up to end systole, so that counting whole
slices is not biased there. Slice 0 is the most basal. Rows run to the patient's posterior, columns to the left.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.labels import ACDC, Labels, Structure
from shortaxis.core.study import Facts, Grid, Note, Origin, Study
from shortaxis.read.phantom_anatomy import Pose, Shares, pose
from shortaxis.read.phantom_body import FAT
from shortaxis.read.phantom_scene import PhantomRecipe, Scene, lay_out

MYOCARDIAL_DENSITY_G_PER_ML = 1.05
LV_BLOOD, RV_BLOOD, MYOCARDIUM = 1.0, 0.88, 0.40
BLOOD_VALUE = 220.0  # stored value of unshaded left ventricular blood
Share = NDArray[np.float32]
NOTE = Note("SA-W090", "This study is a computed phantom: a smoke test of the pipeline, never evidence about a method.")


@dataclass(frozen=True)
class Volumes:
    """One ventricle's volumes in ml."""

    edv_ml: float
    esv_ml: float

    @property
    def ef_percent(self) -> float:
        return 100 * (self.edv_ml - self.esv_ml) / self.edv_ml


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of a phantom.

    Attributes:
        lv, rv: volumes by counting the labels' voxels over all slices.
        continuous_lv, continuous_rv: volumes of the closed-form bodies the labels were sampled from.
        lv_mass_g: muscle of the labels at end diastole times 1.05 g/ml; `continuous_lv_mass_g` of the closed form.
        shifts_mm, shifts_px: [slice, 2] breath-hold shift as (row, col); positive to larger rows and columns.
        centres_px: [slice, 2] left ventricular centre before the shift, as (row, col): the long axis leans a little.
        contraction: [frame] 0 at end diastole to 1 at end systole.
    """

    ed_index: int
    es_index: int
    lv: Volumes
    rv: Volumes
    continuous_lv: Volumes
    continuous_rv: Volumes
    lv_mass_g: float
    continuous_lv_mass_g: float
    shifts_mm: NDArray[np.float64]
    shifts_px: NDArray[np.float64]
    centres_px: NDArray[np.float64]
    contraction: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Phantom:
    """A study with complete labels of the ACDC scheme, its recipe and its truth."""

    recipe: PhantomRecipe
    study: Study
    truth: Truth


def make_phantom(recipe: PhantomRecipe | None = None) -> Phantom:
    """The phantom of that recipe, the same for the same recipe. Raises BadConfiguration where it cannot be made."""
    recipe = PhantomRecipe() if recipe is None else recipe
    scene = lay_out(recipe)
    lv, rv = _solve(recipe, scene)
    contraction = contraction_curve(recipe.frames, recipe.es_index)
    image = np.empty((recipe.frames, *scene.shape), np.int16)
    labels = np.zeros(image.shape, np.uint8)
    noise = np.random.default_rng((recipe.seed, 3))
    for frame, fraction in enumerate(contraction):
        now = _pose_at(scene, lv, rv, float(fraction))
        shares = scene.painter.shares(now)
        below = scene.painter.below_valve_plane(now)
        labels[frame][scene.box] = label_of_shares((shares.lv, shares.muscle, shares.rv), below)
        signal = scene.background.copy()
        signal[scene.box] = _signal(shares, signal[scene.box], scene.grain)
        if recipe.signal_loss:
            signal[scene.box] -= MYOCARDIUM * shares.muscle * recipe.signal_loss * scene.painter.free_wall
        image[frame] = _received(signal * scene.shading, recipe.noise, noise)
    truth = _truth(recipe, scene, lv, rv, labels, contraction)
    return Phantom(recipe, _study(recipe, scene, image, labels), truth)


def contraction_curve(frames: int, es_index: int) -> NDArray[np.float64]:
    """[frame] 0 at end diastole (frame 0), 1 at `es_index`; smooth, with early filling, diastasis and atrial kick."""
    from scipy.interpolate import PchipInterpolator  # here: it is slow to import

    end = es_index / frames
    rest = 1 - end
    knots = [0.0, end / 2, end, end + 0.4 * rest, end + 0.72 * rest, 1.0]
    return PchipInterpolator(knots, [0.0, 0.5, 1.0, 0.28, 0.18, 0.0])(np.arange(frames) / frames)


def label_of_shares(shares: tuple[Share, Share, Share], below: Share) -> NDArray[np.uint8]:
    """ACDC labels [slice, row, col]: whichever of background, right cavity, muscle and left cavity fills most of a voxel.

    Args:
        shares: of left cavity, muscle and right cavity in the whole voxel.
        below: [slice, 1, 1] share of the slice below the valve plane. Only that part decides, and a slice of which half
            or less lies below is background, so that a basal slice counts with its full outline or not at all.
    """
    lv, muscle, rv = shares
    order = (0, *(ACDC.code_of(s) for s in (Structure.RV_CAVITY, Structure.MYOCARDIUM, Structure.LV_CAVITY)))
    labels = np.array(order, np.uint8)[np.argmax(np.stack([below - lv - muscle - rv, rv, muscle, lv]), axis=0)]
    return np.where(below > 0.5, labels, np.uint8(0))


# --- motion -----------------------------------------------------------------------------------------------------------
def _solve(recipe: PhantomRecipe, scene: Scene) -> tuple[Volumes, Volumes]:
    """Closed-form volumes whose labels have the asked ejection fractions."""
    lv, rv = (Volumes(edv, edv * (1 - ef / 100)) for edv, ef in zip(recipe.edvs_ml, recipe.efs_percent, strict=True))
    at_ed = _label_volumes_ml(scene, _pose_at(scene, lv, rv, 0.0))
    wanted = [edv * (1 - ef / 100) for edv, ef in zip(at_ed, recipe.efs_percent, strict=True)]
    missing = [0.0, 0.0]
    for _ in range(8):
        counted = _label_volumes_ml(scene, _pose_at(scene, lv, rv, 1.0))
        missing = [asked - got for asked, got in zip(wanted, counted, strict=True)]
        if max(100 * abs(gap) / edv for gap, edv in zip(missing, at_ed, strict=True)) < 0.05:
            return lv, rv
        lv, rv = (Volumes(v.edv_ml, max(v.esv_ml + gap, 1.0)) for v, gap in zip((lv, rv), missing, strict=True))
    if max(abs(missing[0]) / at_ed[0], abs(missing[1]) / at_ed[1]) > 0.005:
        lv_percent, rv_percent = recipe.efs_percent
        raise BadConfiguration(
            f"ejection fractions of {lv_percent:.1f} % (left) and {rv_percent:.1f} % (right)",
            f"{missing[0]:.1f} and {missing[1]:.1f} ml missing at end systole",
            "ask for smaller pixels, thinner slices or another fraction",
        )
    return lv, rv


def _pose_at(scene: Scene, lv: Volumes, rv: Volumes, fraction: float) -> Pose:
    lv_ml, rv_ml = (v.edv_ml - fraction * (v.edv_ml - v.esv_ml) for v in (lv, rv))
    return pose(scene.heart, lv_ml, rv_ml, fraction * scene.descent_mm)


def _label_volumes_ml(scene: Scene, now: Pose) -> tuple[float, float]:
    labels = label_of_shares(scene.painter.label_shares(now), scene.painter.below_valve_plane(now))
    counts = (int(np.count_nonzero(ACDC.mask(labels, s))) for s in (Structure.LV_CAVITY, Structure.RV_CAVITY))
    left, right = (count * float(np.prod(scene.spacing_mm)) / 1000 for count in counts)
    return left, right


# --- signal -----------------------------------------------------------------------------------------------------------
def _signal(shares: Shares, background: NDArray[np.float64], grain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Signal of the heart's box: the background wherever the heart leaves a share of the voxel free."""
    muscle = shares.muscle + shares.rv_wall + shares.atrial_wall + shares.papillary
    parts = (
        (shares.lv - shares.papillary, LV_BLOOD),
        (shares.rv, RV_BLOOD),
        (shares.atria, RV_BLOOD),
        (muscle, MYOCARDIUM),
        (shares.fat, FAT),
    )
    filled = sum(share for share, _ in parts)
    signal = sum(share * value for share, value in parts) * (1 + 0.06 * grain)
    return signal + np.maximum(0.0, 1 - filled) * background


def _received(signal: NDArray[np.float64], noise: float, rng: np.random.Generator) -> NDArray[np.int16]:
    """Magnitude of the complex signal with Gaussian noise in both channels (Rician), as stored."""
    real = signal + noise * rng.standard_normal(signal.shape, np.float32)
    imaginary = noise * rng.standard_normal(signal.shape, np.float32)
    return np.rint(BLOOD_VALUE * np.hypot(real, imaginary)).astype(np.int16)


# --- result -----------------------------------------------------------------------------------------------------------
def _truth(
    recipe: PhantomRecipe,
    scene: Scene,
    lv: Volumes,
    rv: Volumes,
    labels: NDArray[np.uint8],
    contraction: NDArray[np.float64],
) -> Truth:
    voxel_ml = float(np.prod(scene.spacing_mm)) / 1000

    def counted_ml(frame: int, structure: Structure) -> float:
        return float(np.count_nonzero(ACDC.mask(labels[frame], structure))) * voxel_ml

    def volumes(structure: Structure) -> Volumes:
        return Volumes(counted_ml(0, structure), counted_ml(recipe.es_index, structure))

    return Truth(
        ed_index=0,
        es_index=recipe.es_index,
        lv=volumes(Structure.LV_CAVITY),
        rv=volumes(Structure.RV_CAVITY),
        continuous_lv=lv,
        continuous_rv=rv,
        lv_mass_g=counted_ml(0, Structure.MYOCARDIUM) * MYOCARDIAL_DENSITY_G_PER_ML,
        continuous_lv_mass_g=scene.heart.wall_ml * MYOCARDIAL_DENSITY_G_PER_ML,
        shifts_mm=scene.shifts_mm,
        shifts_px=scene.shifts_mm / recipe.pixel_mm,
        centres_px=scene.centres_px,
        contraction=contraction,
    )


def _study(recipe: PhantomRecipe, scene: Scene, image: NDArray[np.int16], labels: NDArray[np.uint8]) -> Study:
    slice_mm, row_mm, col_mm = scene.spacing_mm
    affine = np.diag([-col_mm, -row_mm, -slice_mm, 1.0])  # columns to the left, rows to posterior, slices downward
    middle = (np.array([recipe.cols, recipe.rows, recipe.slices]) - 1) / 2
    affine[:3, 3] = -affine[:3, :3] @ middle
    facts = Facts(
        ed_index=0,
        es_index=recipe.es_index,
        frame_time_ms=recipe.frame_time_ms,
        heart_rate_bpm=recipe.heart_rate_bpm,
        convention="papillary muscles in the cavity; a slice counts where most of it lies below the valve plane",
    )
    name = f"phantom_ef{recipe.ef_percent:g}_seed{recipe.seed}"
    return Study(
        name=name,
        image=image,
        grid=Grid(scene.shape, affine, scene.spacing_mm),
        origins=(Origin(name, tuple(range(recipe.frames)), is_4d=True),),
        facts=facts,
        labels=Labels.complete(labels, ACDC),
        notes=(NOTE,),
        sha256=hashlib.sha256(image.tobytes()).hexdigest(),
    )
