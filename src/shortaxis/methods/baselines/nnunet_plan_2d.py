"""nnU-Net's planned 2D network; `nnunet_plan.py` says what is nnU-Net's and what is not.

`paper` is nnU-Net's own setting for ACDC where it is published: 256 pixels at 1.5625 mm (the middle of the image, no
locator), SGD with Nesterov momentum 0.99, learning rate 0.01 falling by a polynomial, 1000 epochs of 250 batches. Its
plan for ACDC has 256 x 224 pixels, whose shorter side is halved five times; the window here is square.
"""

from __future__ import annotations

from shortaxis.methods.baselines.nnunet_plan import NETWORK_2D
from shortaxis.methods.baselines.plain_segmenter import UNLOCATED, PlainConfig, PlainRecipe, plain_method, tuned
from shortaxis.methods.uncertainty_unet import PAPER as NNUNET_TRAINED
from shortaxis.prepare.heart_crop import HeartCropConfig

PAPER = PlainRecipe(
    locate=None,
    locate_fit=UNLOCATED,
    segment=PlainConfig(window=HeartCropConfig(size_px=256, pixel_mm=1.5625, reach=0, grey="stack")),
    segment_fit=NNUNET_TRAINED.segment_fit.model_copy(update={"batch": 32}),  # its batch is set by GPU memory; ours
)

METHOD = plain_method(
    name="nnunet-plan-2d",
    title="the 2D network nnU-Net plans for ACDC (MONAI's DynUNet)",
    citation="Isensee et al., Nature Methods 2021, doi:10.1038/s41592-020-01008-z",
    network=NETWORK_2D,
    recipes={"paper": PAPER, "tuned": tuned()},
)
