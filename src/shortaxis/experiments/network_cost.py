"""What a stage's network costs by its recipe alone: parameters and multiply-adds. Nothing is trained or computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from shortaxis.core.errors import LabelsMissing
from shortaxis.core.found import Found
from shortaxis.core.labels import LabelScheme
from shortaxis.core.method import Stage
from shortaxis.core.study import Study


@dataclass(frozen=True)
class NetworkCost:
    """A stage's network at the size its recipe gives it.

    Attributes:
        parameters: trained numbers.
        input_shape: of one sample: channel, [slice,] row, col.
        samples: how many a frame of the study is cut into.
        multiply_adds: of one sample's forward pass, convolutions and matrix products alone.
        slices: of the study's frame.
    """

    parameters: int
    input_shape: tuple[int, ...]
    samples: int
    multiply_adds: int
    slices: int

    @property
    def per_slice(self) -> float:
        """Multiply-adds for a slice of the study: a frame's samples over the frame's slices."""
        return self.samples * self.multiply_adds / self.slices


def network_cost(stage: Stage, scheme: LabelScheme, study: Study, upstream: Found | None) -> NetworkCost:
    """Count what a stage's network has and does for the first frame of `study`.

    Tensors have shapes and no content here, so that a network of any width is counted in little time and memory.

    Args:
        stage: with its recipe; widths and window are those of the recipe.
        scheme: gives the number of structures.
        study: what is cut into samples.
        upstream: boxes, for a stage that stands behind a locator.
    """
    samples = list(stage.cut(study, upstream, [0]))
    shape = samples[0].image.shape
    with FakeTensorMode(), torch.no_grad(), FlopCounterMode(display=False) as counter:
        net = stage.build(scheme).eval()
        net(torch.empty(1, *shape))
    parameters = sum(held.numel() for held in net.parameters())
    multiply_adds = counter.get_total_flops() // 2  # a multiplication and an addition are two operations
    return NetworkCost(parameters, shape, len(samples), multiply_adds, study.grid.shape[0])


def drawn_box(study: Study) -> Found:
    """The box around all that is drawn in a study, in every frame and slice: what a perfect locator would find.

    Raises LabelsMissing for a study without labels.
    """
    if study.labels is None or not study.labels.array.any():
        raise LabelsMissing("a labelled study", f"{study.name} has no labels", "give one with labels")
    places = np.argwhere(study.labels.array.any(axis=(0, 1))).astype(float)
    box = np.concatenate([places.min(axis=0), places.max(axis=0)])
    return Found(tuple(range(study.n_frames)), boxes=np.tile(box, (study.n_frames, study.grid.shape[0], 1)))
