"""What the tuned recipes of the 2D segmenters share, so that the networks are what is compared. All ours."""

from __future__ import annotations

from shortaxis.core.recipe import FitRecipe
from shortaxis.prepare.augment import AugmentConfig
from shortaxis.prepare.heart_crop import HeartCropConfig

TUNED_WINDOW = HeartCropConfig(grey="stack", augment=AugmentConfig(rotation_degrees=20.0, shift_px=6.0, log_scale=0.12))
TUNED_FOR_MICE = {"pixel_mm": 0.15}  # laid over it for mice, whose left ventricle is 6 mm wide, not 60
TUNED_SEGMENT_FIT = FitRecipe(
    steps=4000,
    batch=12,
    optimiser="adamw",
    learning_rate=2e-3,
    weight_decay=1e-2,
    schedule="cosine",
    warmup_steps=100,
    validate_every=250,
    keep="last",
    average_decay=0.998,
    clip_norm=5.0,
)
