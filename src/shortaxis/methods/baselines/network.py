"""What a baseline is beside its recipe: a function that builds its network, and the widths it is known at.

`published` are its own paper's widths. `halsr_table_9` and `mnet_table_1` are widths at which it has as many parameters
as the paper that compares it states (HALSR-Net, table 9; 3D Attention M-net, table I), found by scaling the published
ones; both papers give the count alone. `docs/papers/baselines.md` lists what each then counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shortaxis.core.errors import BadConfiguration
from shortaxis.core.method import Loss

Preset = Literal["published", "halsr_table_9", "mnet_table_1"]
Widths = tuple[int, ...]
Build = Callable[[int, int, Widths], nn.Module]  # input channels, classes, widths


@dataclass(frozen=True)
class Network:
    """A network by its builder and its named widths, from the top level down.

    What is built answers logits [batch, class, ...] at the image's size; in training it may answer several, the
    finest first, each at the image's size: deep supervision.
    """

    build: Build
    widths: Mapping[Preset, Widths]
    levels: int | None = None  # how many widths it needs; None: any number
    halves_last: bool = False  # whether the lowest level is halved as well, not only what leads to it
    takes_any_size: bool = False  # it pools nothing that the sides must be whole for

    def built(self, channels: int, classes: int, widths: Preset | Widths) -> nn.Module:
        """The untrained network. Raises BadConfiguration for a preset or a number of levels that it does not have."""
        return self.build(channels, classes, self._chosen(widths))

    def multiple(self, widths: Preset | Widths) -> int:
        """What rows and columns must be multiples of, so that every halving is whole."""
        return 1 if self.takes_any_size else 2 ** (len(self._chosen(widths)) - 1 + self.halves_last)

    def _chosen(self, widths: Preset | Widths) -> Widths:
        chosen = self.widths.get(widths) if isinstance(widths, str) else widths
        if chosen is None:
            raise BadConfiguration(
                f"one of {', '.join(self.widths)}, or a list of widths", repr(widths), "correct segment.widths"
            )
        if self.levels is not None and len(chosen) != self.levels:
            raise BadConfiguration(f"{self.levels} widths", f"{len(chosen)}", "correct segment.widths")
        return tuple(chosen)


def at_any_size(net: nn.Module, image: Tensor, multiple: int) -> Any:
    """What `net` answers to an image [..., row, col] of any size, its output or list of outputs cut to that size.

    Below and to the right the border is repeated up to the next multiple; an image of such a size is given as it is.
    """
    rows, cols = image.shape[-2:]
    below, right = -rows % multiple, -cols % multiple
    if not (below or right):
        return net(image)
    sides = (0, right, 0, below) if image.dim() == 4 else (0, right, 0, below, 0, 0)
    outputs = net(F.pad(image, sides, mode="replicate"))
    if isinstance(outputs, Tensor):
        return outputs[..., :rows, :cols]
    return [logits[..., :rows, :cols] for logits in outputs]


def supervised_loss(
    outputs: Tensor | Sequence[Tensor], loss_of: Callable[[Tensor], tuple[Tensor, Mapping[str, Tensor]]]
) -> Loss:
    """The loss of one output, or of several weighted 1, 1/2, 1/4, ... to a sum of 1 (nnU-Net's weights).

    The record shows the finest output's terms.
    """
    if isinstance(outputs, Tensor):
        return Loss(*loss_of(outputs))
    found = [loss_of(logits) for logits in outputs]
    shares = [0.5**level for level in range(len(found))]
    losses = [share * loss / sum(shares) for share, (loss, _) in zip(shares, found, strict=True)]
    return Loss(torch.stack(losses).sum(), found[0][1])
