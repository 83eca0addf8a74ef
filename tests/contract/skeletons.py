"""A small method of two stages that proves the contract: FOANet's.

They carry what the papers' stages carry, with networks of two convolutions; the methods themselves are in `methods/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.found import Found, Inferred, Piece
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Loss
from shortaxis.core.place import Place, Step
from shortaxis.core.recipe import FitRecipe, Settings
from shortaxis.core.sample import Batch, Field, Sample
from shortaxis.core.study import Note, Study
from shortaxis.losses.dice_ce import dice_ce_loss
from shortaxis.prepare.augment import AugmentConfig, Variation, draw, vary_geometry
from shortaxis.prepare.crop import crop_around, pad_to_square
from shortaxis.prepare.heart_box import Box, box_centre, overall_box, reference_box
from shortaxis.prepare.heart_crop import through
from shortaxis.prepare.neighbours import with_neighbours
from shortaxis.prepare.orient import orient_to_display
from shortaxis.prepare.resample import Resample
from shortaxis.prepare.restore import paste_slices

FIT = FitRecipe(steps=2, batch=4, learning_rate=1e-2, validate_every=1)
NOTHING_LOCATED = Note("SA-W999", "No heart was located; the whole image was taken.")


def _codes(study: Study, scheme: LabelScheme) -> NDArray[np.uint8]:
    if study.labels is None:
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "train on labelled cases only")
    return study.labels.scheme.translate(study.labels.array, scheme)


# --- FOANet: a coarse segmentation locates, a second network sees the box through a focus ----------------------------
class FoaConfig(Settings):
    """Sizes of both stages in pixels."""

    coarse_px: int = 32
    window_px: int = 32
    extension_px: float = 10.0  # fig. 8a: original pixels on every side
    augment: AugmentConfig = AugmentConfig(rotation_degrees=10, shift_px=2, mirror_slices=0)


def two_convolutions(channels: int, classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, classes, 3, padding=1))


def whole_slice_steps(study: Study, side: int) -> tuple[Step, ...]:
    orient = orient_to_display(study.grid)
    rows, cols = study.grid.shape[:0:-1] if orient.transpose else study.grid.shape[1:]
    square = pad_to_square((rows, cols))
    return orient, square, Resample(square.size, (side, side))


def window_steps(study: Study, box: Box, side: int) -> tuple[Step, ...]:
    """The square around a box of original pixels, resized: no spacing is needed."""
    orient = orient_to_display(study.grid)
    rows, cols = study.grid.shape[:0:-1] if orient.transpose else study.grid.shape[1:]
    extent = int(np.ceil(max(box[2] - box[0], box[3] - box[1]))) + 1
    row, col = orient.apply_points(np.array([box_centre(box)]))[0]
    window = crop_around((rows, cols), (float(row), float(col)), (extent, extent))
    return orient, window, Resample(window.size, (side, side))


def slices_with_neighbours(study: Study, frames: Sequence[int], steps: tuple[Step, ...]) -> Iterator[Sample]:
    """One sample per slice, n-1, n, n+1 as channels, each patient's volume at mean 0 and deviation 1 (III-B)."""
    mean, deviation = float(study.image.mean()), float(study.image.std()) + 1e-6
    for frame in frames:
        stack = through(steps, ((study.image[frame] - mean) / deviation).astype(np.float32)).astype(np.float32)
        for index in range(len(stack)):
            yield Sample(with_neighbours(stack, index, 1).astype(np.float32), Place(frame, (index,), steps))


def labelled(samples: Iterable[Sample], codes: NDArray[np.uint8]) -> Iterator[Sample]:
    for sample in samples:
        plane = codes[sample.place.frame, sample.place.slices[0]]
        drawn = Field(through(sample.place.steps, plane, "nearest").copy(), "nearest")
        yield Sample(sample.image, sample.place, {"labels": drawn}, sample.points)


def varied(sample: Sample, rng: np.random.Generator | None, config: AugmentConfig, side: int) -> Sample:
    return vary_geometry(sample, Variation() if rng is None else draw(config, rng), (side, side))


@dataclass(frozen=True)
class FoaLocate:
    """Net.1: coarse labels of the whole slice; its paste makes one box for the patient."""

    config: FoaConfig = FoaConfig()
    fit: FitRecipe = FIT
    name: str = "locate"

    def build(self, scheme: LabelScheme) -> nn.Module:
        return two_convolutions(3, len(scheme.structures) + 1)

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        return slices_with_neighbours(study, frames, whole_slice_steps(study, self.config.coarse_px))

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        return labelled(self.cut(study, None, range(study.n_frames)), _codes(study, scheme))

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return varied(sample, rng, self.config.augment, self.config.coarse_px)

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        return Loss(*dice_ce_loss(net(batch.image), batch.fields["labels"]))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        """The box of each slice's coarse labels; NaN where nothing was found."""
        heart = net(batch.image).argmax(1) > 0
        corners = torch.full((len(heart), 2, 2), float("nan"))
        for index, plane in enumerate(heart.cpu()):
            where = plane.nonzero()
            if len(where):
                corners[index] = torch.stack([where.amin(0), where.amax(0)]).float()
        return Inferred(corners=corners)

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        boxes = [
            sample.place.restore_points(piece.corners)
            for sample, piece in pieces
            if piece.corners is not None and np.isfinite(piece.corners).all()
        ]
        last = np.array(study.grid.shape[1:], float) - 1
        if boxes:
            corners = np.concatenate(boxes)
            first_corner = np.clip(corners.min(0) - self.config.extension_px, 0, last)
            last_corner = np.clip(corners.max(0) + self.config.extension_px, 0, last)
        else:
            first_corner, last_corner = np.zeros(2), last
        box = np.concatenate([first_corner, last_corner])
        notes = () if boxes else (NOTHING_LOCATED,)
        return Found(tuple(frames), boxes=np.tile(box, (len(frames), study.grid.shape[0], 1)), notes=notes)


@dataclass(frozen=True)
class FoaSegment:
    """Net.2: the box, weighted by a Gaussian around the object's centre (eq. 5), which moves with the image."""

    config: FoaConfig = FoaConfig()
    fit: FitRecipe = FIT
    name: str = "segment"

    def build(self, scheme: LabelScheme) -> nn.Module:
        return two_convolutions(3, len(scheme.structures) + 1)

    def _window(self, study: Study, box: Box, frames: Sequence[int]) -> Iterator[Sample]:
        steps = window_steps(study, box, self.config.window_px)
        centre = np.array([box_centre(box)])
        for step in steps:
            centre = step.apply_points(centre)
        for sample in slices_with_neighbours(study, frames, steps):
            yield Sample(sample.image, sample.place, sample.fields, {"centre": centre})

    def cut(self, study: Study, upstream: Found | None, frames: Sequence[int]) -> Iterable[Sample]:
        _, rows, cols = study.grid.shape
        whole = (0.0, 0.0, rows - 1.0, cols - 1.0)
        box = whole if upstream is None or upstream.boxes is None else overall_box(upstream.boxes)
        return self._window(study, box, frames)

    def examples(self, study: Study, scheme: LabelScheme, upstream: Found | None) -> Iterable[Sample]:
        codes = _codes(study, scheme)
        box = reference_box(study.labels) if study.labels else None
        if box is not None:
            room = self.config.extension_px
            return labelled(
                self._window(study, (box[0] - room, box[1] - room, box[2] + room, box[3] + room), range(len(codes))),
                codes,
            )
        return ()

    def augment(self, sample: Sample, rng: np.random.Generator | None) -> Sample:
        return varied(sample, rng, self.config.augment, self.config.window_px)

    def _focused(self, batch: Batch) -> Tensor:
        """The image times the focus around `points["centre"]` [batch, 1, 2]."""
        side = torch.arange(self.config.window_px, device=batch.image.device)
        grid = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1)  # [row, col, 2]
        away = (grid[None] - batch.points["centre"][:, :, None]).square().sum(-1)
        return batch.image * torch.exp(-away / self.config.window_px**2)[:, None]

    def loss(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Loss:
        return Loss(*dice_ce_loss(net(self._focused(batch)), batch.fields["labels"]))

    def infer(self, net: nn.Module, batch: Batch, generator: torch.Generator) -> Inferred:
        return Inferred(probs=torch.softmax(net(self._focused(batch)).float(), 1))

    def paste(self, pieces: Sequence[tuple[Sample, Piece]], study: Study, frames: Sequence[int]) -> Found:
        return paste_slices(pieces, study, frames)
