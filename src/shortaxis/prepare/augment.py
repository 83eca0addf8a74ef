"""Random variation of samples: drawn in one place, applied deterministically in another.

`draw` turns a random generator into a `Variation`, which is a record of what happens; `vary_geometry` and `vary_grey`
apply it, moving image, fields and points together through one affine warp.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat

from shortaxis.core.place import Points
from shortaxis.core.recipe import Settings, Share
from shortaxis.core.sample import Field, Sample
from shortaxis.prepare.neighbours import MOST_REACH
from shortaxis.prepare.planes import warp_planes

MOST_CHANNELS = 2 * MOST_REACH + 1  # neighbours on either side and the slice itself


class AugmentConfig(Settings):
    """How far samples are varied. Angles in degrees, shifts in pixels of the sample; each range is symmetric."""

    rotation_degrees: NonNegativeFloat = 30.0
    shift_px: NonNegativeFloat = 8.0
    log_scale: NonNegativeFloat = 0.18  # factor between exp(-x) and exp(x)
    log_stretch: NonNegativeFloat = 0.08  # rows against columns
    mirror_slices: Share = 0.5  # chance of swapping the neighbours' order: apex-base may be either way round
    log_gamma: NonNegativeFloat = 0.35
    noise: NonNegativeFloat = 0.12  # standard deviations of the image; drawn between 0 and this
    blur_px: NonNegativeFloat = 0.8
    shading: NonNegativeFloat = 0.35  # depth of a smooth multiplicative field, log units
    log_contrast: NonNegativeFloat = 0.25  # about the mean; matters where grey values are scaled by the stack
    brightness: NonNegativeFloat = 0.3  # standard deviations of the image
    log_contrast_between_slices: NonNegativeFloat = 0.1  # scanners scale slices apart


@dataclass(frozen=True)
class Variation:
    """One drawn variation."""

    angle_rad: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)  # (row, col)
    scale: tuple[float, float] = (1.0, 1.0)  # (row, col); above 1 the heart grows
    mirror_slices: bool = False
    gamma: float = 1.0
    noise: float = 0.0
    blur_px: float = 0.0
    shading: tuple[float, ...] = ()  # 3x3 control points, log units
    contrast: float = 1.0
    brightness: float = 0.0
    channel_contrast: tuple[float, ...] = ()
    seed: int = 0  # of the noise


def draw(config: AugmentConfig, rng: np.random.Generator) -> Variation:
    """A random variation within `config`."""

    def within(limit: float) -> float:
        return float(rng.uniform(-limit, limit))

    size, stretch = within(config.log_scale), within(config.log_stretch)
    return Variation(
        angle_rad=np.deg2rad(within(config.rotation_degrees)),
        shift_px=(within(config.shift_px), within(config.shift_px)),
        scale=(float(np.exp(size + stretch)), float(np.exp(size - stretch))),
        mirror_slices=bool(rng.random() < config.mirror_slices),
        gamma=float(np.exp(within(config.log_gamma))),
        noise=float(rng.uniform(0, config.noise)) if rng.random() < 0.5 else 0.0,
        blur_px=float(rng.uniform(0, config.blur_px)) if rng.random() < 0.3 else 0.0,
        shading=tuple(float(v) for v in rng.uniform(-config.shading, config.shading, 9)) if rng.random() < 0.5 else (),
        seed=int(rng.integers(2**31)),
        contrast=float(np.exp(within(config.log_contrast))),
        brightness=within(config.brightness),
        channel_contrast=tuple(float(np.exp(within(config.log_contrast_between_slices))) for _ in range(MOST_CHANNELS)),
    )


def _target_to_source(variation: Variation, source: tuple[int, int], target: tuple[int, int]) -> NDArray[np.float64]:
    """2x3 from target (col, row, 1) to source (col, row), both about their centres."""
    cos, sin = np.cos(variation.angle_rad), np.sin(variation.angle_rad)
    linear = np.array([[cos, -sin], [sin, cos]]) / np.array([variation.scale[1], variation.scale[0]])
    middle_target = np.array([(target[1] - 1) / 2, (target[0] - 1) / 2])
    middle_source = np.array([(source[1] - 1) / 2, (source[0] - 1) / 2])
    offset = middle_source - linear @ (middle_target + np.array(variation.shift_px[::-1]))
    return np.column_stack([linear, offset])


def vary_geometry(sample: Sample, variation: Variation, size: tuple[int, int]) -> Sample:
    """The sample warped into `size` (rows, cols) about its middle; its `place` no longer leads back."""
    source = (sample.image.shape[-2], sample.image.shape[-1])
    matrix = _target_to_source(variation, source, size)
    image = warp_planes(sample.image, matrix, size, "linear")
    if variation.mirror_slices:
        image = image[::-1]
    fields = {
        name: Field(warp_planes(field.array, matrix, size, field.interpolation), field.interpolation)
        for name, field in sample.fields.items()
    }
    points = {name: _move_points(held, matrix) for name, held in sample.points.items()}
    return replace(sample, image=np.ascontiguousarray(image), fields=fields, points=points)


def _move_points(points: Points, target_to_source: NDArray[np.float64]) -> Points:
    linear, offset = target_to_source[:, :2], target_to_source[:, 2]
    moved = np.linalg.solve(linear, (points[:, ::-1] - offset).T).T
    return np.asarray(moved[:, ::-1], np.float64)


def vary_grey(image: NDArray[np.float32], variation: Variation) -> NDArray[np.float32]:
    """Grey values [channel, ..., row, col] through blur, shading, gamma, noise and contrast, on about the same scale."""
    if variation.blur_px > 0.1:
        planes = image.reshape(-1, *image.shape[-2:])  # in plane only: slices of a volume lie far apart
        image = np.stack([cv2.GaussianBlur(plane, (0, 0), variation.blur_px) for plane in planes]).reshape(image.shape)
    low, high = float(image.min()), float(image.max())
    unit = (image - low) / (high - low + 1e-6)
    if variation.shading:
        coarse = np.array(variation.shading, np.float32).reshape(3, 3)
        unit = unit * np.exp(cv2.resize(coarse, image.shape[:-3:-1], interpolation=cv2.INTER_CUBIC))
    if variation.gamma != 1.0:
        unit = np.power(np.maximum(unit, 0.0), variation.gamma)
    if variation.noise > 0:
        noise = np.random.default_rng(variation.seed).standard_normal(unit.shape, np.float32)
        unit = unit + variation.noise * float(unit.std()) * noise
    spread = float(image.std())
    varied = (unit * (high - low) + low) * variation.contrast + variation.brightness * spread
    if variation.channel_contrast and len(image) > 1:
        factors = np.array(variation.channel_contrast[: len(image)], np.float32)
        varied = varied * factors.reshape(-1, *[1] * (image.ndim - 1))
    return varied.astype(np.float32, copy=False)
