"""nnU-Net's planned 3D network; `nnunet_plan.py` says what is nnU-Net's and what is not.

`paper` trains it as the uncertainty paper trains its U-Net (Arega et al. 2021, section 2: 1.458 mm, SGD, 1000 epochs),
which is nnU-Net's way; the network is the one nnU-Net plans for that spacing.
"""

from __future__ import annotations

from shortaxis.methods.baselines.nnunet_plan import NETWORK_3D
from shortaxis.methods.baselines.plain_volumes import (
    PlainVolumeConfig,
    PlainVolumeRecipe,
    plain_volume_method,
    tuned,
)
from shortaxis.methods.uncertainty_unet import PAPER as UNCERTAINTY_PAPER

PAPER = PlainVolumeRecipe(
    locate=None,
    locate_fit=UNCERTAINTY_PAPER.locate_fit,
    segment=PlainVolumeConfig(window=UNCERTAINTY_PAPER.segment.window),
    segment_fit=UNCERTAINTY_PAPER.segment_fit,
)

METHOD = plain_volume_method(
    name="nnunet-plan-3d",
    title="the 3D network nnU-Net plans at 10 x 1.46 x 1.46 mm (MONAI's DynUNet)",
    citation="Isensee et al., Nature Methods 2021, doi:10.1038/s41592-020-01008-z",
    network=NETWORK_3D,
    recipes={"paper": PAPER, "tuned": tuned((16, 32, 64, 96, 160))},
)
