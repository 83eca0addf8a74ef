"""The phantom's moving heart: two ventricles in closed form, and the share of each voxel that each tissue fills.

All lengths are millimetres. `z` runs along the long axis from the valve plane at end diastole (0) towards the apex.
In plane, `rho` and `theta` are polar coordinates about the left ventricle's centre; theta 0 points to larger columns
(the patient's left), a quarter turn to larger rows.

The left ventricle is the truncated ellipsoid R * profile(u), u = (z - base) / length, whose widest place lies a quarter
of the way down, so its volume is VOLUME_FACTOR * R^2 * length exactly. Contraction keeps the epicardial apex in place,
lets the valve plane descend, and solves the two radii so that the cavity has the asked volume and the muscle keeps its
own. The right ventricle is a layer of height H * taper(z) * crescent(theta) on the septal side of the left ventricle's
epicardium; its volume is quadratic in H, so H is solved in closed form. Cross sections are r * outline(theta), where
the square of the outline averages 1, so that shape does not change area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDEST = 0.25  # where the ellipsoid is widest, as a fraction of its length
VOLUME_FACTOR = float(np.pi * (1 - ((1 - WIDEST) ** 3 + WIDEST**3) / (3 * (1 - WIDEST) ** 2)))
APEX_WALL = 0.8  # apical wall over mid wall
RV_LENGTH = 0.9  # right over left ventricular length
RV_WALL_MM = 3.5
FAT_MM = 5.0
PAPILLARIES = ((-0.95, 0.66), (1.65, 0.64))  # direction in radians, distance from the centre over the cavity's radius
PAPILLARY_SPAN = (0.25, 0.72)  # of the cavity's length
PAPILLARY_MM = 4.6
IN_PLANE = 3  # sub-samples along each in-plane axis
THROUGH_PLANE = 5  # sub-samples through the slice's thickness

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Heart:
    """The heart at end diastole; what does not change through the cycle.

    Attributes:
        apex_mm: z of the epicardial apex, which stays in place.
        wall_ml: volume of the left ventricular muscle, which is kept.
        septum_rad: direction of the septum's middle seen from the left ventricle's centre.
        tilt_rad: direction in which the cross section is slightly longer.
    """

    apex_mm: float
    wall_ml: float
    septum_rad: float
    tilt_rad: float


@dataclass(frozen=True)
class Pose:
    """The heart at one moment: valve plane, radii at the widest place, cavity length, right ventricular height."""

    base_mm: float
    endo_radius_mm: float
    epi_radius_mm: float
    endo_length_mm: float
    rv_height_mm: float


@dataclass(frozen=True, eq=False)
class Samples:
    """Polar coordinates of every sub-sample: [sub, slice, row, col] in plane and [sub, slice] along z."""

    rho: Array
    theta: Array
    z: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shares:
    """The share 0..1 of each voxel [slice, row, col] that a tissue fills.

    `lv`, `muscle` and `rv` are what the labels are made of; papillary muscle is part of `lv` and told again in
    `papillary`. Beyond the valve plane lie the atria, which are never labelled.
    """

    lv: Array
    muscle: Array
    rv: Array
    rv_wall: Array
    fat: Array
    papillary: Array
    atria: Array
    atrial_wall: Array


def profile(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radius of the truncated ellipsoid over its greatest radius, 0 beyond the base (u < 0) and the apex (u > 1)."""
    inside = (u >= -1e-9) & (u <= 1)
    return np.where(inside, np.sqrt(np.maximum(0.0, 1 - ((u - WIDEST) / (1 - WIDEST)) ** 2)), 0.0)


def outline(theta: NDArray[np.floating], heart: Heart) -> NDArray[np.floating]:
    """Relative radius by direction; the square averages 1."""
    return np.sqrt(1 + 0.07 * np.cos(2 * (theta - heart.tilt_rad)) + 0.03 * np.cos(3 * theta + heart.tilt_rad))


def crescent(theta: NDArray[np.floating], z: float, heart: Heart) -> NDArray[np.floating]:
    """Height of the right ventricle by direction and level, over its greatest height; 0 away from the septum."""
    level = z / (RV_LENGTH * heart.apex_mm)
    if level >= 1:
        return np.zeros_like(theta)
    half_angle = 1.45 * (1 - 0.35 * max(level, 0.0))
    away = (np.remainder(theta - heart.septum_rad + np.pi, 2 * np.pi) - np.pi) / half_angle
    taper = 1 - max(level, 0.0) ** 1.7
    return (taper * np.maximum(0.0, 1 - away**2) ** 0.75).astype(theta.dtype)


def heart_at_rest(edv_ml: float, wall_mm: float, apex_mm: float, septum_rad: float, tilt_rad: float) -> Heart:
    """The heart whose cavity holds `edv_ml` at end diastole with that wall thickness and epicardial length."""
    length = apex_mm - APEX_WALL * wall_mm
    radius = float(np.sqrt(edv_ml * 1000 / (VOLUME_FACTOR * length)))
    epicardial_ml = VOLUME_FACTOR * (radius + wall_mm) ** 2 * apex_mm / 1000
    return Heart(apex_mm, epicardial_ml - edv_ml, septum_rad, tilt_rad)


def pose(heart: Heart, lv_ml: float, rv_ml: float, base_mm: float) -> Pose:
    """The heart with those cavity volumes and its valve plane at `base_mm`; muscle volume is kept exactly."""
    epi_length = heart.apex_mm - base_mm
    epi_radius = float(np.sqrt((lv_ml + heart.wall_ml) * 1000 / (VOLUME_FACTOR * epi_length)))
    low, high = 0.0, epi_radius
    for _ in range(60):  # R^2 (length - apical wall) rises with R
        radius = (low + high) / 2
        volume = VOLUME_FACTOR * radius**2 * (epi_length - APEX_WALL * (epi_radius - radius)) / 1000
        low, high = (radius, high) if volume < lv_ml else (low, radius)
    endo_length = epi_length - APEX_WALL * (epi_radius - radius)
    height = _rv_height(heart, rv_ml, base_mm, epi_radius, epi_length)
    return Pose(base_mm, radius, epi_radius, endo_length, height)


def _rv_height(heart: Heart, rv_ml: float, base_mm: float, epi_radius: float, epi_length: float) -> float:
    """H from volume = A H + B H^2 / 2, the layer's volume in polar coordinates over the epicardium."""
    theta = np.linspace(-np.pi, np.pi, 180, endpoint=False)
    z = np.linspace(base_mm, heart.apex_mm, 96, endpoint=False) + (heart.apex_mm - base_mm) / 192
    step = (2 * np.pi / 180) * (heart.apex_mm - base_mm) / 96
    shape = np.stack([crescent(theta, level, heart) for level in z])
    epi = epi_radius * profile((z - base_mm) / epi_length)[:, None] * outline(theta, heart)
    linear, square = float((epi * shape).sum() * step), float((shape**2).sum() * step)
    return (-linear + float(np.sqrt(linear**2 + 2 * square * rv_ml * 1000))) / square


def sample_points(y_mm: NDArray[np.float64], x_mm: NDArray[np.float64], slice_mm: float, pixel_mm: float) -> Samples:
    """Sub-sample positions for pixel centres y_mm [slice, row] and x_mm [slice, col] relative to the centre."""
    offsets = (np.arange(IN_PLANE) - (IN_PLANE - 1) / 2) / IN_PLANE * pixel_mm
    rho, theta = [], []
    for dy in offsets:
        for dx in offsets:
            y, x = (y_mm + dy)[:, :, None], (x_mm + dx)[:, None, :]
            rho.append(np.hypot(y, x).astype(np.float32))
            theta.append(np.arctan2(y, x).astype(np.float32))
    within = (np.arange(THROUGH_PLANE) + 0.5) / THROUGH_PLANE
    z = (np.arange(len(y_mm))[None, :] + within[:, None]) * slice_mm
    return Samples(np.stack(rho), np.stack(theta), z)


class Painter:
    """Counts, for one set of sub-samples, which tissue each falls in; what does not move is worked out once."""

    def __init__(self, heart: Heart, samples: Samples) -> None:
        self.heart = heart
        self.samples = samples
        self.outline = outline(samples.theta, heart).astype(np.float32)
        self.level = samples.rho / self.outline  # inside a surface where this is below its radius
        self.crescent = np.stack(
            [np.stack([crescent(samples.theta[:, k], z, heart) for k, z in enumerate(zs)], axis=1) for zs in samples.z]
        )
        fat = np.maximum(0.0, 0.5 + 0.9 * np.cos(samples.theta - heart.septum_rad - 0.9))
        self.fat = (fat / self.outline * FAT_MM).astype(np.float32)

    def lv_share(self, now: Pose) -> Array:
        """Only the left ventricular cavity's share, for the search of a contraction."""
        endo = now.endo_radius_mm * profile((self.samples.z - now.base_mm) / now.endo_length_mm)
        return self._count(self.level[None] < endo[:, None, :, None, None])

    def label_shares(self, now: Pose) -> tuple[Array, Array, Array]:
        """Shares of the left cavity, the muscle and the right cavity."""
        epi = now.epi_radius_mm * profile((self.samples.z - now.base_mm) / (self.heart.apex_mm - now.base_mm))
        within = self._count(self.level[None] < epi[:, None, :, None, None])
        both = self._count(self._beyond_rv(now) < epi[:, None, :, None, None], self._below(now))
        lv = self.lv_share(now)
        return lv, within - lv, both - within

    def shares(self, now: Pose) -> Shares:
        """All tissues' shares."""
        lv, muscle, rv = self.label_shares(now)
        below = self._below(now)
        epi = now.epi_radius_mm * profile((self.samples.z - now.base_mm) / (self.heart.apex_mm - now.base_mm))
        epi = epi[:, None, :, None, None].astype(np.float32)
        beyond = self._beyond_rv(now)
        wall = RV_WALL_MM / self.outline * (self.crescent > 0.02)
        walled = self._count(beyond - wall < epi, below)
        fatted = self._count((beyond - wall - self.fat < epi) & (epi > 0), below)
        atria, atrial_wall = self._atria(now, beyond, ~below)
        return Shares(
            lv, muscle, rv, walled - lv - muscle - rv, fatted - walled, self._papillary(now), atria, atrial_wall
        )

    def _atria(self, now: Pose, beyond: Array, above: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Blood and thin wall beyond the valve plane: the left atrium round, the right as a shrunken crescent."""
        left, rim = 0.86 * now.epi_radius_mm, 0.93 * now.epi_radius_mm
        blood = self._count((self.level[None] < left) | ((beyond < rim) & (self.level[None] > rim)), above)
        whole = self._count((beyond - 2.0 < rim), above)
        return blood, whole - blood

    def _beyond_rv(self, now: Pose) -> Array:
        """Radius over outline once the right ventricle's height is taken off."""
        return self.level[None] - np.float32(now.rv_height_mm) * self.crescent / self.outline

    def _below(self, now: Pose) -> NDArray[np.bool_]:
        return (self.samples.z >= now.base_mm - 1e-6)[:, None, :, None, None]

    def _papillary(self, now: Pose) -> Array:
        u = (self.samples.z - now.base_mm) / now.endo_length_mm
        radius = now.endo_radius_mm * profile(u)
        start, end = PAPILLARY_SPAN
        thickness = PAPILLARY_MM * np.sqrt(np.maximum(0.0, 1 - ((u - (start + end) / 2) / ((end - start) / 2)) ** 2))
        thickness = np.minimum(thickness, 0.3 * radius)
        found = np.zeros(self.samples.rho.shape[1:], np.float32)
        for direction, distance in PAPILLARIES:
            at = (distance * radius)[:, None, :, None, None].astype(np.float32)
            turn = np.cos(self.samples.theta - direction)
            squared = self.samples.rho**2 + at**2 - 2 * self.samples.rho * at * turn
            found += self._count(squared < (thickness**2)[:, None, :, None, None])
        return np.minimum(found, 1.0)

    def _count(self, hits: NDArray[np.bool_], where: NDArray[np.bool_] | bool = True) -> Array:
        """Mean over sub-samples of hits [through, in plane, slice, row, col]."""
        return np.count_nonzero(hits & where, axis=(0, 1)).astype(np.float32) / (hits.shape[0] * hits.shape[1])
