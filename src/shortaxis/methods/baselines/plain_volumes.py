"""A 3D segmenter around any network: blocks around a located heart, the same loss, training and repair for all.

`paper` is the setting in which 3D Attention M-net's paper compares them (Huang et al. 2021, section III and table I):
blocks of 96 x 96 x 36 voxels, Adam, learning rate 1e-4, batches of 8, 150 epochs, table I's number of parameters.
`tuned` is the tuned recipe of the 3D methods here. The loss is Dice + cross-entropy in both (ours); in the paper each
network has its own publication's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import ACDC, LabelScheme
from shortaxis.core.method import Accepts, Loss, Method, RecipeName, Stage
from shortaxis.core.recipe import FitRecipe, Recipe, Settings
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.losses.uncertainty import segmentation_loss
from shortaxis.methods.attention_mnet import MOUSE_WINDOW
from shortaxis.methods.attention_mnet import PAPER as MNET_PAPER
from shortaxis.methods.baselines.network import Network, Preset, Widths, at_any_size, supervised_loss
from shortaxis.methods.instance_norm import Normalisation, with_normalisation
from shortaxis.methods.roi_regression import RoiOrNone, after_roi, tuned_roi
from shortaxis.methods.tuned_fit import TUNED_FOR_MICE, TUNED_SEGMENT_FIT, TUNED_WINDOW
from shortaxis.prepare.heart_volume import (
    HeartVolumeConfig,
    cut_volumes,
    paste_volumes,
    vary_volume,
    volume_around_image,
    volume_examples,
)
from shortaxis.repair.base import HoldBase
from shortaxis.repair.components import leave_as_is
from shortaxis.repair.whole import repair_heart

TUNED_PLANE = TUNED_WINDOW.model_copy(update={"reach": 0})


class PlainVolumeConfig(Settings):
    """The network's widths and normalisation, and its window."""

    widths: Preset | Widths = "published"
    window: HeartVolumeConfig = MOUSE_WINDOW
    normalisation: Normalisation = "batch"  # of networks that normalise over the batch; others stay as they are


class PlainVolumeRecipe(Recipe):
    """Locator (None: the middle of the image), segmenter, and how each is trained."""

    locate: RoiOrNone
    locate_fit: FitRecipe
    segment: PlainVolumeConfig
    segment_fit: FitRecipe


@dataclass(frozen=True)
class PlainVolumeStage:
    """The segmenter, on blocks of slices."""

    network: Network
    config: PlainVolumeConfig
    fit: FitRecipe
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        net = self.network.built(1, len(scheme.structures) + 1, self.config.widths)
        return with_normalisation(net, self.config.normalisation)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        return cut_volumes(study, upstream, frames, self.config.window)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        del upstream  # the reference box, moved about by `augment`: no locator's knowledge enters
        return volume_examples(study, scheme, self.config.window)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return vary_volume(sample, rng, self.config.window)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        """Dice + cross-entropy where somebody drew."""
        del generator  # dropout, where there is any, draws from torch's own generator
        labels, drawn = batch.fields["labels"], batch.fields["drawn"].bool()

        def dice_ce(logits: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
            dice, entropy = segmentation_loss(logits[None], labels, drawn, "softmax")  # one sample
            return dice + entropy, {"dice": dice, "cross_entropy": entropy}

        return supervised_loss(self._logits(net, batch), dice_ce)

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        del generator
        return Inferred(probs=torch.softmax(self._logits(net, batch).float(), 1))

    def _logits(self, net: nn.Module, batch: Batch) -> Any:
        return at_any_size(net, batch.image, self.network.multiple(self.config.widths))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return paste_volumes(pieces, study, frames)


def stages(network: Network, recipe: PlainVolumeRecipe) -> tuple[Stage, ...]:
    """The stages of a recipe in order; without a locator the blocks lie around the image's middle."""
    config = recipe.segment
    if recipe.locate is None:
        config = config.model_copy(update={"window": volume_around_image(config.window)})
    return after_roi(recipe.locate, recipe.locate_fit, PlainVolumeStage(network, config, recipe.segment_fit))


def as_compared(widths: Preset) -> PlainVolumeRecipe:
    """3D Attention M-net's comparison; its locator too, for the paper does not say what its crops were centred on."""
    return PlainVolumeRecipe(
        locate=MNET_PAPER.locate,
        locate_fit=MNET_PAPER.locate_fit,
        segment=PlainVolumeConfig(widths=widths),
        segment_fit=MNET_PAPER.segment_fit,
    )


def tuned(widths: Widths, depth: int = 12) -> PlainVolumeRecipe:
    """The tuned recipe of the 3D methods: native slices, `depth` of them a block. All ours."""
    locate, locate_fit = tuned_roi()
    window = HeartVolumeConfig(plane=TUNED_PLANE, depth=depth)
    return PlainVolumeRecipe(
        locate=locate,
        locate_fit=locate_fit,
        segment=PlainVolumeConfig(widths=widths, window=window, normalisation="instance"),
        segment_fit=TUNED_SEGMENT_FIT.model_copy(update={"batch": 2}),  # blocks, of up to 32 slices together
    )


def plain_volume_method(
    name: str, title: str, citation: str, network: Network, recipes: Mapping[RecipeName, PlainVolumeRecipe]
) -> Method:
    """A 3D baseline as the engines see it."""
    return Method(
        name=name,
        title=title,
        citation=citation,
        recipes=recipes,
        stages=partial(stages, network),
        repairs={"paper": leave_as_is, "tuned": repair_heart},  # the papers have none
        beat_repairs={"tuned": HoldBase()},
        default_scheme=ACDC,
        dimensions=3,
        tuned_for={"mouse": {"segment": {"window": {"plane": TUNED_FOR_MICE}}}},
        accepts=Accepts(species=frozenset({"human", "mouse"})),  # a model fits the one it was trained on
    )
