"""What a baseline is beside its recipe: a function that builds its network, and the widths it is known at.

`published` are its own paper's widths. `halsr_table_9` and `mnet_table_1` are widths at which it has as many parameters
as the paper that compares it states (HALSR-Net, table 9; 3D Attention M-net, table I), found by scaling the published
ones; both papers give the count alone. `docs/papers/baselines.md` lists what each then counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

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

    def built(self, channels: int, classes: int, widths: Preset | Widths) -> nn.Module:
        """The untrained network. Raises BadConfiguration for a preset or a number of levels that it does not have."""
        chosen = self.widths.get(widths) if isinstance(widths, str) else widths
        if chosen is None:
            raise BadConfiguration(
                f"one of {', '.join(self.widths)}, or a list of widths", repr(widths), "correct segment.widths"
            )
        if self.levels is not None and len(chosen) != self.levels:
            raise BadConfiguration(f"{self.levels} widths", f"{len(chosen)}", "correct segment.widths")
        return self.build(channels, classes, tuple(chosen))


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
