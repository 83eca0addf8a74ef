"""The smallest stage that has all a real one has: convolutions, batch norm, dropout, two losses' terms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Loss
from shortaxis.core.place import Place
from shortaxis.core.recipe import FitRecipe
from shortaxis.core.sample import Batch, Field, Sample
from shortaxis.core.study import Study
from shortaxis.losses.dice_ce import dice_ce_loss
from shortaxis.prepare.augment import AugmentConfig, draw, vary_geometry, vary_grey
from shortaxis.prepare.heart_crop import HeartCropConfig, cut_heart, heart_examples
from shortaxis.prepare.restore import paste_slices

SIDE = 12
CROP = HeartCropConfig(size_px=SIDE, pixel_mm=6.0, room_px=2, reach=0)


def tiny_samples(count: int, seed: int = 0) -> list[Sample]:
    """Bright squares on noise, and where they are."""
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(count):
        labels = np.zeros((SIDE, SIDE), np.uint8)
        row, col = rng.integers(0, SIDE - 5, 2)
        labels[row : row + 5, col : col + 5] = 1 + index % 3
        image = (rng.normal(0, 0.3, (2, SIDE, SIDE)) + labels).astype(np.float32)
        samples.append(Sample(image, Place(index, (0,)), {"labels": Field(labels, "nearest")}))
    return samples


class TinyNet(nn.Module):
    """Two channels in and four 3x3 kernels, so that the order of memory could matter to a bit."""

    def __init__(self, channels: int, classes: int, norm: bool, dropout: float) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6) if norm else nn.Identity()
        self.drop = nn.Dropout(dropout)
        self.last = nn.Conv2d(6, classes, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        return self.last(self.drop(torch.relu(self.norm(self.first(image)))))


@dataclass(frozen=True)
class TinyStage:
    """A stage of `TinyNet`."""

    fit: FitRecipe
    norm: bool = True
    dropout: float = 0.3
    channels: int = 2
    name: str = "tiny"

    def build(self, scheme: LabelScheme) -> nn.Module:
        return TinyNet(self.channels, len(scheme.structures) + 1, self.norm, self.dropout)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        return cut_heart(study, upstream, frames, CROP)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        return heart_examples(study, scheme, CROP)

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        if rng is None:
            return sample
        variation = draw(AugmentConfig(shift_px=1), rng)
        moved = vary_geometry(sample, variation, (SIDE, SIDE))
        return Sample(vary_grey(moved.image, variation), moved.place, moved.fields)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        return Loss(*dice_ce_loss(net(batch.image), batch.fields["labels"]))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        return Inferred(probs=torch.softmax(net(batch.image), 1))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return paste_slices(pieces, study, frames)
