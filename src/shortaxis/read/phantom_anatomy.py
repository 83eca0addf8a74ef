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
FAT_MM = 6.0
PAPILLARIES = ((-0.95, 0.66), (1.65, 0.64))  # direction in radians, distance from the centre over the cavity's radius
PAPILLARY_SPAN = (0.25, 0.72)  # of the cavity's length
PAPILLARY_MM = 4.6
BAND_RAD = 0.4  # half width of the free wall's dark band, as a standard deviation
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
    low, radius, high = 0.0, epi_radius / 2, epi_radius
    for _ in range(60):  # R^2 (length - apical wall) rises with R
        volume = VOLUME_FACTOR * radius**2 * (epi_length - APEX_WALL * (epi_radius - radius)) / 1000
        low, high = (radius, high) if volume < lv_ml else (low, radius)
        radius = (low + high) / 2
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
        around = outline(samples.theta, heart).astype(np.float32)
        self.heart = heart
        self.samples = samples
        self.level = samples.rho / around  # inside a surface where this is below its radius
        heights = [[crescent(samples.theta[:, k], z, heart) for k, z in enumerate(zs)] for zs in samples.z]
        self.crescent = (np.stack([np.stack(planes, axis=1) for planes in heights]) / around).astype(np.float32)
        self.rv_wall = np.where(self.crescent > 0.02, RV_WALL_MM / around, 0).astype(np.float32)
        fat = np.cos(samples.theta - heart.septum_rad - 0.7) + 0.5 * np.cos(3 * samples.theta + 2 * heart.tilt_rad)
        self.wall_and_fat = self.rv_wall + (np.maximum(0.0, fat) * FAT_MM / 1.5 / around).astype(np.float32)

    @property
    def free_wall(self) -> Array:
        """[slice, row, col] 1 in the middle of the wall next to the lung, falling off around and towards the base."""
        theta = self.samples.theta[IN_PLANE**2 // 2]  # the middle of each pixel
        away = np.remainder(theta - self.heart.septum_rad, 2 * np.pi) - np.pi
        depth = np.clip(self.samples.z.mean(axis=0) / self.heart.apex_mm, 0, 1)
        return (np.exp(-((away / BAND_RAD) ** 2) / 2) * (0.4 + 0.6 * depth[:, None, None])).astype(np.float32)

    def label_shares(self, now: Pose) -> tuple[Array, Array, Array]:
        """Shares of the left cavity, the muscle and the right cavity."""
        return self._label_shares(now, self._beyond_rv(now))

    def below_valve_plane(self, now: Pose) -> Array:
        """[slice, 1, 1] share of each slice's thickness that lies below the valve plane."""
        return (self.samples.z >= now.base_mm - 1e-6).mean(axis=0).astype(np.float32)[:, None, None]

    def shares(self, now: Pose) -> Shares:
        """All tissues' shares."""
        beyond = self._beyond_rv(now)
        lv, muscle, rv = self._label_shares(now, beyond)
        epi = self._epi(now)
        walled = _share(beyond - self.rv_wall < epi)
        fatted = _share(beyond - self.wall_and_fat < epi)
        atria, atrial_wall = self._atria(now, beyond)
        return Shares(
            lv, muscle, rv, walled - lv - muscle - rv, fatted - walled, self._papillary(now), atria, atrial_wall
        )

    def _label_shares(self, now: Pose, beyond: Array) -> tuple[Array, Array, Array]:
        epi = self._epi(now)
        endo = _surface(now.endo_radius_mm * profile((self.samples.z - now.base_mm) / now.endo_length_mm))
        lv, within, both = _share(self.level < endo), _share(self.level < epi), _share(beyond < epi)
        return lv, within - lv, both - within

    def _atria(self, now: Pose, beyond: Array) -> tuple[Array, Array]:
        """Blood and thin wall beyond the valve plane: the left atrium round, the right as the crescent goes on."""
        above = self.samples.z < now.base_mm - 1e-6
        left, rim = (_surface(np.where(above, part * now.epi_radius_mm, 0.0)) for part in (0.86, 0.93))
        blood = _share((self.level < left) | ((beyond < rim) & (self.level > rim)))
        return blood, _share(beyond - 2 < rim) - blood

    def _beyond_rv(self, now: Pose) -> Array:
        """Radius over outline once the right ventricle's height is taken off."""
        return (self.level - np.float32(now.rv_height_mm) * self.crescent).astype(np.float32, copy=False)

    def _epi(self, now: Pose) -> Array:
        u = (self.samples.z - now.base_mm) / (self.heart.apex_mm - now.base_mm)
        return _surface(now.epi_radius_mm * profile(u))

    def _papillary(self, now: Pose) -> Array:
        """Share of the papillary muscles, taken at the middle of the slice, since they run along the long axis."""
        u = (self.samples.z.mean(axis=0) - now.base_mm) / now.endo_length_mm
        radius = now.endo_radius_mm * profile(u)
        start, end = PAPILLARY_SPAN
        thickness = PAPILLARY_MM * np.sqrt(np.maximum(0.0, 1 - ((u - (start + end) / 2) / ((end - start) / 2)) ** 2))
        thickness = np.minimum(thickness, 0.3 * radius).astype(np.float32)[:, None, None]
        found = np.zeros(self.level.shape[1:], np.float32)
        for direction, distance in PAPILLARIES:
            at = (distance * radius).astype(np.float32)[:, None, None]
            rho, turn = self.samples.rho, np.cos(self.samples.theta - direction)
            found += _share((rho**2 + at**2 - 2 * rho * at * turn < thickness**2)[None])
        return np.minimum(found, 1).astype(np.float32)


def _surface(radius_mm: NDArray[np.float64]) -> Array:
    """Radii [through, slice] for comparison with sub-samples; nothing is inside where the radius is 0."""
    return np.where(radius_mm > 0, radius_mm, -1e6).astype(np.float32)[:, None, :, None, None]


def _share(hits: NDArray[np.bool_]) -> Array:
    """Mean over sub-samples of hits [through, in plane, slice, row, col]."""
    planes = hits.reshape(-1, *hits.shape[2:])
    return planes.view(np.uint8).sum(axis=0, dtype=np.uint8).astype(np.float32) / np.float32(len(planes))
