"""How the tuned recipes train a segmenter: one setting for all, so that the networks are what is compared."""

from __future__ import annotations

from shortaxis.core.recipe import FitRecipe

TUNED_SEGMENT_FIT = FitRecipe(  # all ours
    steps=4000,
    batch=12,
    optimiser="adamw",
    learning_rate=2e-3,
    weight_decay=1e-2,
    schedule="cosine",
    warmup_steps=100,
    validate_every=250,
    keep="last",
    average_decay=0.995,
    clip_norm=5.0,
)
