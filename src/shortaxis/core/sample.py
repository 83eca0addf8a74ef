"""What a network is fed: an image, everything that must move with it, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shortaxis.core.place import Interpolation, Place, Points

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Field:
    """An array [..., row, col] that moves with the image, and how it may be interpolated."""

    array: NDArray[np.generic]
    interpolation: Interpolation


@dataclass(frozen=True, eq=False)
class Sample:
    """One input of a stage.

    Attributes:
        image: float32 [channel, row, col] (2D) or [channel, slice, row, col] (3D).
        fields: labels, distance maps, weight maps by name.
        points: centres and corners by name, [n, 2] as (row, col).
        place: the way back to the study.
    """

    image: NDArray[np.float32]
    place: Place
    fields: Mapping[str, Field] = field(default_factory=dict)
    points: Mapping[str, Points] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of one shape, stacked. `image` is float32 [batch, channel, ...]; integer fields become int64.

    `cases` names the samples' studies where they are known, in the order of the batch.
    """

    image: Tensor
    fields: Mapping[str, Tensor]
    points: Mapping[str, Tensor]
    cases: tuple[str, ...] = ()

    def to(self, device: str) -> Batch:
        """The same batch on another device."""
        return Batch(
            self.image.to(device),
            {name: tensor.to(device) for name, tensor in self.fields.items()},
            {name: tensor.to(device) for name, tensor in self.points.items()},
            self.cases,
        )


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples that share shapes and names into one batch."""
    import torch  # here, so that `shortaxis --help` does not wait for it

    def stack(arrays: list[NDArray[np.generic]]) -> Tensor:
        whole = torch.from_numpy(np.stack(arrays))
        return whole.float() if whole.is_floating_point() else whole.long()

    first = samples[0]
    return Batch(
        stack([sample.image for sample in samples]),
        {name: stack([sample.fields[name].array for sample in samples]) for name in first.fields},
        {name: stack([sample.points[name] for sample in samples]) for name in first.points},
        tuple(sample.place.case for sample in samples),
    )
