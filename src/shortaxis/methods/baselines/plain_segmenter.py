"""A 2D segmenter around any network: the same window, loss, training and repair, so that networks are what is compared.

`paper` is the setting in which HALSR-Net's paper compares them (Fakhfakh et al. 2025, section 4.3 and table 2): Adam,
learning rate 1e-3, batches of 32, early stopping, whole slices; a regressed ROI before those that its figures 7, 9 and
11 mark with a star; the widths of its table 9 where it has the network, else the published ones. `tuned` is the tuned
recipe of every 2D method here. The loss is Dice + cross-entropy in both (ours): the paper does not say which its
competitors had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import ACDC, LabelScheme
from shortaxis.core.method import Accepts, Loss, Method, RecipeName, Stage
from shortaxis.core.recipe import FitRecipe, Recipe, Settings
from shortaxis.core.sample import Batch, Sample
from shortaxis.core.study import Study
from shortaxis.losses.dice_ce import dice_ce_loss
from shortaxis.methods.baselines.network import Network, Preset, Widths, at_any_size, supervised_loss
from shortaxis.methods.halsrnet import PAPER as HALSR_PAPER
from shortaxis.methods.roi_regression import RoiOrNone, after_roi, tuned_roi
from shortaxis.methods.tuned_fit import TUNED_FOR_MICE, TUNED_SEGMENT_FIT, TUNED_WINDOW
from shortaxis.prepare.box_window import BoxWindowConfig, box_examples, cut_boxes
from shortaxis.prepare.heart_crop import HeartCropConfig, around_image, cut_heart, heart_examples, vary_heart
from shortaxis.prepare.restore import paste_slices
from shortaxis.repair.base import HoldBase
from shortaxis.repair.components import leave_as_is
from shortaxis.repair.whole import repair_heart

TUNED_WIDTHS = (24, 48, 96, 192, 384)  # the plain U-Net's
WHOLE_SLICE = BoxWindowConfig(of="slice", room_px=0)
UNLOCATED = FitRecipe(steps=0, batch=1)


class PlainConfig(Settings):
    """The network's widths and its window."""

    widths: Preset | Widths = "published"
    window: BoxWindowConfig | HeartCropConfig = WHOLE_SLICE


class PlainRecipe(Recipe):
    """Locator (None: whole slices, or the middle of the image), segmenter, and how each is trained."""

    locate: RoiOrNone
    locate_fit: FitRecipe
    segment: PlainConfig
    segment_fit: FitRecipe


@dataclass(frozen=True)
class PlainStage:
    """The segmenter, on the window its config names."""

    network: Network
    config: PlainConfig
    fit: FitRecipe
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        return self.network.built(2 * self.config.window.reach + 1, len(scheme.structures) + 1, self.config.widths)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        window = self.config.window
        if isinstance(window, HeartCropConfig):
            return cut_heart(study, upstream, frames, window)
        return cut_boxes(study, upstream, frames, window)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        window = self.config.window
        if isinstance(window, HeartCropConfig):  # the reference box, moved about by `augment`
            return heart_examples(study, scheme, window)
        return box_examples(study, scheme, upstream, window)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        window = self.config.window
        grey = window.grey if isinstance(window, HeartCropConfig) else "slice"
        return vary_heart(sample, rng, HeartCropConfig(size_px=window.size_px, grey=grey, augment=window.augment))

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        del generator  # dropout, where there is any, draws from torch's own generator
        return supervised_loss(self._logits(net, batch), lambda logits: dice_ce_loss(logits, batch.fields["labels"]))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        del generator
        return Inferred(probs=torch.softmax(self._logits(net, batch).float(), 1))

    def _logits(self, net: nn.Module, batch: Batch) -> Any:
        return at_any_size(net, batch.image, self.network.multiple(self.config.widths))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return paste_slices(pieces, study, frames)


def stages(network: Network, recipe: PlainRecipe) -> tuple[Stage, ...]:
    """The stages in order; without a locator a window of boxes becomes one of whole slices, a crop the image's middle."""
    config = recipe.segment
    if recipe.locate is None:
        config = config.model_copy(update={"window": _unlocated(config.window)})
    return after_roi(recipe.locate, recipe.locate_fit, PlainStage(network, config, recipe.segment_fit))


def _unlocated(window: BoxWindowConfig | HeartCropConfig) -> BoxWindowConfig | HeartCropConfig:
    if isinstance(window, HeartCropConfig):
        return around_image(window)
    return window.model_copy(update={"of": "slice", "room_px": 0})


def on_whole_slices(widths: Preset) -> PlainRecipe:
    """HALSR-Net's comparison, of a network without a star."""
    return PlainRecipe(
        locate=None,
        locate_fit=UNLOCATED,
        segment=PlainConfig(widths=widths),
        segment_fit=HALSR_PAPER.segment_fit,
    )


def behind_roi(widths: Preset) -> PlainRecipe:
    """HALSR-Net's comparison, of a network with a star: HALSR-Net's own regressed box before it."""
    return PlainRecipe(
        locate=HALSR_PAPER.locate,
        locate_fit=HALSR_PAPER.locate_fit,
        segment=PlainConfig(widths=widths, window=BoxWindowConfig()),
        segment_fit=HALSR_PAPER.segment_fit,
    )


def tuned(widths: Widths = TUNED_WIDTHS) -> PlainRecipe:
    """The tuned recipe of the 2D methods. All ours."""
    locate, locate_fit = tuned_roi()
    return PlainRecipe(
        locate=locate,
        locate_fit=locate_fit,
        segment=PlainConfig(widths=widths, window=TUNED_WINDOW),
        segment_fit=TUNED_SEGMENT_FIT,
    )


def plain_method(
    name: str, title: str, citation: str, network: Network, recipes: Mapping[RecipeName, PlainRecipe]
) -> Method:
    """A 2D baseline as the engines see it."""
    return Method(
        name=name,
        title=title,
        citation=citation,
        recipes=recipes,
        stages=partial(stages, network),
        repairs={"paper": leave_as_is, "tuned": repair_heart},  # the papers have none
        beat_repairs={"tuned": HoldBase()},
        default_scheme=ACDC,
        tuned_for={"mouse": {"segment": {"window": TUNED_FOR_MICE}}},
        accepts=Accepts(species=frozenset({"human", "mouse"})),  # a model fits the one it was trained on
    )
